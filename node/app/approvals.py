"""Carrying out what a second person approved: one handler a kind, run to its end once, and finished when cut off.

The decision is stored first, then it is in the audit log, then the act is done, then that it was. A crash in between
leaves an approved request without an act; approving it again repeats the handler, so every handler must be safe to
repeat. One process at a time acts.
"""

from collections.abc import Callable

from node.access.approvals import Approvals
from node.access.disclosure import DisclosureTerms
from node.access.grants import Grants, PartnerTerms
from node.app import quarantine
from node.app.persons import open_persons
from node.app.recall import carry_out_shredding, require_as_asked
from node.files import locked
from node.identity import audit
from node.identity.identity import Identity
from node.recipients.accreditation import Recipients
from node.store.accounts.records import Approval, Outcome
from node.store.store import Store

LOCK_NAME = "approvals.lock"

Handler = Callable[[Identity, Store, Approval], str]
"""Acts on an approved request, safe to repeat; gives one line for people."""

Check = Callable[[Identity, Store, Approval], None]
"""Raises `ConflictError` when a request would do more than it says."""


def open_approvals(identity: Identity, store: Store) -> Approvals:
    """The requests of an opened node."""
    return Approvals(store, identity.clock, days=identity.settings.approvals.days)


def approve(identity: Identity, store: Store, approval_id: int, *, by: str) -> Approval:
    """Approve a request and carry it out; safe to run again.

    Raises:
        ForbiddenError: `by` may not decide it.
        ConflictError: it was decided otherwise, or carried out.
        GoneError: it is too old, or whoever asked for it is no person here any more.
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
    if approval.kind in CHECKS and approval.outcome is not Outcome.REJECTED and approval.acted_ms is None:
        CHECKS[approval.kind](identity, store, approval)


def _details(approval: Approval) -> dict[str, str]:
    return {"request": str(approval.id), "kind": approval.kind, "asked_by": approval.requested_by}


CHECKS: dict[str, Check] = {
    "quarantine.release": quarantine.require_as_asked,
    "entry.shred": require_as_asked,
}
"""By kind, where what is asked for can grow meanwhile."""

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
