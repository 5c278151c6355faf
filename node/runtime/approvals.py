"""Carrying out what a second person approved: one handler a kind, run to its end once, and finished when cut off.

The decision is stored first, then the act, then that it was done. A crash in between leaves an approved request without
an act; approving it again repeats the handler, so every handler must be safe to repeat. One process at a time acts.
"""

from collections.abc import Callable

from node.errors import ConflictError
from node.files import locked
from node.ports.approvals import Approval
from node.runtime.opening import Identity
from node.runtime.persons import open_persons
from node.services.approving import Approvals
from node.services.shelf import Shelf

LOCK_NAME = "approvals.lock"

Handler = Callable[[Identity, Shelf, Approval], str]
"""Acts on an approved request, safe to repeat; gives one line for people."""


def open_approvals(identity: Identity, shelf: Shelf) -> Approvals:
    """The requests of an opened node."""
    return Approvals(shelf.storage, identity.clock, days=identity.settings.approvals.days)


def approve(identity: Identity, shelf: Shelf, approval_id: int, *, by: str) -> Approval:
    """Approve a request and carry it out; safe to run again.

    Raises:
        ForbiddenError: `by` may not decide it.
        ConflictError: it was decided otherwise, or carried out.
        GoneError: it is too old.
    """
    approvals = open_approvals(identity, shelf)
    with locked(identity.home.folder / LOCK_NAME):
        approval = approvals.approve(approval_id, by=by)
        if approval.acted_ms is not None:
            raise ConflictError(f"request {approval_id} was carried out already")
        result = HANDLERS[approval.kind](identity, shelf, approval)
        return approvals.note_acted(approval, result)


def _add_person(identity: Identity, shelf: Shelf, approval: Approval) -> str:
    return open_persons(identity, shelf).carry_out_add(approval)


def _remove_person(identity: Identity, shelf: Shelf, approval: Approval) -> str:
    return open_persons(identity, shelf).carry_out_remove(approval)


def _reset_person(identity: Identity, shelf: Shelf, approval: Approval) -> str:
    return open_persons(identity, shelf).carry_out_reset(approval)


HANDLERS: dict[str, Handler] = {
    "person.add": _add_person,
    "person.remove": _remove_person,
    "person.reset": _reset_person,
}
"""By kind; each kind of `services.approving.KINDS` has one."""
