"""What of a node ends when, what stops then, and who must do what.

Everything that ends is a `Term`; the table `CONSEQUENCES` says once what its end means, and `judge` what of it needs
somebody now: from half of its life on, so that there is as much time left as has gone by. What a running node renews
by itself at the half is told a little later; then the node does not run, or cannot. Pure: where terms come from is
`node.app.expiry`'s matter, and `status`, `doctor` and metrics show the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Thing(StrEnum):
    """What ends; the value is how people and metrics call it."""

    ROOT = "root"
    TARGETS = "targets metadata"
    DOCUMENT = "node document"
    KEY = "key"
    EPOCH = "epoch"
    CERTIFICATE = "certificate"
    SNAPSHOT = "snapshot"
    TIMESTAMP = "timestamp"
    COSIGNATURE = "cosignature"
    PEER_TRUST = "trust files of a peer"
    PEER_LISTS = "lists of a peer"
    RECIPIENT = "grant of a recipient"
    RECIPIENT_KEY = "key of a recipient"
    PEER_GRANT = "grant of a peer"
    HELD_BY_PEER = "own trust files at a peer"
    PARTNER_KEY = "key of a partner"
    INVITATION = "invitation"


class Actor(StrEnum):
    """Who must do something."""

    ROOT_HOLDERS = "root holders"
    TARGETS_HOLDERS = "targets holders"
    OPERATOR = "operator"
    PEER = "the peer's operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What the end of a thing means."""

    stops: str
    """What stops then."""
    who: Actor
    step: str
    """What they do, before it ends."""
    renewed: bool = False
    """A running node renews it by itself at half of its life."""
    grave: bool = True
    """The node, or what others get from it, fails when it has ended."""


_UNSIGNED: Final = Consequence(
    stops="TUF clients take no trust file any more",
    who=Actor.OPERATOR,
    step="let the node run: sigfed run signs it; if it does run, its journal says why it does not",
    renewed=True,
)
CONSEQUENCES: Final[Mapping[Thing, Consequence]] = MappingProxyType(
    {
        Thing.ROOT: Consequence(
            stops="nobody believes any of the trust files; no command that needs them works",
            who=Actor.ROOT_HOLDERS,
            step="the root holders sign the next root",
        ),
        Thing.TARGETS: Consequence(
            stops="TUF clients take no trust file any more",
            who=Actor.TARGETS_HOLDERS,
            step="a targets key signs the trust files: sigfed contact TEXT does",
        ),
        Thing.DOCUMENT: Consequence(
            stops="peers and partners refuse everything that this node signs",
            who=Actor.TARGETS_HOLDERS,
            step="a targets key signs the node document: sigfed contact TEXT does",
        ),
        Thing.KEY: Consequence(
            stops="nothing is signed in its place",
            who=Actor.TARGETS_HOLDERS,
            step="a targets key signs a node document that names its successor",
        ),
        Thing.EPOCH: Consequence(
            stops="look-ups of partners in this subset are refused",
            who=Actor.TARGETS_HOLDERS,
            step="a targets key signs a node document that names the next epoch",
        ),
        Thing.CERTIFICATE: Consequence(
            stops="tools that look at dates refuse to connect; peers and partners look at the pin alone",
            who=Actor.OPERATOR,
            step="replace the certificate",
            grave=False,
        ),
        Thing.SNAPSHOT: _UNSIGNED,
        Thing.TIMESTAMP: _UNSIGNED,
        Thing.COSIGNATURE: Consequence(
            stops="peers and partners take no addition of this log until it is cosigned anew",
            who=Actor.OPERATOR,
            step="sigfed witness ls says why; call the witness's operator",
            renewed=True,
            grave=False,
        ),
        Thing.PEER_TRUST: Consequence(
            stops="nothing that this peer signs is believed here",
            who=Actor.PEER,
            step="call its operator: its targets holders must sign a new node document",
            grave=False,
        ),
        Thing.PEER_LISTS: Consequence(
            stops="nothing new of this peer becomes effective here; what is effective stays",
            who=Actor.OPERATOR,
            step="sigfed peer sync says why; call its operator",
            renewed=True,
            grave=False,
        ),
        Thing.RECIPIENT: Consequence(
            stops="it can fetch nothing any more",
            who=Actor.OPERATOR,
            step="sigfed recipient grant NAME, or sigfed recipient remove NAME",
            grave=False,
        ),
        Thing.RECIPIENT_KEY: Consequence(
            stops="it can fetch nothing any more",
            who=Actor.OPERATOR,
            step="sigfed recipient key NAME --keep-old, and hand it over",
            grave=False,
        ),
        Thing.PEER_GRANT: Consequence(
            stops="it reads no hash of this node's lists any more",
            who=Actor.OPERATOR,
            step="sigfed grant set NODE, or leave it",
            grave=False,
        ),
        Thing.HELD_BY_PEER: Consequence(
            stops="this peer refuses everything that this node signs",
            who=Actor.PEER,
            step="call its operator: its node holds older trust files of this one, and must sync",
            grave=False,
        ),
        Thing.PARTNER_KEY: Consequence(
            stops="nothing: it counts on, and whoever copied it can use it as long",
            who=Actor.OPERATOR,
            step="call the partner: its program replaces the key at sigfed update, and has not",
            renewed=True,
            grave=False,
        ),
        Thing.INVITATION: Consequence(
            stops="it enrols nobody any more",
            who=Actor.OPERATOR,
            step="call the partner, or invite it again: sigfed partner invite NAME",
            grave=False,
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Something that ends."""

    thing: Thing
    of: str = ""
    """Which one, where there are several: a name, never a kid."""
    start: datetime
    end: datetime

    @property
    def alarm(self) -> datetime:
        """From when on somebody is told: half of its life, or three fifths of what a running node renews."""
        life = self.end - self.start
        return self.start + (life * 3 / 5 if CONSEQUENCES[self.thing].renewed else life / 2)

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.thing} {self.of}" if self.of else str(self.thing)

    @classmethod
    def lasting(cls, thing: Thing, end: datetime, lasts: timedelta, *, of: str = "") -> "Term":
        """One of which the end and the usual length are known."""
        return cls(thing=thing, of=of, start=end - lasts, end=end)


class TermState(StrEnum):
    """How far something has come."""

    GOOD = "good"
    LATE = "late"
    """It is past its alarm."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A term, seen at one moment."""

    term: Term
    standing: TermState
    left: timedelta

    @property
    def consequence(self) -> Consequence:
        """What its end means."""
        return CONSEQUENCES[self.term.thing]

    @property
    def words(self) -> str:
        """For people, in one line."""
        day = f"{self.term.end:%Y-%m-%d}"
        if self.standing is TermState.ENDED:
            return f"{self.term.name} ended on {day}: {self.consequence.stops}"
        return f"{self.term.name}, until {day} ({spoken(self.left)}); then {self.consequence.stops}"


def judge(terms: Iterable[Term], now: datetime) -> tuple[Finding, ...]:
    """Every term as it stands at `now`, the one that ends first in front."""
    ordered = sorted(terms, key=lambda term: (term.end, term.thing, term.of))
    return tuple(Finding(term=term, standing=_standing(term, now), left=term.end - now) for term in ordered)


def late(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those that somebody must look at now."""
    return tuple(found for found in findings if found.standing is not TermState.GOOD)


def next_due(findings: Sequence[Finding]) -> Finding | None:
    """What somebody has to do next: the first that is past its alarm, else the one whose alarm comes first.

    What a running node renews by itself is nobody's next step, until it is late.
    """
    if overdue := late(findings):
        return overdue[0]
    by_hand = (found for found in findings if not found.consequence.renewed)
    return min(by_hand, key=lambda found: (found.term.alarm, found.term.name), default=None)


def spoken(left: timedelta) -> str:
    """How long that is: days, or hours when there are fewer than two."""
    hours = max(int(left.total_seconds()) // 3600, 0)
    return f"{hours // 24} days left" if hours >= 48 else f"{hours} hours left"


def _standing(term: Term, now: datetime) -> TermState:
    if now >= term.end:
        return TermState.ENDED
    return TermState.LATE if now >= term.alarm else TermState.GOOD
