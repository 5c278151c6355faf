"""Clients that take connections and keep them, and what that costs whoever listens."""

import re
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

FLOOD = 3000
MOST_MB = 100
"""What a flood may add to a node; it was 910 when every connection had asyncio's buffers and nobody counted them."""


def rss_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def held(port: int) -> int:
    """Connections that whoever listens there has taken; those that wait in the kernel belong to nobody yet."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" and row[9] != "0" for row in rows)


class Crowd:
    """Clients that connect and then send nothing, or not all of what has to come."""

    def __init__(self, stack: ExitStack, port: int) -> None:
        self._stack = stack
        self._port = port

    def comes(self, count: int) -> None:
        """So many more of them; a connection that is not taken yet stands in the kernel."""
        for _ in range(count):
            one = self._stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self._port))

    def says(self, first: bytes, count: int) -> list[socket.socket]:
        """Some more, who begin to say something."""
        made = []
        for _ in range(count):
            made.append(self._stack.enter_context(socket.create_connection(("127.0.0.1", self._port), 60)))
            made[-1].sendall(first)
        return made


@contextmanager
def crowd(port: int) -> Iterator[Crowd]:
    _need_descriptors()
    with ExitStack() as stack:
        yield Crowd(stack, port)


def _need_descriptors() -> None:
    """Each connection takes one here, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3 * FLOOD:
        pytest.skip(f"needs {3 * FLOOD} file descriptors (ulimit -Hn {3 * FLOOD})")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3 * FLOOD), hard))
