"""Bringing the trust files of a peer up to date outside of a sync: when a key is shown that they do not name yet.

A peer that was away, or from which this node was, may have replaced its TLS key meanwhile. What it signed is then taken
from whoever answers at its address: nothing of it is believed because of the connection.
"""

import asyncio

from node.errors import WrongPinError
from node.identity.identity import Identity
from node.identity.peer import reach_peer
from node.remote.bootstrap import catch_up
from node.remote.proxy import proxy_of
from node.store.peers.records import PeerRecord
from node.store.store import Store
from node.trust.others.refresh import held_pins, newest_root, refresh_peer, store_followed
from node.trust.others.revocations import renew as renew_revocations
from node.witnesses.witness import Renew


def peer_renewal(identity: Identity, store: Store) -> Renew:
    """Fetches the trust files of a peer, by name; what it signed since is kept.

    Raises what `refresh_peer` raises, and `WrongPinError` when somebody else answers at its address.
    """

    async def renew(name: str) -> None:
        peer = await asyncio.to_thread(_peer, store, name)
        try:
            await _renew(identity, store, peer)
        except WrongPinError as exc:
            await catch_up_with(identity, store, peer, exc)
            await _renew(identity, store, await asyncio.to_thread(_peer, store, name))

    return renew


async def catch_up_with(identity: Identity, store: Store, peer: PeerRecord, refused: WrongPinError) -> None:
    """Keep what a peer signed since, although its TLS key is not one that is pinned.

    Raises `refused` when the key that answers is not one that the peer names now either, and as `refresh_peer`.
    """
    base_url, _ = held_pins(peer)
    proxy = proxy_of(identity.settings.outbound)
    caught = await catch_up(base_url, peer.trust, clock=identity.clock, entropy=identity.entropy, proxy=proxy)
    now = identity.clock.now()
    document = await asyncio.to_thread(store_followed, peer, caught.followed, store, now)
    if caught.spki_sha256 not in document.pins:
        raise refused


async def _renew(identity: Identity, store: Store, peer: PeerRecord) -> None:
    async with reach_peer(identity, peer) as link:
        document = await refresh_peer(peer, link, store, identity.clock.now())
        root = newest_root(await asyncio.to_thread(_peer, store, peer.name))
        await renew_revocations(store, root, document, link.revoked)


def _peer(store: Store, name: str) -> PeerRecord:
    with store.read() as unit:
        return unit.peers.get(name)
