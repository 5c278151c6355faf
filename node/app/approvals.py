"""Carrying out what a second person approved: one handler a kind, run to its end once, and finished when cut off.

The decision is stored first, then it is in the audit log, then the act is done, then that it was. A crash in between
leaves an approved request without an act; approving it again repeats the handler, so every handler must be safe to
repeat, or ends it where what it is about was changed since. One process at a time acts.
"""

import json
from collections.abc import Callable, Mapping

from keys.errors import SigfedError
from keys.message import Message
from node.access import disclosure, grants
from node.access.approvals import Approvals
from node.access.disclosure import DisclosureTerms
from node.access.grants import Grants, PartnerTerms
from node.app import quarantine, recall
from node.app.persons import open_persons, require_possible
from node.errors import AlreadyExistsError, ConflictError, NotFoundError, UsageError
from node.files import locked
from node.identity import audit
from node.identity.identity import Identity
from node.recipients.accreditation import Recipients, wanted_of
from node.recipients.accreditation import standing as recipient_standing
from node.store.accounts.records import Approval, Outcome, Request
from node.store.store import Store
from node.store.unit import Unit

LOCK_NAME = "approvals.lock"

Handler = Callable[[Identity, Store, Approval], str]
"""Acts on an approved request, safe to repeat; gives one line for people."""

Check = Callable[[Identity, Store, Approval], None]
"""Raises `ConflictError` when a request would do more than it says, or why it cannot be carried out any more.

What is approved and fails would wait for a day on which it can be done, when nobody has looked at it for long.
"""

Standing = Callable[[Unit, str], Mapping[str, object]]
"""How something stands that a request would replace, as JSON; raises `NotFoundError` where it is gone."""


def open_approvals(identity: Identity, store: Store) -> Approvals:
    """The requests of an opened node."""
    return Approvals(store, identity.clock, days=identity.settings.approvals.days)


def ask(identity: Identity, store: Store, request: Request, *, by: str) -> Approval:
    """Ask for a second person; raises as `node.access.approvals.Approvals.request` does."""
    payload = request.payload if isinstance(request.payload, bytes) else request.payload()
    if request.kind in STANDING:
        fields = json.loads(payload)
        fields[_HELD] = _standing(store, request.kind, fields)
        payload = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return open_approvals(identity, store).request(
        request.kind, subject=request.subject, payload=payload, by=by
    )


def approve(identity: Identity, store: Store, approval_id: int, *, by: str) -> Approval:
    """Approve a request and carry it out; safe to run again.

    Raises:
        ForbiddenError: `by` may not decide it.
        ConflictError: it was decided otherwise, or carried out, or what it is about was changed since.
        GoneError: it is too old, or whoever asked for it is no person here any more.
    """
    approvals = open_approvals(identity, store)
    with locked(identity.home.folder / LOCK_NAME):
        approval = approvals.get(approval_id)
        try:
            stands = _require_as_asked(identity, store, approval)
        except (ConflictError, NotFoundError, UsageError, AlreadyExistsError) as exc:
            if not approval.cut_off or approval.kind in PARTLY:
                raise
            raise _ended(approvals, approval, exc, by=by) from exc
        approval = approvals.approve(approval_id, by=by)
        # What cannot be recorded is not done: the decision stands, and the same command finishes it later.
        audit.begin(
            identity, store, "approval.approve", approval.subject, actor=by, details=_details(approval)
        )
        # What was taken away since it was carried out is not given by carrying it out again.
        result = _BEFORE if stands else HANDLERS[approval.kind](identity, store, approval)
        done = approvals.note_acted(approval, result)
    audit.tell(identity, store, approval.kind, approval.subject, actor=by, details=_details(approval))
    return done


def reject(identity: Identity, store: Store, approval_id: int, *, by: str, reason: str) -> Approval:
    """Decide against a request; raises as `approve` does."""
    rejected = open_approvals(identity, store).reject(approval_id, by=by, reason=reason)
    details = {**_details(rejected), "reason": reason}
    audit.tell(identity, store, "approval.reject", rejected.subject, actor=by, details=details)
    return rejected


def _ended(approvals: Approvals, approval: Approval, why: SigfedError, *, by: str) -> ConflictError:
    """Ends what was cut off and can be finished by nobody; raises as `Approvals.end` does."""
    said = Message("request {id} is not finished: {reason}", approval.id, why.message)
    approvals.end(approval.id, by=by, reason=said)
    return ConflictError(said, hint="look at it again, and ask anew")


def _require_as_asked(identity: Identity, store: Store, approval: Approval) -> bool:
    """Whether it was carried out before it was cut off; checks that it does no more than whoever approves it read."""
    if approval.outcome is Outcome.REJECTED or approval.acted_ms is not None:
        return False
    if approval.kind in CHECKS:
        CHECKS[approval.kind](identity, store, approval)
    return approval.kind in STANDING and not _is_unchanged(store, approval)


def _is_unchanged(store: Store, approval: Approval) -> bool:
    """Whether all stands as it was asked for; else it stands as one that was cut off has made it.

    Raises:
        ConflictError: what was taken away since, or is back under the same name, is not given by a request from before.
    """
    fields = json.loads(approval.payload)
    now = _standing(store, approval.kind, fields)
    if now == fields.get(_HELD):
        return True
    if approval.cut_off and all(fields[name] == now[name] for name in fields.keys() & now.keys()):
        return False
    raise ConflictError(
        "what this is about was changed since it was asked for"
        if _HELD in fields
        else "an earlier version of sigfed did not keep how this stood when it was asked for",
        hint="look at it again, reject this request, and ask anew",
    )


def _standing(store: Store, kind: str, fields: Mapping[str, str]) -> Mapping[str, object]:
    noun, standing = STANDING[kind]
    with store.read() as unit:
        return standing(unit, fields[noun])


def _require_new(identity: Identity, store: Store, approval: Approval) -> None:
    recipients, wanted = Recipients(store, identity.clock), wanted_of(approval)
    if not (approval.cut_off and recipients.has(wanted)):
        recipients.check_new(wanted)


def _details(approval: Approval) -> dict[str, str]:
    return {"request": str(approval.id), "kind": approval.kind, "asked_by": approval.requested_by}


CHECKS: dict[str, Check] = {
    "quarantine.release": quarantine.require_as_asked,
    recall.KIND: recall.require_as_asked,
    "person.add": require_possible,
    "person.remove": require_possible,
    "person.reset": require_possible,
    "recipient.add": _require_new,
}
"""By kind, where what is asked for can grow or become impossible meanwhile."""

STANDING: dict[str, tuple[str, Standing]] = {
    "peer.grant": ("peer", grants.peer_standing),
    "partner.quota": ("partner", grants.partner_standing),
    "partner.disclose": ("partner", disclosure.standing),
    "recipient.grant": ("recipient", recipient_standing),
}
"""By kind, where it replaces what somebody may: the field that names who, and how that stands."""

PARTLY = frozenset({recall.KIND})
"""Kinds of which a part may be done when it is cut off: what is left stays to be finished."""

_BEFORE = Message("it had been carried out before")
_HELD = "held"
"""The field that keeps how it stood when it was asked for."""

HANDLERS: dict[str, Handler] = {
    "quarantine.release": quarantine.carry_out,
    recall.KIND: recall.carry_out_shredding,
    recall.READMISSION: recall.carry_out_shredding,
    "peer.grant": lambda node, store, one: Grants(store, node.clock).carry_out(one),
    "partner.quota": lambda _, store, one: PartnerTerms(store).carry_out(one),
    "partner.disclose": lambda node, store, one: DisclosureTerms(store, node.clock).carry_out(one),
    "recipient.add": lambda node, store, one: Recipients(store, node.clock).carry_out_add(one),
    "recipient.grant": lambda node, store, one: Recipients(store, node.clock).carry_out_grant(one),
    "person.add": lambda node, store, one: open_persons(node, store).carry_out_add(one),
    "person.remove": lambda node, store, one: open_persons(node, store).carry_out_remove(one),
    "person.reset": lambda node, store, one: open_persons(node, store).carry_out_reset(one),
}
"""By kind; each kind of `node.access.approvals.KINDS` has one."""
