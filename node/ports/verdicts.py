"""What is said of a file: the verdict, and what gives one.

Whoever stands before people or programs (the local daemon, a proxy's filter, a scan) knows only this. A verdict never
holds a hash, and `UNKNOWN` is never clean: whoever answers says whether it lets such a file pass.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
    asked: bool = True
    """False of what is unknown because hashes were given of kinds that the list does not take in."""
    subset: str = ""
    """Where several are followed: whose word it is. Empty where they all say the same."""
    version: int = 0
    """Likewise: of the release that was looked up in; 0: none."""
    subsets: tuple["Verdict", ...] = ()
    """Where several are followed: what each of them says, always in the same order."""


CLEAN: Final = Verdict(outcome=Outcome.CLEAN)


def blocks(verdict: Verdict, *, fail_closed: bool) -> bool:
    """Whether a file must not pass: listed ones and the test file, and with `fail_closed` what is unknown."""
    if verdict.outcome is Outcome.UNKNOWN:
        return fail_closed
    return verdict.outcome is not Outcome.CLEAN


_WORST: Final = (Outcome.HIT, Outcome.UNKNOWN, Outcome.TEST_FILE, Outcome.CLEAN)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The first of the worst: a hit, a strong one first, then what is unknown, then the test file; clean of none."""
    return min(verdicts, key=lambda verdict: (_WORST.index(verdict.outcome), verdict.weak), default=CLEAN)


def over_subsets(verdicts: Sequence[Verdict]) -> Verdict:
    """The one verdict of a file, or of a part, that each of several subsets gave its own of.

    A subset that was not asked says nothing where another was.
    """
    told = worst([verdict for verdict in verdicts if verdict.asked] or verdicts)
    whose = CLEAN if told.outcome is Outcome.CLEAN else told
    return replace(whose, subsets=tuple(verdicts))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of the parts of a file, in the order in which they were given."""

    parts: tuple[Verdict, ...]

    @property
    def whole(self) -> Verdict:
        """The worst of them, and of each subset the worst that it says of any."""
        each = zip(*(part.subsets for part in self.parts if part.subsets), strict=True)
        return replace(worst(self.parts), subsets=tuple(map(worst, each)))

    @property
    def each(self) -> list[Verdict]:
        """All that is said: of every part, by every subset that is followed. The worst hides the others."""
        return [each for part in self.parts for each in part.subsets or (part,)]


class Judge(Protocol):
    """Gives verdicts. A hit is recorded durably before it is told."""

    async def judge(self, parts: Sequence[Sequence[Digest]], name: str, *, handed: bool = False) -> Verdicts:
        """What the parts of the file `name` are, each given by all its hashes; what cannot be told is `UNKNOWN`.

        `handed` says that somebody handed the hashes over: of a file that was hashed here every kind was tried.
        """
        ...
