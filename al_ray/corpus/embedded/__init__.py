"""Corpora that come with al_ray, for runs with no download."""
