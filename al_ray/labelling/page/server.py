"""The page's server: on 127.0.0.1, at an address that nobody can guess."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

import uvicorn

from al_ray.errors import UserError
from al_ray.labelling.desk import Desk
from al_ray.labelling.page.routes import app

__all__ = ["Server", "app"]

HOST: Final = "127.0.0.1"
"""And no other: who labels from elsewhere comes through a tunnel of their own."""

_LEAVING: Final = 5
"""Seconds that requests under way are given when it is stopped."""


class Server:
    """A page of a project; `run` in the main thread, or `start` and `stop` (or `with`) in another.

    It listens once: after a stop, make another one with the same port and token.

    Args:
        desk: of the project.
        token: that nobody can guess; kept by the caller, so that a restart keeps the address.
        port: 0: any that is free.
        names: of annotators; None: whoever comes.
        wanted: called after each new thing said; it is to return soon.
        listening: called with the address once it can be opened.

    Raises:
        ValueError: the token is too short, or does not fit into an address.
    """

    def __init__(
        self,
        desk: Desk,
        token: str,
        port: int = 0,
        names: Sequence[str] | None = None,
        wanted: Callable[[], None] | None = None,
        listening: Callable[[str], None] | None = None,
    ) -> None:
        self.port, self.token = port, token
        self._listening = listening
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app(desk, self.token, names, wanted),
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="critical",  # the address would be in what it says
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_LEAVING,
            ),
            self._heard,
        )
        self._thread: threading.Thread | None = None
        self._open = threading.Event()

    @property
    def address(self) -> str:
        """To open in a browser; with port 0 it is known once it listens."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    def run(self) -> None:
        """Until it is stopped, by `stop` or by SIGINT or SIGTERM.

        What is under way is answered first. A signal is then given to whoever would have had it.

        Raises:
            UserError: another program has the port.
        """
        self._run(_bound(self.port))

    def start(self) -> str:
        """In a thread; it listens when this returns, which is with the address.

        Raises:
            UserError: another program has the port.
        """
        bound = _bound(self.port)
        self._thread = threading.Thread(target=self._run, args=(bound,), daemon=True)
        self._thread.start()
        while not self._open.wait(0.1):
            if not self._thread.is_alive():
                raise RuntimeError("the page's server ended before it began")
        return self.address

    def stop(self) -> None:
        """From any thread; what is under way is answered first."""
        self._uvicorn.should_exit = True
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, bound: socket.socket) -> None:
        with bound:
            self.port = bound.getsockname()[1]
            self._uvicorn.run(sockets=[bound])

    def _heard(self) -> None:
        self._open.set()
        if self._listening is not None:
            self._listening(self.address)


class _Uvicorn(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()


def _bound(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would share the port with another program
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((HOST, port))
    except (OSError, OverflowError) as error:
        found.close()
        raise UserError(
            "port {port} of this machine cannot be had ({error}); give another, or 0 for any",
            port=port,
            error=error,
        ) from error
    return found
