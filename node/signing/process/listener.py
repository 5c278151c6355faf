"""The signer's end of the socket: who may ask, how many at once, and for how long a request may take to arrive.

A process of another user is sent away by what the kernel says about it (SO_PEERCRED), whatever the mode of the socket.
Whoever may ask may have been taken over: connections, bytes and seconds are bounded, so that a command beside it is
served again as soon as it lets go.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from struct import Struct
from threading import BoundedSemaphore, Event, Thread
from time import monotonic
from typing import Final

from node.errors import ConfigError, SignerDownError
from node.journal import Journal
from node.signing.process.frames import Received, Reply, failure, read_request, refused

MAX_CONNECTIONS: Final = 32
MAX_LARGE: Final = 2
"""Requests of more than a mebibyte in memory at once."""
_REQUEST_SECONDS: Final = 10.0
_REPLY_SECONDS: Final = 10.0
_LARGE: Final = 1024 * 1024
_MAX_PATH: Final = 100
_CREDENTIALS: Final = Struct("3i")
_WAKE_SECONDS: Final = 0.2
_journal = Journal("signer")

Serve = Callable[[Received], Reply]


class Listener:
    """Serves `serve` at `path` to processes of the users `admitted`; a context manager."""

    def __init__(self, path: Path, serve: Serve, *, admitted: frozenset[int]) -> None:
        self._path = path
        self._serve = serve
        self._admitted = admitted
        self._free = BoundedSemaphore(MAX_CONNECTIONS)
        self._large = BoundedSemaphore(MAX_LARGE)
        self._stop = Event()

    def stop(self) -> None:
        """End `run`, after what is under way."""
        self._stop.set()

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until stopped; whoever runs it makes sure that nobody else does at this path."""
        with self._bound() as listener:
            listener.settimeout(_WAKE_SECONDS)
            ready()
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    self._admit(listener.accept()[0])
        # What is under way is finished: its reply may be the only proof of it.
        for _ in range(MAX_CONNECTIONS):
            self._free.acquire(timeout=_REQUEST_SECONDS + _REPLY_SECONDS)
        self._path.unlink(missing_ok=True)

    def _bound(self) -> socket.socket:
        if len(str(self._path)) > _MAX_PATH:
            raise ConfigError(
                "{path} is too long a path for a socket", self._path, hint="name a shorter one: socket = …"
            )
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old = os.umask(0o177)
        try:
            listener.bind(str(self._path))
        except OSError as exc:
            listener.close()
            raise ConfigError("{path} cannot be listened at: {reason}", self._path, exc.strerror) from exc
        finally:
            os.umask(old)
        if self._admitted - {os.geteuid()}:
            self._path.chmod(0o666)  # whoever may reach the folder may knock; SO_PEERCRED says who comes in
        listener.listen(MAX_CONNECTIONS)
        return listener

    def _admit(self, link: socket.socket) -> None:
        user = _user_of(link)
        if user not in self._admitted:
            _journal.warning("stranger", user=user)
            link.close()
        elif self._free.acquire(blocking=False):
            Thread(target=self._handle, args=(link,), daemon=True).start()
        else:
            _journal.warning("busy")
            with link, suppress(OSError):  # which nobody can make this thread wait for
                link.settimeout(_WAKE_SECONDS)
                link.sendall(failure(SignerDownError("the signer has too many requests", hint="ask again")))

    def _handle(self, link: socket.socket) -> None:
        try:
            with link:
                self._answer(link)
        finally:
            self._free.release()

    def _answer(self, link: socket.socket) -> None:
        held: list[BoundedSemaphore] = []
        try:
            request = read_request(self._source(link, held))
            _send(link, self._serve(request).to_bytes())
        except OSError:
            _journal.info("cut-off")
        except Exception as exc:  # noqa: BLE001 - whatever a request does, the next one is served
            _journal.warning("refused", error=type(exc).__name__, reason=str(exc))
            _send(link, failure(exc))
        finally:
            for semaphore in held:
                semaphore.release()

    def _source(self, link: socket.socket, held: list[BoundedSemaphore]) -> Callable[[int], bytes]:
        """Reads of one connection, which share one deadline."""
        end = monotonic() + _REQUEST_SECONDS

        def source(count: int) -> bytes:
            if count > _LARGE:
                if not self._large.acquire(timeout=max(0.0, end - monotonic())):
                    raise SignerDownError("the signer has too many large requests", hint="ask again")
                held.append(self._large)
            data = bytearray()
            while len(data) < count:
                left = end - monotonic()
                if left <= 0:
                    raise refused("what arrives so slowly")
                link.settimeout(left)
                try:
                    part = link.recv(min(count - len(data), 1 << 18))
                except TimeoutError:
                    continue
                if not part:
                    raise ConnectionResetError(None, "cut off")
                data += part
            return bytes(data)

        return source


def _user_of(link: socket.socket) -> int:
    found = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, user, _group = _CREDENTIALS.unpack(found)
    return int(user)


def _send(link: socket.socket, data: bytes) -> None:
    """Nothing happens when the other end has gone, or does not read."""
    link.settimeout(_REPLY_SECONDS)
    with suppress(OSError):
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        _drain(link)


def _drain(link: socket.socket) -> None:
    """Read what is left for a moment: closing with unread bytes would destroy the answer on its way."""
    end = monotonic() + 1
    link.settimeout(_WAKE_SECONDS)
    while monotonic() < end and link.recv(1 << 18):
        pass
