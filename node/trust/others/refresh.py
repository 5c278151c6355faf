"""The trust files of a peer, brought up to date: followed from its pinned root, valid now, never going back.

Whoever answers at a peer's address may hold its files back, but not swap them; and a peer that nobody speaks for is
noticed within a day. Keys count for seven days after the peer confirmed them. Spec: docs/spec/trust.md, "Following".
"""

import asyncio
from datetime import datetime

from keys.trust.held_trust import open_held, require_confirmed
from keys.trust.node_document import NodeDocument
from keys.trust.tuf.root import TrustedRoot, open_roots
from node.clock import milliseconds, moment_of
from node.errors import NotFoundError
from node.store.peers.records import PeerRecord
from node.store.store import Store
from node.trust.tuf.client import Followed, follow
from protocol.api import TufApi


def held_document(peer: PeerRecord, now: datetime) -> NodeDocument:
    """The newest node document that is held.

    Raises `NotCurrentError` when it has ended, alone or with its root, or was not confirmed for seven days.
    """
    opened = open_held(peer.trust)
    opened.check_current(now)
    require_confirmed(peer.name, moment_of(peer.confirmed_ms), now)
    return opened.document


def held_pins(peer: PeerRecord) -> tuple[str, frozenset[bytes]]:
    """Where a peer is, and the TLS keys it may answer with, as its newest held document says."""
    document = open_held(peer.trust).document
    return document.endpoints[0].url, document.pins


def newest_root(peer: PeerRecord) -> TrustedRoot:
    """The newest of the roots that are held, followed from the one that was compared."""
    return open_roots(peer.trust.roots, peer.trust.pin)[-1]


async def refresh_peer(peer: PeerRecord, api: TufApi, store: Store, now: datetime) -> NodeDocument:
    """Follow a peer to what is current and keep it; its node document.

    What was accepted is kept even when the rest fails.

    Raises:
        VerificationError: the peer shows older files than before, or two of one number (`TrustForkError`).
        NotFoundError: it serves no TUF repository.
        KeysError: not signed as it must be, malformed, or not current now.
        ConflictError: somebody else stored newer files meanwhile.
    """
    followed = await follow(peer.trust, api, now)
    return await asyncio.to_thread(store_followed, peer, followed, store, now)


def store_followed(peer: PeerRecord, followed: Followed, store: Store, now: datetime) -> NodeDocument:
    """Keep what came of following a peer; its node document, or the failure. Raises as `refresh_peer`."""
    opened = open_held(followed.held)
    confirmed = milliseconds(now) if followed.failure is None else None
    if confirmed is not None or followed.held != peer.trust:
        with store.write() as unit:
            unit.peers.update_trust(
                peer.name,
                followed.held,
                serial=opened.document.serial,
                found=peer.serial,
                confirmed_ms=confirmed,
            )
    if isinstance(followed.failure, NotFoundError):
        raise NotFoundError("{name}: {failure}", peer.name, followed.failure, hint=followed.failure.hint)
    followed.reached()
    opened.check_current(now)
    return opened.document


def list_origins(document: NodeDocument) -> tuple[str, ...]:
    """Origins of the lists a node document names, release logs left out."""
    return tuple(log.origin for log in document.logs if log.origin.startswith(f"{document.node}/lists/"))
