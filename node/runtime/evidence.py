"""Evidence and gossip of an opened node: whom it can judge, what it tells, and whom it asks."""

from collections.abc import Mapping

from node.clock import Clock
from node.errors import MissingObjectError, NotFoundError
from node.objects.folder import FolderObjects
from node.runtime.opening import Identity
from node.services.accusing import Accused, accused_nodes
from node.services.gossiping import Gossiper
from node.services.shelf import Shelf
from node.services.telling import Telling
from node.services.trusting import DOCUMENT_NAME, ROOT_NAME


def accused_of(identity: Identity, shelf: Shelf) -> Mapping[str, Accused]:
    """Every node whose root this node has pinned, with its newest held document."""
    introductions = FolderObjects(identity.home.introductions)
    return accused_nodes(shelf.storage, introductions, identity.trust)


def open_telling(identity: Identity, shelf: Shelf) -> Telling:
    """What this node tells its peers that it holds."""
    return Telling(shelf, identity.trust_files, FolderObjects(identity.home.introductions))


def open_gossiper(identity: Identity, shelf: Shelf, clock: Clock) -> Gossiper:
    """The side that asks peers what they hold, at the time of `clock`."""
    return Gossiper(
        shelf,
        identity.trust,
        clock,
        own=identity.trust_files,
        introductions=FolderObjects(identity.home.introductions),
    )


def trust_files_of(identity: Identity, shelf: Shelf, node: str) -> dict[str, bytes]:
    """`1.root.json` and `node.json` of a node, as they are held: what a judge needs beside the evidence.

    Raises `NotFoundError` for a node that was never introduced here.
    """
    if node == identity.settings.node:
        return {name: identity.trust_files.get(name) for name in (ROOT_NAME, DOCUMENT_NAME)}
    with shelf.storage.read() as unit:
        for peer in unit.peers.ls():
            if peer.name == node:
                return {ROOT_NAME: peer.root, DOCUMENT_NAME: peer.node_document}
    introductions = FolderObjects(identity.home.introductions)
    try:
        return {
            ROOT_NAME: introductions.get(f"{node}/root"),
            DOCUMENT_NAME: introductions.get(f"{node}/document"),
        }
    except MissingObjectError as exc:
        raise NotFoundError(f"{node} was never a member here") from exc
