"""The life of an online key: when it is published, begins to sign, stops, and is destroyed.

    generated ──listed──► published ──gate──► active ──► retired ──► destroyed        any ──► revoked, lost

Decides each step from facts that are handed in: the time, what the signed node document lists, which peers hold it. A
successor begins to sign when every peer has acknowledged it, or an operator lets it by name; but the gate delays only
while a predecessor still signs, and never into its last day: a peer that is switched off must not silence a node. What
follows from a step (files, audit records, telling somebody) is the caller's matter, and so is whoever calls every hour.
Root and targets keys are replaced by their holders, not here. Spec: docs/spec/rotation.md.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from keys.roles import Role
from keys.trust.window import Window

LAST_CALL: Final = timedelta(days=1)
"""How long before its predecessor ends a successor begins to sign, whoever has acknowledged it."""
GRACE: Final = timedelta(hours=1)
"""How long after its window a private key is kept; what it signed in time may be asked for again."""
MAX_OVERLAP: Final = timedelta(days=14)

SIGN_TOGETHER: Final = frozenset({Role.LOG, Role.WITNESS, Role.OPRF})
"""Roles whose keys all serve while their windows overlap; of every other role the youngest active key does alone."""

NO_PEER_NEEDS: Final = frozenset({Role.STORAGE, Role.OPRF})
"""Roles whose keys wait for no peer: a partner takes the key of an epoch and the release it is for by one update."""

KNOWN_TO_NOBODY: Final = frozenset({Role.STORAGE})
"""Roles whose keys stand in no trust file: there is nothing to list, and nobody to wait for."""


class Stage(StrEnum):
    """Where a key is in its life."""

    GENERATED = "generated"
    """It exists; nobody else knows of it."""
    PUBLISHED = "published"
    """A signed node document lists it; it signs nothing yet."""
    ACTIVE = "active"
    """It signs, inside its window."""
    RETIRED = "retired"
    """It signs no more; what it signed still verifies."""
    DESTROYED = "destroyed"
    """Its private half is gone, as planned."""
    REVOKED = "revoked"
    """What it signed is not to be believed, as the revocation says in detail."""
    LOST = "lost"
    """Its private half is gone, and was not meant to be; what it signed still verifies."""


class Reason(StrEnum):
    """Why a key entered a stage."""

    LISTED = "a signed node document lists it"
    ACKNOWLEDGED = "every peer has acknowledged it"
    ALLOWED = "an operator let it begin"
    LAST_CALL = "no predecessor signs for longer than a day"
    SUCCEEDED = "its successor signs"
    ENDED = "its window has ended"
    UNUSED = "its window has ended before it signed"


class AlarmKind(StrEnum):
    """What somebody must be told."""

    UNACKNOWLEDGED = "a key signs that some peers do not know yet"
    UNLISTED = "a key that should be listed is not in the node document"
    NOBODY_SIGNS = "no key signs where one must"
    NO_SUCCESSOR = "the last key ends soon and no successor is published"


@dataclass(frozen=True, slots=True)
class Lineage:
    """Keys that follow each other: of one role, for one thing, of one signature type.

    Successors are of their predecessor's lineage, so two signature types of one log rotate by themselves, and for each
    one key valid now must sign.
    """

    role: Role
    of: str = ""
    """The log's origin, the witness's name or the subset; empty for roles that a node has once."""
    algorithm: str = "Ed25519"

    def __post_init__(self) -> None:
        assert self.role.info.online, "offline keys are replaced by their holders"


@dataclass(frozen=True, slots=True)
class ManagedKey:
    """A key, when it counts, and where it is in its life."""

    kid: str
    lineage: Lineage
    valid: Window
    stage: Stage = Stage.GENERATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known at one moment."""

    now: datetime
    sure: datetime | None = None
    """Until when time has surely come; later ends of windows are not believed. None: the clock alone is asked."""
    listed: frozenset[str] = frozenset()
    """Kids that the trust files name which are signed and served now."""
    peers: frozenset[str] = frozenset()
    """Who must hold a key before it signs."""
    acknowledged: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By kid, the peers that said they hold it."""
    allowed: Mapping[str, str] = field(default_factory=dict)
    """By kid, the operator who let it begin without the rest of the peers."""
    in_use: frozenset[str] = frozenset()
    """Kids that something still depends on, such as data that is not encrypted anew yet."""
    needed: frozenset[Lineage] = frozenset()
    """Where a key must sign now."""

    def has_come(self, moment: datetime) -> bool:
        """Whether `moment` is past, also when the clock should be ahead."""
        return moment <= (self.now if self.sure is None else min(self.now, self.sure))

    def lists(self, key: ManagedKey) -> bool:
        """Whether others can know the key, or need not."""
        return key.kid in self.listed or key.lineage.role in KNOWN_TO_NOBODY

    def missing(self, key: ManagedKey) -> frozenset[str]:
        """The peers that should have acknowledged the key and have not."""
        if key.lineage.role in NO_PEER_NEEDS:
            return frozenset()
        return self.peers - self.acknowledged.get(key.kid, frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One key entered a stage: an audit record."""

    kid: str
    before: Stage
    after: Stage
    reason: Reason
    by: str = ""
    """The operator, where one decided."""
    missing: frozenset[str] = frozenset()
    """The peers that had not acknowledged a key which began to sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something is not as it should be, with the key or the lineage that it is about."""

    kind: AlarmKind
    lineage: Lineage
    kid: str = ""
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Advance:
    """What a moment makes of a node's keys; the same facts again make no further step."""

    keys: tuple[ManagedKey, ...]
    steps: tuple[Step, ...]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """The next stage of a key, and when it must or at the latest will be reached."""

    kid: str
    stage: Stage
    at: datetime


def advance(keys: Sequence[ManagedKey], facts: Facts) -> Advance:
    """All steps that the facts allow, in order; each key's place in `keys` stays."""
    assert len({key.kid for key in keys}) == len(keys), "a kid names one key"
    held = {key.kid: key for key in keys}
    steps: list[Step] = []
    while step := next(_steps(_oldest_first(held.values()), facts), None):
        held[step.kid] = replace(held[step.kid], stage=step.after)
        steps.append(step)
    moved = tuple(held[key.kid] for key in keys)
    return Advance(moved, tuple(steps), (*_step_alarms(steps, held), *_alarms(moved, facts)))


def signers(keys: Iterable[ManagedKey], now: datetime) -> tuple[ManagedKey, ...]:
    """The keys that sign at `now`, oldest first; of roles that sign alone, the youngest of each lineage."""
    active = [key for key in _oldest_first(keys) if _signs(key, now)]
    youngest = {key.lineage: key for key in active}
    return tuple(key for key in active if key.lineage.role in SIGN_TOGETHER or youngest[key.lineage] is key)


def successor_window(valid: Window) -> Window:
    """The window of the next key: as long, and overlapping this one by a quarter, but at most by two weeks."""
    life = valid.end - valid.start
    start = valid.end - overlap(life)
    return Window(start, start + life)


def overlap(life: timedelta) -> timedelta:
    """For how long two keys of that life overlap: a quarter of it, at most two weeks; whole seconds."""
    return min(MAX_OVERLAP, timedelta(seconds=life // timedelta(seconds=4)))


def next_due(keys: Sequence[ManagedKey], now: datetime) -> Due | None:
    """What comes next and when, for the last line of a status; in the past when it is overdue, None without keys."""
    return min(_dues(keys, now), key=lambda due: (due.at, due.kid), default=None)


def _steps(keys: Sequence[ManagedKey], facts: Facts) -> Iterator[Step]:
    for key in keys:
        step = _step(key, [other for other in keys if other.lineage == key.lineage], facts)
        if step is not None:
            yield step


def _step(key: ManagedKey, lineage: Sequence[ManagedKey], facts: Facts) -> Step | None:
    if facts.now >= key.valid.end:
        # What is put away cannot come back, and a clock that is ahead for an hour ends every key there is.
        return _step_after_the_end(key, facts) if facts.has_come(key.valid.end) else None
    match key.stage:
        case Stage.GENERATED if facts.lists(key):
            return _to(key, Stage.PUBLISHED, Reason.LISTED)
        case Stage.PUBLISHED if facts.lists(key) and key.valid.covers(facts.now):
            return _through_the_gate(key, lineage, facts)
        # A clock that was set back to before its start retires no key.
        case Stage.ACTIVE if key.valid.covers(facts.now) and key not in signers(lineage, facts.now):
            return _to(key, Stage.RETIRED, Reason.SUCCEEDED)
        case _:
            return None


def _step_after_the_end(key: ManagedKey, facts: Facts) -> Step | None:
    match key.stage:
        case Stage.GENERATED:
            return _to(key, Stage.DESTROYED, Reason.UNUSED)
        case Stage.PUBLISHED:
            return _to(key, Stage.RETIRED, Reason.UNUSED)
        case Stage.ACTIVE:
            return _to(key, Stage.RETIRED, Reason.ENDED)
        case Stage.RETIRED if facts.has_come(key.valid.end + GRACE) and key.kid not in facts.in_use:
            return _to(key, Stage.DESTROYED, Reason.ENDED)
        case _:
            return None


def _through_the_gate(key: ManagedKey, lineage: Sequence[ManagedKey], facts: Facts) -> Step | None:
    missing = facts.missing(key)
    if not missing:
        return _to(key, Stage.ACTIVE, Reason.ACKNOWLEDGED)
    if key.kid in facts.allowed:
        return _to(key, Stage.ACTIVE, Reason.ALLOWED, by=facts.allowed[key.kid], missing=missing)
    # A predecessor that peers no longer find in the document signs for nobody.
    if facts.now >= _last_call(key, filter(facts.lists, lineage), facts.now):
        return _to(key, Stage.ACTIVE, Reason.LAST_CALL, missing=missing)
    return None


def _last_call(key: ManagedKey, lineage: Iterable[ManagedKey], now: datetime) -> datetime:
    """When the key begins whoever has acknowledged it: the gate is open where no other signs."""
    ends = (other.valid.end - LAST_CALL for other in lineage if _signs(other, now))
    return max((key.valid.start, *ends))


def _to(
    key: ManagedKey, stage: Stage, reason: Reason, *, by: str = "", missing: frozenset[str] = frozenset()
) -> Step:
    return Step(kid=key.kid, before=key.stage, after=stage, reason=reason, by=by, missing=missing)


def _step_alarms(steps: Iterable[Step], held: Mapping[str, ManagedKey]) -> Iterator[Alarm]:
    for step in steps:
        if step.reason is Reason.LAST_CALL:
            lineage = held[step.kid].lineage
            yield Alarm(kind=AlarmKind.UNACKNOWLEDGED, lineage=lineage, kid=step.kid, missing=step.missing)


def _alarms(keys: Sequence[ManagedKey], facts: Facts) -> Iterator[Alarm]:
    for key in keys:
        if key.stage in {Stage.PUBLISHED, Stage.ACTIVE} and not facts.lists(key):
            yield Alarm(kind=AlarmKind.UNLISTED, lineage=key.lineage, kid=key.kid)
    for lineage in sorted(facts.needed, key=lambda each: (each.role, each.of, each.algorithm)):
        own = [key for key in keys if key.lineage == lineage]
        if not signers(own, facts.now):
            yield Alarm(kind=AlarmKind.NOBODY_SIGNS, lineage=lineage)
        if _ends_soon(own, facts.now):
            yield Alarm(kind=AlarmKind.NO_SUCCESSOR, lineage=lineage)


def _ends_soon(lineage: Iterable[ManagedKey], now: datetime) -> bool:
    """Whether the last key that is published comes near its end: time to generate, list and spread another."""
    windows = [key.valid for key in lineage if key.stage in {Stage.PUBLISHED, Stage.ACTIVE}]
    return all(now >= valid.end - 2 * overlap(valid.end - valid.start) for valid in windows)


def _dues(keys: Sequence[ManagedKey], now: datetime) -> Iterator[Due]:
    for key in keys:
        match key.stage:
            case Stage.GENERATED:
                yield Due(key.kid, Stage.PUBLISHED, key.valid.start)
            case Stage.PUBLISHED:
                others = (other for other in keys if other.lineage == key.lineage)
                yield Due(key.kid, Stage.ACTIVE, _last_call(key, others, now))
            case Stage.ACTIVE:
                yield Due(key.kid, Stage.RETIRED, key.valid.end)
            case Stage.RETIRED:
                yield Due(key.kid, Stage.DESTROYED, key.valid.end + GRACE)
            case _:
                continue


def _signs(key: ManagedKey, now: datetime) -> bool:
    return key.stage is Stage.ACTIVE and key.valid.covers(now)


def _oldest_first(keys: Iterable[ManagedKey]) -> list[ManagedKey]:
    return sorted(keys, key=lambda key: (key.valid.start, key.kid))
