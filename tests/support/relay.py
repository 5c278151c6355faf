"""A way to a server on the loopback that can be cut and mended, as a network or a server is that goes away."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread

from support.processes import free_port

_CHUNK = 65536


class Relay:
    """Passes what comes at its `port` on to another one, until it is cut."""

    def __init__(self, to: int, port: int) -> None:
        self.port = port
        self._to = to
        self._lock = Lock()
        self._ends: list[socket.socket] = []
        self._door: socket.socket | None = None

    def mend(self) -> None:
        """Let everybody through from now on."""
        door = socket.create_server(("127.0.0.1", self.port))
        self._door = door
        Thread(target=self._admit, args=(door,), daemon=True).start()

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        if self._door is not None:
            with suppress(OSError):
                self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
            self._door = None
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _admit(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = door.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    Thread(target=_pass, args=(one, other), daemon=True).start()


def _pass(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(_CHUNK):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(to: int, *, port: int = 0) -> Iterator[Relay]:
    """A way to the port `to` that is open, and closed when the block ends; at `port`, or at a free one."""
    made = Relay(to, port or free_port())
    made.mend()
    try:
        yield made
    finally:
        made.cut()
