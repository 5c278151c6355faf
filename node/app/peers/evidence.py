"""Evidence and gossip of an opened node: whom it can judge, what it tells, and whom it asks."""

from collections.abc import Mapping

from keys.trust.held_trust import HeldTrust
from keys.trust.tuf.target_files import NODE_FILE, REVOKED_FILE
from node.clock import Clock
from node.errors import MissingObjectError, NotFoundError
from node.evidence.keep import Accused, accused_nodes
from node.identity.identity import Identity
from node.peers.gossip import Gossiper
from node.peers.holdings import Telling
from node.store.store import Store
from node.trust.others.introductions import introduced_trust
from node.trust.tuf.repository import root_name


def accused_of(identity: Identity, store: Store) -> Mapping[str, Accused]:
    """Every node whose root this node has pinned, with its newest held document."""
    return accused_nodes(store, identity.introductions, identity.trust)


def open_telling(identity: Identity, store: Store) -> Telling:
    """What this node tells its peers that it holds."""
    return Telling(store, identity.trust_files, identity.introductions)


def open_gossiper(identity: Identity, store: Store, clock: Clock) -> Gossiper:
    """The side that asks peers what they hold, at the time of `clock`."""
    return Gossiper(
        store, identity.trust, clock, own=identity.trust_files, introductions=identity.introductions
    )


def trust_files_of(identity: Identity, store: Store, node: str) -> dict[str, bytes]:
    """The roots, `node.json` and `revoked.json` of a node, as they are held: what a judge needs beside the evidence.

    Raises `NotFoundError` for a node that was never introduced here.
    """
    with store.read() as unit:
        revoked = unit.revocations.get(node).envelope
        peer = unit.peers.find(node)
    named = {REVOKED_FILE: revoked} if revoked else {}
    if node == identity.settings.node:
        roots = {root_name(root.version): root.data for root in identity.trust.roots()}
        return {**roots, NODE_FILE: identity.trust_files.get(NODE_FILE), **named}
    if peer is not None:
        return {**_judged_by(peer.trust), **named}
    try:
        return {**_judged_by(introduced_trust(identity.introductions, node)), **named}
    except MissingObjectError as exc:
        raise NotFoundError("{node} was never a member here", node) from exc


def _judged_by(trust: HeldTrust) -> dict[str, bytes]:
    roots = {root_name(version): data for version, data in enumerate(trust.roots, 1)}
    return {**roots, NODE_FILE: trust.node_document}
