"""Carrying out what a second person approved, once.

The decision is stored first, then it is in the audit log, then the act is done: in the transaction that notes it. A
shredding alone takes steps, is noted after the last, and is safe to repeat. A crash in between leaves an approved
request that was not carried out; approving it again does so, or ends it where what it is about was changed since. One
process at a time acts.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from keys.message import Message
from node.access import disclosure, grants
from node.access.approvals import Approvals
from node.access.disclosure import DisclosureTerms
from node.app import quarantine, recall
from node.app.persons import open_persons, require_possible
from node.errors import AlreadyExistsError, ConflictError, NotFoundError, UsageError
from node.fields import dumped
from node.files import locked
from node.identity import audit
from node.identity.identity import Identity
from node.recipients.accreditation import Recipients, carry_out_grant, wanted_of
from node.recipients.accreditation import standing as recipient_standing
from node.store.accounts.records import Approval, Outcome, Request
from node.store.store import Store
from node.store.unit import Unit

LOCK_NAME = "approvals.lock"

Change = Callable[[Identity, Store, Unit, Approval], str]
"""Changes tables as an approved request says; gives one line for people."""

Check = Callable[[Identity, Store, Approval], None]
"""Raises `ConflictError` when a request would do more than it says, or why it cannot be carried out any more.

What is approved and fails would wait for a day on which it can be done, when nobody has looked at it for long.
"""

Standing = Callable[[Unit, Any], Mapping[str, object]]
"""How something stands that a request would replace, as JSON; raises `NotFoundError` where it is gone."""


def open_approvals(identity: Identity, store: Store) -> Approvals:
    """The requests of an opened node."""
    return Approvals(store, identity.clock, days=identity.settings.approvals.days)


def ask(identity: Identity, store: Store, request: Request, *, by: str) -> Approval:
    """Ask for a second person; raises as `node.access.approvals.Approvals.request` does."""
    payload = request.payload if isinstance(request.payload, bytes) else request.payload()
    if request.kind in STANDING:
        fields = json.loads(payload)
        with store.read() as unit:
            fields[_HELD] = _standing(unit, request.kind, fields)
        payload = dumped(fields)
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
            _require_as_asked(identity, store, approval)
        except (ConflictError, NotFoundError, UsageError, AlreadyExistsError) as exc:
            if not approval.cut_off or approval.kind == recall.KIND:  # of which a part may be done
                raise
            said = Message("request {id} is not finished: {reason}", approval.id, exc.message)
            approvals.end(approval.id, by=by, reason=said)
            audit.tell(
                identity,
                store,
                approval.kind,
                approval.subject,
                actor=by,
                outcome="refused",
                details=_details(approval),
            )
            raise ConflictError(said, hint="look at it again, and ask anew") from exc
        approval = approvals.approve(approval_id, by=by)
        # What cannot be recorded is not done: the decision stands, and the same command finishes it later.
        audit.begin(
            identity, store, "approval.approve", approval.subject, actor=by, details=_details(approval)
        )
        result = recall.carry_out_shredding(identity, store, approval) if approval.kind == recall.KIND else ""
        with store.write(alone=True) as unit:
            if approval.kind in CHANGES:
                # Whoever takes something away asks nobody, and may have done so a moment ago.
                _require_unchanged(unit, approval)
                result = CHANGES[approval.kind](identity, store, unit, approval)
            done = approvals.note_acted(unit, approval, result)
    audit.tell(identity, store, approval.kind, approval.subject, actor=by, details=_details(approval))
    return done


def reject(identity: Identity, store: Store, approval_id: int, *, by: str, reason: str) -> Approval:
    """Decide against a request; raises as `approve` does."""
    rejected = open_approvals(identity, store).reject(approval_id, by=by, reason=reason)
    details = {**_details(rejected), "reason": reason}
    audit.tell(identity, store, "approval.reject", rejected.subject, actor=by, details=details)
    return rejected


def _require_as_asked(identity: Identity, store: Store, approval: Approval) -> None:
    """Check that it does no more than whoever approves it read."""
    if approval.outcome is Outcome.REJECTED or approval.acted_ms is not None:
        return
    if approval.kind in CHECKS:
        CHECKS[approval.kind](identity, store, approval)
    with store.read() as unit:
        _require_unchanged(unit, approval)


def _require_unchanged(unit: Unit, approval: Approval) -> None:
    """What was taken away since, or is back under the same name, is not given by a request from before.

    Raises:
        ConflictError: it does not stand as when it was asked for.
    """
    if approval.kind not in STANDING:
        return
    fields = json.loads(approval.payload)
    if _standing(unit, approval.kind, fields) != fields.get(_HELD):
        raise ConflictError(
            "what this is about was changed since it was asked for"
            if _HELD in fields
            else "an earlier version of sigfed did not keep how this stood when it was asked for",
            hint="look at it again, reject this request, and ask anew",
        )


def _standing(unit: Unit, kind: str, fields: Mapping[str, Any]) -> Mapping[str, object]:
    noun, standing = STANDING[kind]
    return standing(unit, fields[noun])


def _details(approval: Approval) -> dict[str, str]:
    return {"request": str(approval.id), "kind": approval.kind, "asked_by": approval.requested_by}


CHECKS: dict[str, Check] = {
    quarantine.KIND: quarantine.require_as_asked,
    recall.KIND: recall.require_as_asked,
    "person.add": require_possible,
    "person.remove": require_possible,
    "person.reset": require_possible,
    "recipient.add": lambda node, store, one: Recipients(store, node.clock).check_new(wanted_of(one)),
}
"""By kind, where what is asked for can grow or become impossible meanwhile."""

STANDING: dict[str, tuple[str, Standing]] = {
    "peer.grant": ("peer", grants.peer_standing),
    "partner.quota": ("partner", grants.partner_standing),
    "partner.disclose": ("partner", disclosure.standing),
    "recipient.grant": ("recipient", recipient_standing),
    recall.READMISSION: ("tombstones", recall.tombstone_standing),
}
"""By kind, where it replaces what was decided before: the field that names of whom or what, and how that stands."""

_HELD = "held"
"""The field that keeps how it stood when it was asked for."""

CHANGES: dict[str, Change] = {
    quarantine.KIND: quarantine.carry_out,
    recall.READMISSION: lambda _node, _store, unit, one: recall.carry_out_readmission(unit, one),
    "peer.grant": lambda _node, _store, unit, one: grants.carry_out_grant(unit, one),
    "partner.quota": lambda _node, _store, unit, one: grants.carry_out_quota(unit, one),
    "partner.disclose": lambda node, store, unit, one: DisclosureTerms(store, node.clock).carry_out(
        unit, one
    ),
    "recipient.add": lambda node, store, unit, one: Recipients(store, node.clock).carry_out_add(unit, one),
    "recipient.grant": lambda _node, _store, unit, one: carry_out_grant(unit, one),
    "person.add": lambda node, store, unit, one: open_persons(node, store).carry_out_add(unit, one),
    "person.remove": lambda node, store, unit, one: open_persons(node, store).carry_out_remove(unit, one),
    "person.reset": lambda node, store, unit, one: open_persons(node, store).carry_out_reset(unit, one),
}
"""By kind: each of `node.access.approvals.KINDS` but a shredding."""
