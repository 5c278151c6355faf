"""A successor for a key of any role that the node document names, made as that role has it made.

Where the node only proposes what its holders sign elsewhere, the key is made and the proposal names it; the same call
after the proposal is in force is not needed, for the running node takes the steps by itself.
"""

from dataclasses import dataclass
from datetime import datetime

from keys.roles import Role
from node.errors import UsageError
from node.identity.identity import Identity
from node.rotation.epochs import announce_next, rotate_epoch
from node.rotation.progress import rotation
from node.rotation.rotate import Rotated, lineage_of, list_successor, rotate
from node.rotation.rotate_tls import is_pinned, rotate_tls
from node.rotation.storage_keys import rotate_storage
from node.store.store import Store
from node.trust.successors import SUCCEEDED

REPLACED = frozenset({*SUCCEEDED, Role.OPRF, Role.TLS, Role.STORAGE})
"""Roles whose keys get a successor here; those that the root names are replaced by a next root."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A successor was made, and a proposal names it."""

    role: Role
    of: str
    """The log's origin, the witness's name or the subset; empty for roles that a node has once."""


def replace_key(
    identity: Identity, store: Store, role: Role, of: str, *, at: datetime | None, uri: str = ""
) -> Rotated | Proposed:
    """Make a successor of the key of `role` (and of one list, subset or witness), which begins at `at`, or now.

    Raises:
        UsageError: keys of this role are not replaced so, it is not said which one, or it would begin in the past.
        NotFoundError: too few holders' keys are here to sign the node document.
    """
    if role not in REPLACED:
        raise UsageError(
            "{role} keys are not replaced by this command", role, hint="see docs/manuals/rotation.md"
        )
    start = at or identity.clock.now()
    if role is Role.STORAGE:
        return rotate_storage(identity, store)
    if role is Role.TLS and (is_pinned(identity) or not identity.proposing):
        return rotate_tls(identity, store, at=at, signers=identity.targets_signers)
    if identity.proposing:
        return _propose(identity, role, of, at=start, uri=uri)
    lineage = lineage_of(identity, role, of)
    if role is Role.OPRF:
        return rotate_epoch(identity, store, lineage.of, at=start, signers=identity.targets_signers())
    return rotate(identity, store, lineage, at=start, signers=identity.targets_signers(), uri=uri)


def _propose(identity: Identity, role: Role, of: str, *, at: datetime, uri: str) -> Proposed:
    if role is Role.TLS:
        identity.trust.revise_document(lambda document: document, signers=())
        return Proposed(role, "")
    lineage = lineage_of(identity, role, of)
    with rotation(identity, lineage) as begun:
        if role is Role.OPRF:
            announce_next(identity, lineage.of, begun, at=at, signers=())
        else:
            list_successor(identity, lineage, begun, at=at, signers=(), uri=uri)
    return Proposed(role, lineage.of)
