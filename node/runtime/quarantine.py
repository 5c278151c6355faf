"""Releasing what is set aside: asked for by one person with a reason, carried out when a second one approved it."""

import json

from node.clock import milliseconds
from node.ports.approvals import Approval
from node.runtime.opening import Identity
from node.services import quarantine
from node.services.approving import Approvals
from node.services.shelf import Shelf

KIND = "quarantine.release"


def request_release(
    identity: Identity, shelf: Shelf, approvals: Approvals, name: str, *, reason: str, by: str
) -> Approval:
    """Ask for the release of what is called `name`; nothing changes yet.

    Raises:
        NotFoundError: nothing is set aside under it.
        UsageError: it was released, or there are fewer than two persons.
    """
    aside = quarantine.get(shelf, identity.trust.members(), name)
    quarantine.require_open(aside)
    payload = json.dumps({"id": aside.id, "reason": reason}, sort_keys=True).encode()
    subject = f"release {aside.id} ({aside.words}): {reason}"
    return approvals.request(KIND, subject=subject, payload=payload, by=by)


def carry_out(identity: Identity, shelf: Shelf, approval: Approval) -> str:
    """Release what was approved; safe to repeat."""
    asked = json.loads(approval.payload)
    now_ms = milliseconds(identity.clock.now())
    return quarantine.release(shelf, identity.trust.members(), str(asked["id"]), now_ms=now_ms)
