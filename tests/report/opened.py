"""A page in a browser, and what a command ended with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple


class Opened:
    """A page that has been drawn, what it said, and what it asked a network for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.said: list[str] = []
        self.requests: list[str] = []
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.route(lambda url: not url.startswith(("file:", "data:")), self._refuse)
        self.page.goto(path.as_uri())
        self.page.evaluate("alRay.ready")

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    def _refuse(self, route: Any) -> None:
        self.requests.append(route.request.url)
        route.abort()


class Shown(NamedTuple):
    """What a command ended with."""

    code: int
    out: str
    err: str
