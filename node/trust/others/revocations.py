"""What other nodes took back, as this one learned it: kept for good, and honoured wherever their keys count.

A node document names the file by its hash, so it is fetched once and cannot be swapped; whoever answers at the node's
address can only withhold it, and then additions of that node take no new effect until it is there. What this node took
back itself stands beside it, because its own lists are judged like all others. Spec: docs/spec/trust.md, "Revocations".
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256

from keys.errors import KeysError
from keys.trust.envelope import open_envelope
from keys.trust.node_document import NodeDocument
from keys.trust.revocations import KIND, Revocations, from_json, none_revoked, open_revocations
from keys.trust.tuf.root import TrustedRoot
from node.errors import NotFoundError, VerificationError
from node.store.peers.records import RevocationRecord
from node.store.store import Store
from node.store.unit import Unit

Fetch = Callable[[bytes], Awaitable[bytes]]
"""Gives the file with this SHA-256."""


def revocations_of(unit: Unit, node: str) -> Revocations:
    """What is held of a node's revocations; nothing where there is no file."""
    return _read(unit.revocations.get(node))


def signing(unit: Unit, document: NodeDocument) -> NodeDocument:
    """A node's document without the keys that it took back: who may sign now."""
    return revocations_of(unit, document.node).signing(document)


def all_signing(unit: Unit, documents: Mapping[str, NodeDocument]) -> Mapping[str, NodeDocument]:
    """The same of several documents, by node name."""
    known = {record.node: record for record in unit.revocations.ls()}
    return {
        node: _read(known.get(node, RevocationRecord(node=node))).signing(document)
        for node, document in documents.items()
    }


def believable(unit: Unit, document: NodeDocument) -> NodeDocument:
    """A node's document without the keys that were stolen: by whose signatures something can be proved."""
    return revocations_of(unit, document.node).believable(document)


def doubted(unit: Unit) -> Mapping[str, tuple[range, ...]]:
    """By origin, the indices of events that a thief may have added; of every node that is known."""
    found: defaultdict[str, tuple[range, ...]] = defaultdict(tuple)
    for record in unit.revocations.ls():
        revocations = _read(record)
        for origin in {entry.name for entry in revocations.entries if entry.doubted}:
            found[origin] = revocations.doubted(origin)
    return found


def withheld(unit: Unit) -> frozenset[str]:
    """The nodes whose documents name revocations that are not held."""
    return frozenset(record.node for record in unit.revocations.ls() if record.missing)


async def renew(store: Store, root: TrustedRoot, document: NodeDocument, fetch: Fetch) -> None:
    """Hold the revocations that a verified `document` names; it is remembered that they are missing until then.

    Raises:
        VerificationError: they cannot be had, or are not what they must be; what was held before still counts.
    """
    named = document.revoked_sha256
    record = _note(store, document)
    if named is None or not record.missing:
        return
    hint = "its additions take no new effect until they are there; tell its operator by telephone"
    try:
        data = await fetch(named)
    except NotFoundError as exc:
        raise VerificationError("{node} withholds its revocations", document.node, hint=hint) from exc
    if sha256(data).digest() != named:
        raise VerificationError(
            "{node} shows other revocations than its document names", document.node, hint=hint
        )
    accept(store, root, data)


def accept(store: Store, root: TrustedRoot, data: bytes) -> None:
    """Keep the revocations in `data`, for good; the same again changes nothing.

    Raises:
        VerificationError: not signed by the node's targets keys, older than those held, or something is missing in
            them that was in those.
    """
    try:
        new = open_revocations(data, root)
    except KeysError as exc:
        raise VerificationError("the revocations of {node} are refused: {reason}", root.node, exc) from exc
    with store.write() as unit:
        record = unit.revocations.get(root.node)
        if record.envelope == data:
            return
        if record.version and not new.follows(_read(record)):
            raise VerificationError(
                "{node} shows revocations that do not follow those held",
                root.node,
                hint="a key that was taken back must stay so; tell its operator by telephone",
            )
        payload = open_envelope(data, KIND, root)
        unit.revocations.put(root.node, version=new.version, payload=payload, envelope=data)


def _note(store: Store, document: NodeDocument) -> RevocationRecord:
    """What is held of a node, after it was remembered what its document names; reading is enough most times."""
    with store.read() as unit:
        record = unit.revocations.get(document.node)
    if record.named == document.revoked_sha256:
        return record
    with store.write() as unit:
        unit.revocations.name(document.node, document.revoked_sha256)
        return unit.revocations.get(document.node)


def _read(record: RevocationRecord) -> Revocations:
    return from_json(record.payload) if record.version else none_revoked(record.node)
