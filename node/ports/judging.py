"""What is said of a file: the verdict, and what gives one.

Whoever stands before people or programs (the local daemon, a proxy's filter, a scan) knows only this. A verdict never
holds a hash, and `UNKNOWN` is never clean: whoever answers says whether it lets such a file pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from protocol.digest import Digest


class Outcome(StrEnum):
    """What a file is, as far as it is known."""

    CLEAN = "clean"
    HIT = "hit"
    TEST_FILE = "test-file"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Of one file, or of one part of it."""

    outcome: Outcome
    reason: str = ""
    """Of what is unknown: why, in words, and without a hash."""
    algorithms: tuple[str, ...] = ()
    """Of a hit: names of the algorithms whose hashes met (`sha256`)."""
    collection: str = ""
    """Of a hit: empty when the release carries no labels."""
    countries: tuple[str, ...] = ()
    weak: bool = False
    """Only one of md5 and sha1 met: a person must look before anything is done."""
    hit_id: str = ""
    """Of a hit that is in the spool: what `sigfed hit show` takes."""


CLEAN: Final = Verdict(outcome=Outcome.CLEAN)


def blocks(verdict: Verdict, *, fail_closed: bool) -> bool:
    """Whether a file must not pass: listed ones and the test file, and with `fail_closed` what is unknown."""
    if verdict.outcome is Outcome.UNKNOWN:
        return fail_closed
    return verdict.outcome is not Outcome.CLEAN


_WORST: Final = (Outcome.HIT, Outcome.UNKNOWN, Outcome.TEST_FILE, Outcome.CLEAN)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of the parts of a file, in the order in which they were given."""

    parts: tuple[Verdict, ...]

    @property
    def whole(self) -> Verdict:
        """The worst of them: a hit before what is unknown, that before the test file; clean when there is no part."""
        return min(self.parts, key=lambda verdict: _WORST.index(verdict.outcome), default=CLEAN)


class Judge(Protocol):
    """Gives verdicts. A hit is recorded durably before it is told."""

    async def judge(self, parts: Sequence[Sequence[Digest]], name: str) -> Verdicts:
        """What the parts of the file `name` are, each given by all its hashes; what cannot be told is `UNKNOWN`."""
        ...
