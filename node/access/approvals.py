"""What takes two persons: asked for by one, decided by another who may, once, and only while it is fresh.

The same person never decides what it asked for. A decision is one compare-and-swap, so of two that meet one is told;
what was approved and not carried out yet may be approved again, which finishes it (`node.app.approvals`). Nothing can
be asked for before two persons exist.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from keys.message import Message, shortened
from node.clock import Clock, milliseconds
from node.errors import ConflictError, ForbiddenError, GoneError, UsageError
from node.store.accounts.records import Approval, Outcome, PersonRole
from node.store.store import Store
from node.store.unit import Unit

DEFAULT_DAYS: Final = 7
LEAST_PERSONS: Final = 2
MAX_TEXT: Final = 1024

TAKES_TWO: Final = Message("this takes two persons: it was requested, not done")
_DECIDING: Final = frozenset(PersonRole) - {PersonRole.VIEWER}
_ADMITTING: Final = frozenset({PersonRole.OPERATOR, PersonRole.SECURITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of request."""

    words: str
    """What approving it does, before its subject."""
    may_approve: frozenset[PersonRole]


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "quarantine.release": Kind(words=Message("let in what a guard set aside"), may_approve=_DECIDING),
        "entry.shred": Kind(words=Message("delete for ever, at every node"), may_approve=_DECIDING),
        "entry.readmit": Kind(
            words=Message("let what was shredded be listed here again"), may_approve=_DECIDING
        ),
        "peer.grant": Kind(words=Message("let a peer read more here"), may_approve=_ADMITTING),
        "recipient.add": Kind(words=Message("let somebody fetch raw hashes here"), may_approve=_ADMITTING),
        "recipient.grant": Kind(
            words=Message("let a recipient fetch more raw hashes"), may_approve=_ADMITTING
        ),
        "partner.quota": Kind(words=Message("let a partner ask more often"), may_approve=_ADMITTING),
        "partner.disclose": Kind(
            words=Message("let a partner show PDQ values and learn what is near them"), may_approve=_ADMITTING
        ),
        "person.add": Kind(words=Message("let somebody decide here"), may_approve=_ADMITTING),
        "person.remove": Kind(words=Message("let somebody no longer decide here"), may_approve=_ADMITTING),
        "person.reset": Kind(words=Message("give somebody another passphrase"), may_approve=_ADMITTING),
    }
)
"""Every kind there is, and whose approval it takes: an analyst judges material, not who may have it."""


class Approvals:
    """Requests for a second person; one that is older than `days` days cannot be approved."""

    def __init__(self, store: Store, clock: Clock, *, days: int = DEFAULT_DAYS) -> None:
        self._store = store
        self._clock = clock
        self._life = timedelta(days=days)

    def request(self, kind: str, *, subject: str, payload: bytes, by: str) -> Approval:
        """Ask for a second person; `subject` says for people what it is about, and holds no digest.

        Raises:
            UsageError: fewer than two persons exist.
            NotFoundError: `by` is no person of this node.
            ForbiddenError: `by` only looks on.
        """
        assert kind in KINDS, "every kind of request stands in the table"
        with self._store.write() as unit:
            require_two(unit)
            if unit.persons.get(by).role not in _DECIDING:
                raise ForbiddenError("{by} is a viewer here, and may ask for nothing", by)
            return unit.approvals.add(
                kind=kind,
                subject=shortened(subject, MAX_TEXT),
                payload=payload,
                requested_by=by,
                requested_ms=milliseconds(self._clock.now()),
            )

    def approve(self, approval_id: int, *, by: str) -> Approval:
        """Decide for it, or find it approved and not carried out yet; whoever gets it carries it out.

        Raises:
            NotFoundError: there is no such request, or no such person.
            ForbiddenError: `by` asked for it, or has a role that may not approve this kind.
            ConflictError: it was rejected, or carried out.
            GoneError: it is too old, or whoever asked for it is no person here any more.
        """
        with self._store.write() as unit:
            approval = self._decidable(unit, approval_id, by)
            if approval.cut_off:
                return approval
            return self._decide(unit, approval, by, Outcome.APPROVED, "")

    def reject(self, approval_id: int, *, by: str, reason: str) -> Approval:
        """Decide against it; raises as `approve` does."""
        with self._store.write() as unit:
            approval = self._decidable(unit, approval_id, by)
            return self._decide(unit, approval, by, Outcome.REJECTED, reason[:MAX_TEXT])

    def end(self, approval_id: int, *, by: str, reason: Message) -> None:
        """Have what was approved and cut off finished by nobody; raises as `approve` does."""
        with self._store.write() as unit:
            approval = self._decidable(unit, approval_id, by)
            _end(unit, approval, by=by, reason=reason, now_ms=milliseconds(self._clock.now()))

    def get(self, approval_id: int) -> Approval:
        """One request; raises `NotFoundError`."""
        with self._store.read() as unit:
            return unit.approvals.get(approval_id)

    def ls(self, *outcomes: Outcome) -> tuple[Approval, ...]:
        """Requests with these outcomes, oldest first; all when none is named."""
        with self._store.read() as unit:
            return tuple(unit.approvals.ls(*outcomes))

    def note_acted(self, unit: Unit, approval: Approval, result: str) -> Approval:
        """Record that it was carried out."""
        unit.approvals.note_acted(approval.id, result=result, now_ms=milliseconds(self._clock.now()))
        return unit.approvals.get(approval.id)

    def until_ms(self, approval: Approval) -> int:
        """Until when it can be approved."""
        return approval.requested_ms + self._life // timedelta(milliseconds=1)

    def is_expired(self, approval: Approval) -> bool:
        """Whether an open request is too old to be approved."""
        now_ms = milliseconds(self._clock.now())
        return approval.outcome is Outcome.OPEN and now_ms >= self.until_ms(approval)

    def waits(self, approval: Approval) -> bool:
        """Whether somebody can still approve it, or has to again because its act was cut off."""
        if approval.cut_off:
            return True
        return approval.outcome is Outcome.OPEN and not self.is_expired(approval)

    def _decidable(self, unit: Unit, approval_id: int, by: str) -> Approval:
        approval = unit.approvals.get(approval_id)
        person = unit.persons.get(by)
        if approval.requested_by == by:
            raise ForbiddenError("{by} asked for it; somebody else decides", by)
        if person.role not in KINDS[approval.kind].may_approve:
            raise ForbiddenError(
                "{by} is {role}, and {kind} is not for that role to decide", by, person.role, approval.kind
            )
        return approval

    def _decide(self, unit: Unit, approval: Approval, by: str, outcome: Outcome, reason: str) -> Approval:
        if approval.outcome is not Outcome.OPEN:
            raise ConflictError(
                "request {id} was {outcome} by {decided_by}",
                approval.id,
                Message(approval.outcome),
                approval.decided_by,
            )
        if outcome is Outcome.APPROVED and self.is_expired(approval):
            raise GoneError("request {id} is too old to be approved", approval.id, hint="ask for it again")
        if outcome is Outcome.APPROVED and unit.persons.find(approval.requested_by) is None:
            # Earlier versions left open what somebody had asked for who was removed.
            raise GoneError("{requested_by}, who asked for it, no longer decides here", approval.requested_by)
        now_ms = milliseconds(self._clock.now())
        unit.approvals.decide(approval.id, by=by, now_ms=now_ms, outcome=outcome, reason=reason)
        return unit.approvals.get(approval.id)


def end_requests(
    unit: Unit, which: Callable[[Approval], bool], *, by: str, reason: Message, now_ms: int
) -> None:
    """Have open requests, and those that were approved and cut off, carried out by nobody.

    They have no records of their own in the audit log: that of what ended them names whom they were about, and each
    keeps who decided, when and why. One that is just being carried out is noted as that afterwards.
    """
    for one in unit.approvals.ls(Outcome.OPEN, Outcome.APPROVED):
        if which(one):
            _end(unit, one, by=by, reason=reason, now_ms=now_ms)


def _end(unit: Unit, approval: Approval, *, by: str, reason: Message, now_ms: int) -> None:
    if approval.cut_off:
        unit.approvals.note_acted(approval.id, result=reason, now_ms=now_ms)
    if approval.outcome is Outcome.OPEN:
        unit.approvals.decide(approval.id, by=by, now_ms=now_ms, outcome=Outcome.REJECTED, reason=str(reason))


def two_decide(unit: Unit) -> bool:
    """Whether two persons exist who decide about something."""
    return sum(person.role in _DECIDING for person in unit.persons.ls()) >= LEAST_PERSONS


def require_role(person: str, role: PersonRole, roles: frozenset[PersonRole]) -> None:
    """Check that the role of a person is one of these; raises `ForbiddenError`."""
    if role not in roles:
        raise ForbiddenError(
            "{person} is {role}, and this is not for that role",
            person,
            role,
            hint="ask somebody with the right role",
        )


def require_two(unit: Unit) -> None:
    """Check that two persons exist; raises `UsageError`."""
    if not two_decide(unit):
        raise UsageError(
            "this takes two persons, and fewer are known here", hint="add them first: sigfed person add NAME"
        )
