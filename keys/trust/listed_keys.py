"""Which keys a node's trust files name, and as what: what others can know of its keys.

Keys that follow each other are one lineage. How long a key counts is said beside it, except for TLS keys, which have
pins alone, and for the keys that the root names, which count as long as it does. Spec: docs/spec/rotation.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from keys.roles import Role
from keys.trust.lifecycle import Lineage
from keys.trust.node_document import NodeDocument
from keys.trust.tuf.root import RootContent
from keys.trust.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """An online key that a trust file names."""

    kid: str
    lineage: Lineage
    valid: Window | None = None
    """When it counts; None where the file does not say."""
    ends: datetime | None = None
    """When it ends at the latest, for keys that the root names."""


def epoch_kid(subset: str, epoch: int) -> str:
    """What the key of an epoch is called: it is no signing key, so it has no short name of its own."""
    return f"oprf-subsets-{subset}-{epoch}"


def listed_keys(document: NodeDocument, root: RootContent) -> tuple[ListedKey, ...]:
    """Every online key that the node document or the root names."""
    return (*_document_keys(document), *_root_keys(root))


def _document_keys(document: NodeDocument) -> Iterator[ListedKey]:
    for role, keys in (
        (Role.AUTH, document.auth_keys),
        (Role.TOKEN, document.token_keys),
        (Role.STATEMENT, document.statement_keys),
    ):
        for dated in keys:
            yield ListedKey(kid=dated.key.kid, lineage=Lineage(role), valid=dated.valid)
    for log in document.logs:
        for vkey in log.vkeys:
            yield ListedKey(kid=vkey.key.kid, lineage=Lineage(Role.LOG, log.origin), valid=vkey.valid)
    for vkey in document.witness.vkeys if document.witness else ():
        yield ListedKey(kid=vkey.key.kid, lineage=Lineage(Role.WITNESS, vkey.name), valid=vkey.valid)
    for subset in document.subsets:
        for epoch in subset.epochs:
            kid = epoch_kid(subset.name, epoch.epoch)
            yield ListedKey(kid=kid, lineage=Lineage(Role.OPRF, subset.name), valid=epoch.valid)
    for endpoint in document.endpoints:
        for pin in endpoint.tls_spki_sha256:
            yield ListedKey(kid=pin.hex(), lineage=Lineage(Role.TLS))


def _root_keys(root: RootContent) -> Iterator[ListedKey]:
    for key in (*root.snapshot_keys, *root.timestamp_keys):
        yield ListedKey(kid=key.kid, lineage=Lineage(key.role), ends=root.expires)
