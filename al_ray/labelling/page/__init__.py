"""A page to label in: rows out and answers in over HTTP, on this machine alone."""

from al_ray.labelling.page.server import Server, app

__all__ = ["Server", "app"]
