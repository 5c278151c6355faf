"""Carrying out what a second person approved: one handler a kind, run to its end once, and finished when cut off.

The decision is stored first, then it is in the audit log, then the act is done, then that it was. A crash in between
leaves an approved request without an act; approving it again repeats the handler, so every handler must be safe to
repeat. One process at a time acts.
"""

import json
from collections.abc import Callable, Mapping

from node.access import disclosure, grants
from node.access.approvals import Approvals
from node.access.disclosure import DisclosureTerms
from node.access.grants import Grants, PartnerTerms
from node.app import quarantine
from node.app.persons import open_persons, require_possible
from node.app.recall import carry_out_shredding, require_as_asked
from node.errors import ConflictError
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
        GoneError: it is too old.
    """
    approvals = open_approvals(identity, store)
    with locked(identity.home.folder / LOCK_NAME):
        _require_as_asked(identity, store, approvals.get(approval_id))
        approval = approvals.approve(approval_id, by=by)
        # What cannot be recorded is not done: the decision stands, and the same command finishes it later.
        audit.begin(
            identity, store, "approval.approve", approval.subject, actor=by, details=_details(approval)
        )
        result = HANDLERS[approval.kind](identity, store, approval)
        done = approvals.note_acted(approval, result)
    audit.tell(identity, store, approval.kind, approval.subject, actor=by, details=_details(approval))
    return done


def reject(identity: Identity, store: Store, approval_id: int, *, by: str, reason: str) -> Approval:
    """Decide against a request; raises as `approve` does."""
    rejected = open_approvals(identity, store).reject(approval_id, by=by, reason=reason)
    details = {**_details(rejected), "reason": reason}
    audit.tell(identity, store, "approval.reject", rejected.subject, actor=by, details=details)
    return rejected


def _require_as_asked(identity: Identity, store: Store, approval: Approval) -> None:
    """Check that it would not do more by now than whoever approves it has read."""
    if approval.outcome is Outcome.REJECTED or approval.acted_ms is not None:
        return
    if approval.kind in CHECKS:
        CHECKS[approval.kind](identity, store, approval)
    if approval.kind in STANDING:
        _require_unchanged(store, approval)


def _require_unchanged(store: Store, approval: Approval) -> None:
    """What was taken away since, or came back under the same name, is not given by a request from before."""
    fields = json.loads(approval.payload)
    now = _standing(store, approval.kind, fields)
    carried_out = approval.cut_off and all(fields[name] == now[name] for name in fields.keys() & now.keys())
    if now != fields.get(_HELD) and not carried_out:
        raise ConflictError(
            "what this is about was changed since it was asked for",
            hint="look at it again, reject this request, and ask anew",
        )


def _standing(store: Store, kind: str, fields: Mapping[str, str]) -> Mapping[str, object]:
    noun, standing = STANDING[kind]
    with store.read() as unit:
        return standing(unit, fields[noun])


def _require_new(identity: Identity, store: Store, approval: Approval) -> None:
    if not approval.cut_off:
        Recipients(store, identity.clock).check_new(wanted_of(approval))


def _details(approval: Approval) -> dict[str, str]:
    return {"request": str(approval.id), "kind": approval.kind, "asked_by": approval.requested_by}


CHECKS: dict[str, Check] = {
    "quarantine.release": quarantine.require_as_asked,
    "entry.shred": require_as_asked,
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

_HELD = "held"
"""The field that keeps how it stood when it was asked for."""

HANDLERS: dict[str, Handler] = {
    "quarantine.release": quarantine.carry_out,
    "entry.shred": carry_out_shredding,
    "entry.readmit": carry_out_shredding,
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
