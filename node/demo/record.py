"""What happened, as data: chapters with steps, and findings; the report is drawn from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from node.demo.claims import CLAIMS, Finding
from node.demo.parties import Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that one party did."""

    chapter: int
    who: Party
    what: str
    """A sentence without its subject: "publishes its list"."""
    command: str
    """What was typed; empty where the demonstration itself acted."""
    seconds: float
    note: str = ""
    """What came of it, in a few words."""
    source: Party | None = None
    """Where data came from, when it crossed the wire."""
    moved: int | None = None
    """Bytes that did, or that were read."""
    trouble: bool = False
    """Something that an attacker did, or that was refused because of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many made-up files are where."""

    shared: int
    """Both agencies list them on their own knowledge."""
    alone: int
    """Each agency has as many that only it lists."""
    relied: int
    """FR lists them, NL only relies on somebody who does."""
    others: int
    """Each agency has as many outside of the collection baseline."""


class Sight(Enum):
    """What one party sees of a file's hashes; the value is what people read."""

    ABSENT = "not listed"
    WAITING = "waits for a second country"
    AGREED = "two countries list it"
    BLOCKED = "blocked"
    WITHDRAWN = "withdrawn by FR, and blocked"
    GONE = "gone; only a tombstone is left"
    CLEAN = "clean"
    HIT = "hit"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What everybody sees of the poisoned entry after something was done about it."""

    after: str
    seen: Mapping[Party, Sight]


@dataclass(slots=True)
class Record:
    """The walk so far."""

    expected: tuple[str, ...] = tuple(CLAIMS)
    """The claims that it comes to."""
    chapters: tuple[str, ...] = ()
    """Names of the chapters that it has; none: all."""
    tally: Tally | None = None

    steps: list[Step] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    stopped: str = ""
    """Why the walk ended before its end, if it did."""

    def find(self, claim: str, *, held: bool, detail: str) -> None:
        """Note whether a claim held."""
        self.findings.append(Finding(claim=CLAIMS[claim], held=held, detail=detail))

    def give_up(self, why: str) -> None:
        """Note that the claims that were not come to did not hold."""
        self.stopped = why
        tested = {finding.claim.name for finding in self.findings}
        for name in self.expected:
            if name not in tested:
                self.find(name, held=False, detail="not tested: the walk stopped before")

    @property
    def complete(self) -> bool:
        """Whether every claim was tested, and held."""
        return {finding.claim.name for finding in self.findings if finding.held} == set(self.expected)
