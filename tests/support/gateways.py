"""What stands behind a gateway in tests: an inspector that knows files by their content, without node or processes."""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from hashlib import sha256
from typing import Final

import pytest

from node.hoster.gateways.patience import Patience
from node.hoster.settings import AgentSettings
from node.ports.inspection import Inspected
from node.ports.verdicts import CLEAN, Outcome, Verdict, Verdicts
from protocol.digest import Algorithm, Digest
from support.leap import leap
from support.sockets import heard

LIMITS: Final = AgentSettings()
"""Of a door that its operator says nothing of."""
LISTED, TEST_FILE, UNANSWERED, CLEAR = b"listed content", b"the test file", b"nobody answers", b"a holiday"
HIT = Verdict(outcome=Outcome.HIT, collection="baseline", countries=("FR", "NL"), hit_id="ab" * 16)
KNOWN = {
    sha256(LISTED).digest(): HIT,
    sha256(TEST_FILE).digest(): Verdict(outcome=Outcome.TEST_FILE),
    sha256(UNANSWERED).digest(): Verdict(outcome=Outcome.UNKNOWN, reason="fr.example cannot be reached"),
}


class KnowingUpload:
    """A file in memory."""

    def __init__(self, inspector: "KnowingInspector", max_bytes: int) -> None:
        self._inspector = inspector
        self._max_bytes = max_bytes
        self.content = b""

    def write(self, chunk: bytes) -> bool:
        if len(self.content) + len(chunk) > self._max_bytes:
            return False
        self.content += chunk
        return True

    async def inspect(self, name: str) -> Inspected:
        return self._inspector.judged(self.content, name)

    async def inspect_part(self, start: int, size: int, name: str) -> Inspected:
        return self._inspector.judged(self.content[start : start + size], name)

    def pieces(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        end = len(self.content) if size is None else start + size
        for at in range(start, end, 100):
            yield self.content[at : min(at + 100, end)]


def endless_looks(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """No look at an upload ends by itself; set are the two when one has begun, and when one was given up."""
    begun, left = asyncio.Event(), asyncio.Event()

    async def inspect(_: KnowingUpload, name: str) -> Inspected:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError(name)

    monkeypatch.setattr(KnowingUpload, "inspect", inspect)
    return begun, left


def leaps_when_received(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have so much time pass when a file begins to be received, and its next piece is waited for."""
    receiving = KnowingInspector.receiving

    def received(inspector: KnowingInspector) -> AbstractAsyncContextManager[KnowingUpload]:
        asyncio.get_running_loop().call_soon(leap, seconds)
        return receiving(inspector)

    monkeypatch.setattr(KnowingInspector, "receiving", received)


def leaps_when_crowded(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have so much time pass once every place is taken, for those who have one and for nobody who comes then."""
    crowded = Patience.crowded

    @contextmanager
    def lasting(patience: Patience) -> Iterator[None]:
        with crowded(patience):
            asyncio.get_running_loop().call_soon(leap, seconds)
            yield

    monkeypatch.setattr(Patience, "crowded", lasting)


class KnowingInspector:
    """`node.ports.inspection.Inspector`; remembers the names that it was asked about."""

    def __init__(self, *, max_bytes: int = 1000) -> None:
        self._max_bytes = max_bytes
        self.names: list[str] = []
        self.contents: list[bytes] = []
        self.also: Callable[[bytes], tuple[Digest, ...]] = lambda _: ()
        """Further hashes of a content."""

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[KnowingUpload]:
        yield KnowingUpload(self, self._max_bytes)

    async def inspect(self, descriptor: int, name: str) -> Inspected:
        return self.judged(os.pread(descriptor, 1 << 20, 0), name)

    async def look_up(self, files: Sequence[Sequence[Digest]], name: str) -> Verdicts:
        self.names.append(name)
        return Verdicts(tuple(_known(file) for file in files))

    def judged(self, content: bytes, name: str) -> Inspected:
        self.names.append(name)
        self.contents.append(content)
        digests = (*self.also(content), Digest(Algorithm.SHA256, sha256(content).digest()))
        return Inspected(size=len(content), verdicts=Verdicts((_known(digests),)), digests=digests)


def _known(digests: Sequence[Digest]) -> Verdict:
    return next((KNOWN[digest.value] for digest in digests if digest.value in KNOWN), CLEAN)


def proxy_header(address: str) -> bytes:
    """What a proxy in TCP mode says of a client that is at `address`."""
    packed = socket.inet_aton(address)
    return bytes.fromhex("0d0a0d0a000d0a515549540a2111000c") + packed + packed + bytes(4)


def exchanged(address: str | tuple[str, int], pieces: Iterable[bytes]) -> bytes:
    """Send the pieces and read all that comes back."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as link:
        link.settimeout(20)
        link.connect(address)
        threading.Thread(target=_send, args=(link, pieces), daemon=True).start()
        return heard(link)


def _send(link: socket.socket, pieces: Iterable[bytes]) -> None:
    try:
        for piece in pieces:
            link.sendall(piece)
    except OSError:
        return  # the other side has had enough
