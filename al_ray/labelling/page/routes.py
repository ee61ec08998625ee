"""What can be asked and said, in JSON."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any, Final

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from al_ray.errors import AlRayError, StorageError, StudyConflict, UserError
from al_ray.labelling.answers.log import Said, now
from al_ray.labelling.desk import Desk, Item
from al_ray.labelling.page.guard import Guard
from al_ray.language import mark, spoken

MOST: Final = 200
"""Rows that one request gets."""

_ALL: Final = 2**31

LONGEST: Final = 2**18
"""Bytes of a request; a note has at most 2,000 characters."""

_FOREIGN: Final = mark("the page has sent what is not taken here; load it again")

_NOTE: Final = 2_000
_NAME: Final = 60
_DAY: Final = 86_400.0

_ASSETS: Final = {
    "": ("page.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
    "ask.js": ("ask.js", "text/javascript"),
    "marks.js": ("marks.js", "text/javascript"),
    "outbox.js": ("outbox.js", "text/javascript"),
    "rows.js": ("rows.js", "text/javascript"),
    "stopwatch.js": ("stopwatch.js", "text/javascript"),
    "tagging.js": ("tagging.js", "text/javascript"),
    "words.js": ("words.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}


class Json(Response):
    """JSON in ASCII, since a text may hold what UTF-8 does not, such as half of a pair."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Of anything that JSON can hold."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False).encode("ascii")


def app(
    desk: Desk,
    token: str,
    names: Sequence[str] | None = None,
    wanted: Callable[[], None] | None = None,
) -> ASGIApp:
    """The page and what it asks, below `/<token>/`.

    Args:
        desk: of the project.
        token: that every path begins with.
        names: of annotators, of whom the page offers these alone; None: any name is taken.
        wanted: called after each new thing said; it is to return soon, and what it raises is lost.

    Raises:
        ValueError: the token is too short, or does not fit into an address.
    """
    asked = _Asked(desk, token, names, wanted)
    routes = [
        *(Route(f"/{path}", _asset(*file), methods=["GET"]) for path, file in _ASSETS.items()),
        Route("/api/project", asked.project, methods=["GET"]),
        Route("/api/items", asked.items, methods=["GET"]),
        Route("/api/said", asked.said, methods=["GET"]),
        Route("/api/suggestion", asked.suggestion, methods=["GET"]),
        Route("/api/found", asked.found, methods=["GET"]),
        Route("/api/say", asked.say, methods=["POST"]),
    ]
    handlers: Any = {
        StorageError: _later,
        StudyConflict: _later,
        UserError: _refused,
        Exception: _broken,
    }
    return Guard(
        Starlette(routes=[Mount(f"/{token}", routes=routes)], exception_handlers=handlers), token
    )


class _Asked:
    """What each request is answered with; where it is not a coroutine, in a thread."""

    def __init__(
        self,
        desk: Desk,
        token: str,
        names: Sequence[str] | None,
        wanted: Callable[[], None] | None,
    ) -> None:
        self._desk, self._wanted = desk, wanted
        self._names = names and [unicodedata.normalize("NFC", name).strip() for name in names]
        # What a browser keeps is named by this: it outlives a restart, and is not the token.
        self._project = hashlib.blake2b(token.encode(), digest_size=8).hexdigest()

    def project(self, _: Request) -> Response:
        return Json(
            {
                "project": self._project,
                "title": self._desk.title,
                "task": self._desk.task,
                "labels": list(self._desk.labels),
                "guideline": self._desk.guideline,
                "names": self._names,
                "language": spoken(),
            }
        )

    def items(self, request: Request) -> Response:
        annotator = self._annotator(request.query_params.get("annotator"))
        items = self._desk.items(annotator, _number(request))
        progress = self._desk.progress(annotator)
        return Json({"items": [asdict(item) for item in items], "progress": asdict(progress)})

    def said(self, request: Request) -> Response:
        """With their texts, so that the page can go back to one while it is offline."""
        annotator = self._annotator(request.query_params.get("annotator"))
        found = []
        for said in self._desk.said(annotator, _number(request)):
            item = self._desk.item(said.row_id)
            if item is not None:
                found.append(asdict(item) | _was(said))
        return Json({"said": found})

    def suggestion(self, request: Request) -> Response:
        found = self._desk.suggestion(request.query_params.get("row_id", ""))
        return Json({"suggestion": None if found is None else asdict(found)})

    def found(self, request: Request) -> Response:
        """With what the annotator said of them, however long ago: so much they may change."""
        annotator = self._annotator(request.query_params.get("annotator"))
        query = request.query_params.get("query", "")
        items: list[Item] = self._desk.found(query, _number(request)) if query.strip() else []
        said = {said.row_id: said for said in self._desk.said(annotator, _ALL)} if items else {}
        return Json(
            {
                "items": [
                    asdict(item) | ({"was": _was(said[item.row_id])} if item.row_id in said else {})
                    for item in items
                ]
            }
        )

    async def say(self, request: Request) -> Response:
        facts = await _read(request)
        event = self._event(facts)
        new = await run_in_threadpool(self._desk.say, event)
        progress = await run_in_threadpool(self._desk.progress, event.annotator)
        then = BackgroundTask(self._wanted) if new and self._wanted else None
        return Json({"new": new, "progress": asdict(progress)}, background=then)

    def _event(self, facts: dict[str, Any]) -> Said:
        note = _text(facts, "note")
        if len(note) > _NOTE:
            raise UserError("a note of more than {most} characters; shorten it", most=_NOTE)
        try:
            return Said(
                row_id=_text(facts, "row_id"),
                annotator=self._annotator(facts.get("annotator")),
                state=_text(facts, "state"),  # type: ignore[arg-type]  # it refuses any other
                answer=_text(facts, "answer"),
                time=now(),  # of this machine, since the clocks of annotators' machines differ
                annotation=_annotation(facts),
                seconds=_seconds(facts.get("seconds")),
                note=note.encode("utf-8", "replace").decode("utf-8"),  # half of a pair is no text
                source="page",
            )
        except ValueError:
            raise UserError(_FOREIGN) from None

    def _annotator(self, name: object) -> str:
        """In one form, since a Korean name may be typed in two that look alike."""
        if not isinstance(name, str) or not (name := unicodedata.normalize("NFC", name).strip()):
            raise UserError("no annotator's name; give one")
        if self._names is not None and name not in self._names:
            raise UserError(
                "annotator {name!r}: none of this project's ({names})",
                name=name[:_NAME],
                names=", ".join(self._names),
            )
        if len(name) > _NAME or not name.isprintable():
            raise UserError("an annotator's name has at most {most} printable letters", most=_NAME)
        return name


def _asset(name: str, kind: str) -> Callable[[Request], Response]:
    content = (files("al_ray.labelling.page") / "assets" / name).read_bytes()
    return lambda _: Response(content, media_type=kind)


def _was(said: Said) -> dict[str, str]:
    return {"state": said.state, "answer": said.answer, "note": said.note}


async def _read(request: Request) -> dict[str, Any]:
    """The object that a request is; not more of it than is allowed.

    Raises:
        UserError: it is none.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UserError(_FOREIGN)
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LONGEST:
            raise UserError(_FOREIGN)
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise UserError(_FOREIGN)
    return facts


def _text(facts: dict[str, Any], name: str) -> str:
    value = facts.get(name, "")
    if not isinstance(value, str):
        raise UserError(_FOREIGN)
    return value


def _annotation(facts: dict[str, Any]) -> str:
    found = _text(facts, "annotation")
    if not (0 < len(found) <= 64 and found.isascii() and found.isprintable()):
        raise UserError(_FOREIGN)
    return found


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _DAY:
        raise UserError(_FOREIGN)
    return float(value)


def _number(request: Request) -> int:
    try:
        n = int(request.query_params.get("n", "20"))
    except ValueError:
        n = 20
    return min(max(n, 1), MOST)


def _refused(_: Request, error: Exception) -> Response:
    """The page shows it and does not ask again."""
    return Json({"error": str(error)}, 422)


def _later(_: Request, error: Exception) -> Response:
    """A disk that is full may have room later: the page keeps the answer and comes back."""
    return Json({"error": str(error)}, 503)


def _broken(_: Request, error: Exception) -> Response:
    said = str(error) if isinstance(error, AlRayError) else f"{type(error).__name__}: {error}"
    return Json({"error": said}, 500)
