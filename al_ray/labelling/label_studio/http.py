"""Requests to a Label Studio server: who asks, and what is said where it goes wrong."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from al_ray.errors import UserError

_SECONDS: Final = 120.0
"""How long an answer may take."""


class Server:
    """A server, as one of its users.

    Args:
        url: as a browser has it, such as `http://127.0.0.1:8080`.
        token: of the user: a personal access token, or one of the old kind where the server still
            takes these. No message has it.

    Raises:
        UserError: no such address or token can be.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token.strip()
        self._access = ""  # what a personal access token is exchanged for; it lasts minutes
        if not self.url.startswith(("http://", "https://")):
            raise UserError(
                "Label Studio {url!r}: is no address; give one that begins with http:// or "
                "https://",
                url=url[:200],
            )
        # What a header cannot hold would otherwise be quoted by who refuses it.
        if not (self._token.isascii() and self._token.isprintable() and self._token):
            raise UserError(
                "Label Studio {url}: the token is empty or has characters that no token has; copy "
                "it again",
                url=self.url,
            )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        of: int | None = None,
        gone: bool = False,
    ) -> Any:
        """What the server answers, as parsed.

        Args:
            method: of HTTP.
            path: from the server's root.
            body: sent as JSON.
            query: of the address.
            of: the project that a 404 would be about.
            gone: whether a 404 is as good.

        Raises:
            UserError: it cannot be reached, does not take the token, has no such project or
                refuses; in one line with the remedy.
        """
        path += f"?{urlencode(query, doseq=True)}" if query else ""
        status, answer = self._sent(method, path, body, self._authorization())
        if status == HTTPStatus.UNAUTHORIZED and self._access:
            self._access = ""  # it has come to its end
            status, answer = self._sent(method, path, body, self._authorization())
        if status == HTTPStatus.NOT_FOUND and gone:
            return None
        if status == HTTPStatus.NOT_FOUND and of is not None:
            raise UserError(
                "Label Studio {url}: has no project {project} that this token's user may see; take "
                "the number from its address in a browser",
                url=self.url,
                project=of,
            )
        return self._good(status, answer)

    def _authorization(self) -> str:
        if self._token.count(".") != 2:  # of the old kind; a personal access token is a JWT
            return f"Token {self._token}"
        if not self._access:
            body = {"refresh": self._token}
            answer = self._good(*self._sent("POST", "/api/token/refresh", body, ""))
            if not isinstance(answer, Mapping) or not isinstance(answer.get("access"), str):
                raise self._stranger()
            self._access = answer["access"]
        return f"Bearer {self._access}"

    def _good(self, status: int, answer: Any) -> Any:
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise UserError(
                "Label Studio {url}: does not take the token ({reason}); make a personal access "
                "token there, under Account & Settings",
                url=self.url,
                reason=self._words(answer, status),
            )
        if 300 <= status < 400:
            raise UserError(
                "Label Studio {url}: leads to another address; give the one that a browser ends at",
                url=self.url,
            )
        if status >= 400:
            raise UserError(
                "Label Studio {url}: refuses with {status} ({reason}); what it has taken stays, "
                "so do the same again once that is put right",
                url=self.url,
                status=status,
                reason=self._words(answer, status),
            )
        return answer

    def _sent(self, method: str, path: str, body: Any, authorization: str) -> tuple[int, Any]:
        """The status, and what came with it: parsed; a text where it is not JSON and an error."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if authorization:
            headers["Authorization"] = authorization
        data = None if body is None else json.dumps(body).encode()
        try:
            request = Request(self.url + path, data, headers, method=method)
            with _OPENER.open(request, timeout=_SECONDS) as response:
                content = response.read()
                return response.status, json.loads(content) if content else None
        except HTTPError as error:
            with error:
                return error.code, _read(error)
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise UserError(
                "Label Studio {url}: cannot be reached ({reason}); start it, or give the address "
                "that a browser has",
                url=self.url,
                reason=self._words(str(reason) or type(reason).__name__, 0),
            ) from None
        except ValueError:
            raise self._stranger() from None

    def _stranger(self) -> UserError:
        return UserError(
            "Label Studio {url}: what answers there is no Label Studio; give the address that a "
            "browser has",
            url=self.url,
        )

    def _words(self, answer: Any, status: int) -> str:
        """What a server says of an error, on one line, short, and never the token."""
        if isinstance(answer, Mapping):
            answer = answer.get("validation_errors") or answer.get("detail") or answer
            answer = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        words = " ".join(str(answer or status).split())
        for secret in filter(None, (self._token, self._access)):
            words = words.replace(secret, "…")
        return words[:200]


def _read(error: HTTPError) -> Any:
    """What came with an error: parsed, or its name where it is a page or broken."""
    try:
        return json.loads(error.read())
    except (ValueError, OSError, http.client.HTTPException):
        return error.reason


class _Stay(HTTPRedirectHandler):
    """Follows nothing: the token would go along, to whoever it leads to."""

    def redirect_request(self, *of: Any) -> None:
        """None: it is answered as an error."""
        return None


_OPENER: Final = build_opener(_Stay)
