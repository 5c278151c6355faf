"""What programs that answer for others (clamd's protocol, HTTP, ICAP) hand files to, and what they get back."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from node.ports.verdicts import Outcome, Verdict, Verdicts
from protocol.digest import Digest

SIGNATURES: Final = {Outcome.HIT: "Sigfed.Listed", Outcome.TEST_FILE: "Sigfed.TestFile"}
"""Names as virus scanners give them. They tell that a file is listed, never which entry it met."""


def signature(verdict: Verdict) -> str:
    """The name under which a program that knows virus names is told of a file; empty for a file that passes."""
    if verdict.outcome is Outcome.HIT and verdict.collection.isalnum():
        return f"Sigfed.{verdict.collection.capitalize()}"
    return SIGNATURES.get(verdict.outcome, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A file that was hashed and judged."""

    size: int
    verdicts: Verdicts
    faults: tuple[str, ...] = ()
    """What of it could not be looked at, in words; its exact hashes were judged all the same."""
    digests: tuple[Digest, ...] = ()
    """Of the file itself: for a caller that asked for the hashes of its own file, and never for a log."""

    @property
    def verdict(self) -> Verdict:
        """Of the whole file."""
        return self.verdicts.whole


class Upload(Protocol):
    """A file that is being received, in memory alone."""

    def write(self, chunk: bytes) -> bool:
        """Take the next bytes; False when there is no room: the file is too long, or too much is received at once."""
        ...

    async def inspect(self, name: str) -> Inspected:
        """Hash and judge what was received, under `name` if it is a hit; raises OSError when it cannot be hashed."""
        ...

    async def inspect_part(self, start: int, size: int, name: str) -> Inspected:
        """The same of a file that lies inside what was received."""
        ...

    def pieces(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """What was received, again, or so much of it."""
        ...


class Inspector(Protocol):
    """Hashes and judges files."""

    def receiving(self) -> AbstractAsyncContextManager[Upload]:
        """Room for one file, which is given back at the end."""
        ...

    async def inspect(self, descriptor: int, name: str) -> Inspected:
        """Hash and judge an open file; raises OSError when it cannot be read or is no regular file."""
        ...

    async def look_up(self, files: Sequence[Sequence[Digest]], name: str) -> Verdicts:
        """Judge files by their hashes."""
        ...
