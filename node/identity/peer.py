"""Reaching a peer, as the node that it knows."""

from keys.key import AuthPrivateKey
from keys.trust.held_trust import open_held
from node.identity.identity import Identity
from node.remote.auth import Credentials
from node.remote.node import RemoteNode
from node.remote.proxy import proxy_of
from node.store.peers.records import PeerRecord
from node.tls import Traffic


def reach_peer(identity: Identity, peer: PeerRecord, *, traffic: Traffic | None = None) -> RemoteNode:
    """A connection to a peer, pinned to the keys in its node document, with our auth and TLS keys as credentials."""
    document = open_held(peer.trust).document
    return RemoteNode(
        node=peer.name,
        base_url=document.endpoints[0].url,
        pins=document.pins,
        credentials=Credentials(client=identity.settings.node, signer=identity.signer(AuthPrivateKey)),
        presents=identity.tls(),
        proxy=proxy_of(identity.settings.outbound),
        clock=identity.clock,
        entropy=identity.entropy,
        traffic=traffic,
    )
