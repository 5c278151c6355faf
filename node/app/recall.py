"""Taking something out of the world now: published and released in this process; and what a second person confirmed.

What was confirmed is safe to repeat: what is queued already is not queued again, and publishing and releasing finish
what was cut off.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from keys.errors import SigfedError
from keys.message import Message
from node.app.subsets import release_here
from node.errors import NotFoundError
from node.fields import dumped
from node.files import said_of
from node.identity.identity import Identity
from node.identity.logs import publish_one
from node.identity.witnesses import cosign_own
from node.judgement.shred_status import EntryPlace, shredded_places
from node.lists.corrections.shred import ShredPlan, require_no_more, shred
from node.store.accounts.records import Approval, Request
from node.store.store import Store
from node.store.unit import Unit
from node.subsets.catalogue import report_subsets
from protocol.lists.ext import Reason

KIND: Final = "entry.shred"
READMISSION: Final = "entry.readmit"
_SHRED, _READMIT = "shred", "readmit"
_NAMED: Final = 10
"""Places in the words of a request, at most; `places_of` gives all of them."""


def recall_now(identity: Identity, store: Store, origin: str) -> list[str]:
    """Publish an own list, release every subset, and have it cosigned; returns what happened to each, in words.

    A subset that cannot be released does not stop the others. Without witnesses partners take no more than a part away.
    """
    done = publish_one(identity, store, origin)
    words: list[str] = [
        Message(
            "{list}: {size} events, {count} withdrawn now", origin, f"{done.size:,}", f"{done.withdrawals:,}"
        )
    ]
    words += [_released(identity, store, report.subset.name) for report in report_subsets(store)]
    return words + _cosigned(identity, store)


def _cosigned(identity: Identity, store: Store) -> list[str]:
    """What is out stays out, whatever becomes of this: it is asked for again with every publication."""
    try:
        stand = asyncio.run(cosign_own(identity, store)).values()
    except (SigfedError, OSError) as exc:
        return [Message("not cosigned: {reason}", said_of(exc))]
    return [f"{one.origin}: {one.words}" for one in stand if one.followed and one.missing]


def _released(identity: Identity, store: Store, name: str) -> str:
    try:
        report = release_here(identity, store, name)
    except (SigfedError, OSError) as exc:
        return Message("subset {name}: not released: {reason}", name, said_of(exc))
    if not report.published:
        return Message("subset {name}: release {version} did not list it", name, report.version)
    return Message(
        "subset {name}: release {version}, {count} removed", name, report.version, f"{report.removed:,}"
    )


def shredding_request(plans: Sequence[ShredPlan], *, reason: Reason) -> Request:
    """What asks to have one file shredded, which is named by list and index."""
    origin, positions = plans[0].origin, sorted({plan.position for plan in plans})
    entries, disputes = sum(plan.entries for plan in plans), sum(plan.disputes for plan in plans)
    payload = {
        "action": _SHRED,
        "list": origin,
        "indexes": positions,
        "most": entries + disputes,
        "reason": reason.name,
    }
    subject = Message(
        "shred the file of entry {index} of {origin}: {entries} entries, {disputes} disputes, reason {reason}",
        positions[0],
        origin,
        entries,
        disputes,
        reason.name.lower(),
    )
    return Request(kind=KIND, subject=subject, payload=dumped(payload))


def readmission_request(store: Store, tombstones: Collection[bytes]) -> Request:
    """What asks to have shredded hashes listed again; of how many files they are nobody knows."""
    payload = {"action": _READMIT, "tombstones": sorted(mac.hex() for mac in tombstones)}
    subject = _readmission_words(len(tombstones), shredded_places(store, tombstones))
    return Request(
        kind=READMISSION, subject=subject, payload=dumped(payload), facts={"hashes": len(tombstones)}
    )


def _readmission_words(count: int, places: Sequence[EntryPlace]) -> str:
    hashes = Message.counted("{count} hash", "{count} hashes", count)
    if not places:
        return hashes
    named, more = ", ".join(map(str, places[:_NAMED])), len(places) - _NAMED
    if more > 0:
        return Message("{hashes}, shredded as {places} and {more} more", hashes, named, more)
    return Message("{hashes}, shredded as {places}", hashes, named)


def places_of(store: Store, approval: Approval) -> tuple[EntryPlace, ...]:
    """What a request to shred or to readmit is about, by list and index, as far as is known here; empty for others."""
    if approval.kind not in {KIND, READMISSION}:
        return ()
    asked = json.loads(approval.payload)
    if asked["action"] == _SHRED:
        return tuple(EntryPlace(origin=asked["list"], index=index) for index in asked["indexes"])
    return shredded_places(store, {bytes.fromhex(mac) for mac in asked["tombstones"]})


def require_as_asked(identity: Identity, store: Store, approval: Approval) -> None:  # noqa: ARG001 - a check
    """Check that a shredding would delete no more than it says; raises `ConflictError`."""
    asked = json.loads(approval.payload)
    require_no_more(store, asked["list"], asked["indexes"], most=asked["most"])


def carry_out_shredding(identity: Identity, store: Store, approval: Approval) -> str:
    """Do what `shredding_request` asked for, as often as one likes; one line for people."""
    asked = json.loads(approval.payload)
    origin, reason = asked["list"], Reason[asked["reason"]]
    for position in asked["indexes"]:
        shred(store, origin, position, reason=reason)
    words = recall_now(identity, store, origin)  # publishing deletes what was shredded
    return Message.joined(
        "; ", [*words, Message("deleted here; peers delete with their next sync: sigfed withdrawal ls")]
    )


def carry_out_readmission(unit: Unit, approval: Approval) -> str:
    """Do what `readmission_request` asked for; one line for people."""
    macs = json.loads(approval.payload)["tombstones"]
    lifted = sum(unit.tombstones.lift(bytes.fromhex(mac)) > 0 for mac in macs)
    return Message.counted(
        "{count} hash may be listed here again", "{count} hashes may be listed here again", lifted
    )


def tombstone_standing(unit: Unit, macs: Sequence[str]) -> Mapping[str, object]:
    """How often these hashes were shredded, and when last: who shreds one again undoes no word of before."""
    wanted = {bytes.fromhex(mac) for mac in macs}
    made = [each.created_ms for each in unit.tombstones.ls() if each.mac in wanted]
    return {"tombstones": len(made), "last_ms": max(made, default=0)}


def tombstones_of(store: Store, macs: Sequence[bytes]) -> list[bytes]:
    """Those of the tombstones that stand, each once; raises `NotFoundError` for none."""
    with store.read() as unit:
        kept = {each.mac for each in unit.tombstones.ls()}
    found = [mac for mac in dict.fromkeys(macs) if mac in kept]
    if not found:
        raise NotFoundError("this hash was not shredded, as far as this node knows")
    return found
