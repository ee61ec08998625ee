"""Who may ask the page's server anything: a browser of this machine that knows the address."""

from __future__ import annotations

import re
import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "x-al-ray"
"""What a page of another origin cannot send without being asked for it first, which is refused."""

_HOST: Final = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,100}")

_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",  # the address is a secret
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Lets through only what bears the token, and puts the same headers on every answer.

    A name of elsewhere that is made to point at this machine gives itself away by its Host header;
    a page of elsewhere, by Origin, or by lacking a header of ours. Whoever does not know the token
    learns nothing but that something listens.

    Args:
        app: to protect.
        token: the first part of every path.

    Raises:
        ValueError: a token that could be guessed, or that does not fit into an address.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        if not _TOKEN.fullmatch(token):
            raise ValueError("a token is 16 to 100 of A-Z, a-z, 0-9, - and _")
        self._app, self._token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have it answered."""
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refused = self._refusal(scope)
        await (refused or self._app)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            return PlainTextResponse("Forbidden", 403)
        first = scope["path"].removeprefix("/").partition("/")[0]
        if not secrets.compare_digest(first.encode("utf-8", "replace"), self._token):
            return PlainTextResponse("Not Found", 404)
        if scope["method"] not in ("GET", "HEAD") and not _from_here(headers):
            return PlainTextResponse("Forbidden", 403)
        return None


def _from_here(headers: Headers) -> bool:
    """Whether the page itself sent it; a browser that says where it comes from is believed."""
    return (
        HEADER in headers
        and headers.get("origin", f"http://{headers['host']}") == f"http://{headers['host']}"
        and headers.get("sec-fetch-site", "same-origin") == "same-origin"
    )
