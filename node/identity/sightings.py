"""What others have seen of this node: heads of its logs, its newest trust files, and what its witness has cosigned.

Nobody can lie upwards: each head carries a signature of this node's log or witness, each trust file those of its
holders. What does not verify is silence.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from keys.errors import SigfedError
from keys.message import Message
from keys.roles import Role
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.revocations import Revocations
from keys.trust.tuf.root import open_roots
from node.errors import NotFoundError
from node.files import said_of
from node.identity.identity import Identity
from node.identity.witnesses import reach_witness
from node.remote.proxy import proxy_of
from node.store.lists.records import LogKind
from node.store.peers.records import PeerRecord
from node.store.store import Store
from node.trust.others.documents import member_documents
from node.trust.tuf.repository import root_files
from protocol.api import TrustApi, WitnessApi
from protocol.errors import ProtocolError, UnknownSignerError
from protocol.gossip import Gossip, GossipHead
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint
from protocol.tlog.cosignature import verify_cosignatures, without_bad_lines
from protocol.tlog.log_keys import log_keys
from protocol.tlog.note import Note, VerifierKey
from protocol.witness.cosign import cosigned_claim

if TYPE_CHECKING:  # the members are asked once a start of the machine: what else signs connects to nobody
    from node.remote.node import RemoteNode

OWN_LOGS: Final = (LogKind.OWN_LIST, LogKind.OWN_RELEASES, LogKind.OWN_AUDIT)
_PATIENCE_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A head of an own log that a member's witness has cosigned last, or that somebody told of."""

    node: str
    head: Checkpoint
    note: bytes
    cosigned_s: int = 0
    """When its witness cosigned it last; 0 where that is not shown."""


@dataclass(slots=True, kw_only=True)
class Sightings:
    """What the members that were asked have seen."""

    heads: dict[str, list[Sighting]]
    """By origin."""
    answered: list[str] = field(default_factory=list)
    silent: dict[str, str] = field(default_factory=dict)
    """Members that did not answer, and why."""


async def witnessed(identity: Identity, store: Store, *, seconds: float = _PATIENCE_SECONDS) -> Sightings:
    """What the witnesses of the members cosigned last of every own log; all are asked at once."""
    documents = await asyncio.to_thread(documents_of, identity, store)
    with store.read() as unit:
        found = Sightings(heads={log.origin: [] for log in unit.logs.ls(*OWN_LOGS)})
    own, revoked = identity.trust.document(), identity.trust.revocations()

    async def ask(node: str, theirs: NodeDocument) -> None:
        try:
            async with asyncio.timeout(seconds), reach_witness(identity, theirs) as witness:
                heads = {
                    origin: await _cosigned(witness, theirs, origin, own, revoked) for origin in found.heads
                }
        except TimeoutError:
            found.silent[node] = Message("did not answer in time")
        except (SigfedError, OSError) as exc:
            found.silent[node] = said_of(exc).message
        else:
            found.answered.append(node)
            for origin, head in heads.items():
                found.heads[origin] += [] if head is None else [head]

    asked = [(node, theirs) for node, theirs in documents.items() if node != own.node and theirs.witness]
    await asyncio.gather(*(ask(*one) for one in asked))
    return found


async def _cosigned(
    witness: WitnessApi, theirs: NodeDocument, origin: str, own: NodeDocument, revoked: Revocations
) -> Sighting | None:
    try:
        note = await witness.witnessed(sha256(origin.encode()).hexdigest())
    except NotFoundError:
        return None
    try:
        return replace(sighting(theirs.node, note, origin, own), cosigned_s=_cosigned_s(note, theirs))
    except UnknownSignerError:
        # A thief's last head: a witness that cosigned it cosigns no other, and would be silent for ever.
        keys = [VerifierKey.from_text(one.key) for one in revoked.entries if one.role is Role.LOG]
        open_checkpoint(note, origin=origin, log_keys=[key for key in keys if key.name == origin])
        return None


def _cosigned_s(note: bytes, theirs: NodeDocument) -> int:
    keys = [VerifierKey.from_text(key.vkey) for key in theirs.witness.vkeys] if theirs.witness else []
    with suppress(ProtocolError):
        found = verify_cosignatures(without_bad_lines(Note.parse(note), keys), keys)
        return max((one.time_s for one in found), default=0)
    return 0


async def told(identity: Identity, store: Store, *, seconds: float) -> list[tuple[str, GossipHead]]:
    """Heads that peers say they hold, of any log, and who says so; all are asked at once."""
    from node.identity.peer import reach_peer  # noqa: PLC0415 - see above

    found: list[tuple[str, GossipHead]] = []

    async def ask(peer: PeerRecord) -> None:
        with suppress(OSError, SigfedError):
            async with asyncio.timeout(seconds), await asyncio.to_thread(reach_peer, identity, peer) as link:
                gossip = Gossip.from_bytes(await link.gossip(held=None) or b"")
                found.extend((peer.name, head) for head in gossip.heads)

    with store.read() as unit:
        peers = unit.peers.ls()
    await asyncio.gather(*map(ask, peers))
    return found


def forgotten(identity: Identity, store: Store, heads: Iterable[tuple[str, GossipHead]]) -> list[str]:
    """What this node's witness has cosigned, as others show it, beyond what it remembers; in words."""
    witness = identity.trust.without_proposal().document().witness
    if witness is None:
        return []
    keys = [VerifierKey.from_text(key.vkey) for key in witness.vkeys]
    with store.read() as unit:
        held = {record.origin: record.head.size for record in unit.witnessed.ls()}
    found: list[str] = []
    for node, head in heads:
        claim = cosigned_claim(head.note, keys)
        if claim is not None and claim.size > held.get(claim.origin, 0):
            found.append(
                Message(
                    "{node} shows that {witness} cosigned {count} entries of {origin}",
                    node,
                    witness.name,
                    f"{claim.size:,}",
                    claim.origin,
                )
            )
    return found


def sighting(node: str, note: bytes, origin: str, own: NodeDocument) -> Sighting:
    """A head that a key of the own document signed; raises `ProtocolError`."""
    head = open_checkpoint(note, origin=origin, log_keys=log_keys(own, origin)).checkpoint
    return Sighting(node=node, head=head, note=note)


async def newer_trust(identity: Identity, store: Store, *, seconds: float) -> list[str]:
    """What members hold of this node's own trust files that is newer than what is here, in words; all at once."""
    documents = await asyncio.to_thread(documents_of, identity, store)
    found: list[str] = []

    async def ask(theirs: NodeDocument) -> None:
        with suppress(OSError, SigfedError):
            async with asyncio.timeout(seconds), reach_public(identity, theirs) as link:
                found.extend(await _newer(identity, theirs.node, link))

    own = identity.settings.node
    await asyncio.gather(*(ask(theirs) for node, theirs in documents.items() if node != own))
    return found


async def _newer(identity: Identity, node: str, link: TrustApi) -> Iterable[str]:
    if roots := await later_roots(identity, link):
        version = len(root_files(identity.trust_files)) + len(roots)
        return [Message("{node} holds root {version} of this node", node, version)]
    document = open_node_document(await link.member_document(identity.settings.node), identity.trust.root())
    held = identity.trust.without_proposal().document().serial
    newer = Message("{node} holds node document {serial}", node, document.serial)
    return [newer] if document.serial > held else []


async def later_roots(identity: Identity, link: TrustApi) -> tuple[bytes, ...]:
    """Roots of this node that somebody holds and that follow those here."""
    held = root_files(identity.trust_files)
    roots = held
    with suppress(SigfedError):  # nobody has a next root, or it is none of ours
        while True:
            found = await link.member_root(identity.settings.node, version=len(roots) + 1)
            open_roots((*roots, found), sha256(roots[0]).digest())
            roots = (*roots, found)
    # Unless one was put in force here while the member was asked.
    return roots[len(held) :] if root_files(identity.trust_files) == held else ()


def reach_public(identity: Identity, document: NodeDocument) -> "RemoteNode":
    """What a member shows everybody."""
    from node.remote.node import RemoteNode  # noqa: PLC0415 - see above

    return RemoteNode(
        node=document.node,
        base_url=document.endpoints[0].url,
        pins=document.pins,
        credentials=None,
        presents=identity.tls(),
        clock=identity.clock,
        entropy=identity.entropy,
        proxy=proxy_of(identity.settings.outbound),
    )


def documents_of(identity: Identity, store: Store) -> Mapping[str, NodeDocument]:
    """The documents of the members by node name, this node's own among them."""
    return member_documents(store, identity.introductions, identity.trust.without_proposal())
