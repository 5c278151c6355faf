"""Releasing what is set aside: asked for by one person with a reason, carried out when a second one approved it."""

import json
from collections.abc import Mapping
from hashlib import sha256

from keys.message import Message
from node.access.approvals import Approvals
from node.errors import ConflictError
from node.identity.identity import Identity
from node.judgement import quarantine
from node.store.accounts.records import Approval, Outcome, Request
from node.store.store import Store
from node.store.unit import Unit

KIND = "quarantine.release"


def release_request(identity: Identity, store: Store, name: str, *, reason: str, said: str) -> Request:
    """What asks for the release of what is called `name`.

    Raises:
        NotFoundError: nothing is set aside under it.
        UsageError: it was released.
    """
    aside = quarantine.get(store, identity.trust.members(), name)
    quarantine.require_open(aside)
    fields = {
        "id": aside.id,
        "reason": reason,
        "count": aside.count,
        "evidence": _open_evidence(aside),
        "blocks": _blocks(aside),
    }
    return Request(
        kind=KIND,
        subject=Message("release {id} ({what}): {reason}", aside.id, aside.words, reason),
        payload=json.dumps(fields, sort_keys=True).encode(),
        said=said,
    )


def asked_for(approvals: Approvals) -> Mapping[str, Approval]:
    """Requests for a release that wait for a second person, by what they would release; of several the newest."""
    waiting = [one for one in approvals.ls(Outcome.OPEN, Outcome.APPROVED) if one.kind == KIND]
    return {of_request(one): one for one in waiting if approvals.waits(one)}


def of_request(approval: Approval) -> str:
    """What a request would release: its number, or the name of a removed member."""
    return str(json.loads(approval.payload)["id"])


def require_as_asked(identity: Identity, store: Store, approval: Approval) -> None:
    """Check that nothing came since that whoever asked has not seen.

    Raises:
        ConflictError: more would be released.
        NotFoundError: nothing of a removed member is set aside any more.
        UsageError: it was released, or is of a removed member, which is one again.
    """
    members, name = identity.trust.members(), of_request(approval)
    quarantine.require_no_member(members, name)
    _require_seen(approval, quarantine.get(store, members, name))


def _require_seen(approval: Approval, aside: quarantine.QuarantineItem) -> None:
    asked = json.loads(approval.payload)
    quarantine.require_open(aside)  # with a list, what is proved of it by now would be released once more
    more = aside.count > asked["count"] or not set(_open_evidence(aside)) <= set(asked["evidence"])
    if more or asked.get("blocks") != _blocks(aside):
        raise ConflictError(
            "what would be released is not what it was when this was asked for",
            hint=Message(
                "look again: sigfed quarantine show {id}; reject this request, and ask anew", aside.id
            ),
        )


def _open_evidence(aside: quarantine.QuarantineItem) -> list[str]:
    return sorted(one.sha256 for one in aside.evidence if one.released_ms is None)


def _blocks(aside: quarantine.QuarantineItem) -> str:
    """Which blocks of a removed member wait, in 64 digits: as many others may, once it was a member again meanwhile."""
    refs = sorted(f"{ref.origin}:{ref.index}:{ref.leaf_hash.hex()}" for ref in aside.blocks)
    return sha256("\n".join(refs).encode()).hexdigest()


def carry_out(identity: Identity, store: Store, unit: Unit, approval: Approval) -> str:
    """Release what was approved; raises as `require_as_asked` does."""
    members, name = identity.trust.members(), of_request(approval)
    quarantine.require_no_member(members, name)
    aside = quarantine.lock(store, unit, members, name)
    _require_seen(approval, aside)
    return quarantine.release(unit, aside, now_ms=identity.now_ms)
