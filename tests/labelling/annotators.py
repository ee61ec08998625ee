"""People at the page of a project, in a headless Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from small_desk import TOKEN, SmallDesk

from al_ray.labelling.page import Server

DESKTOP = {"viewport": {"width": 1280, "height": 800}, "locale": "ko-KR"}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Annotator:
    """Somebody at the page, who is stopped by the first thing that goes wrong on it."""

    def __init__(self, context: Any, address: str, lang: str = "ko") -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{address}?lang={lang}")

    def named(self, name: str) -> Annotator:
        self.page.fill("#name-input", name)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector("#text:visible")
        return self

    @property
    def text(self) -> str:
        return self.page.inner_text("#text")

    def shows(self, part: str) -> None:
        self.page.wait_for_function(
            "(part) => document.getElementById('text').textContent.includes(part)", arg=part
        )

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def waiting(self) -> int:
        return self.page.evaluate(
            "Object.keys(localStorage).filter((key) => key.includes('/event/')).length"
        )

    def sent(self) -> None:
        """Wait until nothing waits."""
        self.page.wait_for_function(
            "() => !Object.keys(localStorage).some((key) => key.includes('/event/'))"
        )


@contextmanager
def visits(
    browser: Any, address: str, kind: type[Annotator] = Annotator
) -> Iterator[Callable[..., Any]]:
    """Gives what opens the page in a new browser profile; nothing may go wrong on any."""
    contexts, here = [], []

    def go(lang: str = "ko", **options: Any) -> Annotator:
        contexts.append(browser.new_context(**(options or DESKTOP)))
        here.append(kind(contexts[-1], address, lang))
        return here[-1]

    yield go
    errors = [each.errors for each in here]
    for context in contexts:
        context.close()
    assert errors == [[] for _ in here]


def restarted(server: Server, desk: SmallDesk) -> Server:
    return Server(desk, TOKEN, server.port)
