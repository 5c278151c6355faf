"""The trust files of a peer, brought up to date: signed by its pinned root, valid now, never going back.

Whoever answers at a peer's address may hold its files back, but not swap them: an older document, or a second one under
the same serial, is refused, and one that has ended stops the sync.
"""

from datetime import datetime

from keys.trust.envelope import open_envelope
from keys.trust.fingerprint import fingerprint
from keys.trust.members import open_members
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.root import TrustedRoot, open_root
from keys.trust.window import valid_at
from node.errors import NotFoundError, TrustForkError, VerificationError
from node.ports.peers import PeerRecord
from protocol.api import TrustApi
from protocol.pull import LogTrust
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.note import VerifierKey
from protocol.trustfork import TrustFork, content_pair


def pinned_root(peer: PeerRecord) -> TrustedRoot:
    """The root that was compared when the peer became a member."""
    return open_root(peer.root, fingerprint(peer.root))


def newest_root(peer: PeerRecord) -> TrustedRoot:
    """The newest of the roots that are held."""
    return pinned_root(peer)


def held_document(peer: PeerRecord, now: datetime) -> NodeDocument:
    """The newest node document that is held; raises `NotCurrentError` when it has ended, with its root or alone."""
    root = pinned_root(peer)
    return _current(open_node_document(peer.node_document, root), root, now)


async def newest_trust(peer: PeerRecord, api: TrustApi, now: datetime) -> tuple[NodeDocument, bytes, bytes]:
    """The peer's node document as it is now, its envelope, and the envelope of its members register.

    Raises:
        VerificationError: it is older than the one held, or another under the same serial.
        KeysError: not signed by the pinned root, malformed, or not valid now.
    """
    root = pinned_root(peer)
    data = await api.node_document(held=peer.node_document)
    document = open_node_document(data, root)
    if document.serial < peer.serial:
        raise VerificationError(f"{peer.name} shows an older node document than before")
    if document.serial == peer.serial:
        _require_one(peer.name, "node", peer.node_document, data, root)
    return _current(document, root, now), data, await _members(peer, api, root)


def log_trust(document: NodeDocument, origin: str, now: datetime) -> LogTrust:
    """Whom to believe about a log; nobody when the document does not name it."""
    for log in document.logs:
        if log.origin == origin:
            keys = tuple(VerifierKey.from_text(dated.vkey) for dated in valid_at(log.vkeys, now))
            end = log.final_checkpoint
            final = None if end is None else Checkpoint(origin, end.size, end.root)
            return LogTrust(origin=origin, log_keys=keys, final=final)
    return LogTrust(origin=origin, log_keys=())


def list_origins(document: NodeDocument) -> tuple[str, ...]:
    """Origins of the lists a node document names, release logs left out."""
    return tuple(log.origin for log in document.logs if log.origin.startswith(f"{document.node}/lists/"))


def _current(document: NodeDocument, root: TrustedRoot, now: datetime) -> NodeDocument:
    root.check_current(now)
    document.valid.require(now, f"the node document of {document.node}")
    return document


async def _members(peer: PeerRecord, api: TrustApi, root: TrustedRoot) -> bytes:
    try:
        data = await api.members(held=peer.members)
    except NotFoundError:
        return peer.members
    members = open_members(data, root)
    if not peer.members:
        return data
    version = open_members(peer.members, root).version
    if members.version < version:
        raise VerificationError(f"{peer.name} shows an older members register than before")
    if members.version == version:
        _require_one(peer.name, "members", peer.members, data, root)
    return data


def _require_one(node: str, what: str, held: bytes, shown: bytes, root: TrustedRoot) -> None:
    """Two contents under one version are two answers to one question, signed."""
    contents = [open_envelope(data, what, root) for data in (held, shown)]
    if contents[0] != contents[1]:
        named = "node documents with one serial" if what == "node" else "members registers of one version"
        evidence = TrustFork(node=node, what=what, one=held, other=shown).to_bytes()
        raise TrustForkError(f"{node} shows two {named}", evidence=evidence, pair=content_pair(*contents))
