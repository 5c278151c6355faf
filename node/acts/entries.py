"""Entries that are corrected. One person withdraws; deleting for ever, and letting that be listed again, takes two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from node.acts.act import Field, Node, Request, act
from node.store.accounts.records import PersonRole

if TYPE_CHECKING:
    from node.lists.corrections.shred import ShredPlan
    from protocol.digest import Digest
    from protocol.lists.opening import Reason

RECALLERS: Final = frozenset({PersonRole.ANALYST, PersonRole.OPERATOR})
"""A withdrawal must never wait for somebody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredded:
    """A file of an own list, and why it is deleted."""

    list: Annotated[str, Field(record=True)]
    index: Annotated[int | None, Field(record=True)]
    """None: it is named by its hashes."""
    reason: Annotated["Reason", Field(record=True)]
    plans: Annotated[Sequence["ShredPlan"], Field(record=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readmitted:
    """What was shredded and may be listed again."""

    hashes: Annotated[Sequence["Digest"], Field(record=False)]


@act("entry.shred", roles=RECALLERS, fresh=True, irreversible=True)
def shred(_node: Node, given: Shredded) -> Request:
    """Ask a second person to delete a file's hashes for ever, here and at every peer."""
    from node.app.recall import shredding_request

    return shredding_request(given.plans, reason=given.reason)


@act("entry.readmit", roles=RECALLERS, fresh=True)
def readmit(node: Node, given: Readmitted) -> Request:
    """Ask a second person to let hashes that were shredded be listed here again."""
    from node.app.recall import readmission_request, tombstones_of

    macs = [node.store.vault.tombstone_of(digest) for digest in given.hashes]
    return readmission_request(node.store, tombstones_of(node.store, macs))
