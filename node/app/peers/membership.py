"""Members and peers of an opened node."""

from collections.abc import Iterator
from contextlib import contextmanager

from node.identity.identity import Identity
from node.objects.folder import FolderObjects
from node.peers.membership import Membership
from node.rotation.store import open_shelf


@contextmanager
def membership(identity: Identity) -> Iterator[Membership]:
    """The membership service over the node's store, closed when the block ends."""
    with open_shelf(identity) as shelf:
        yield Membership(
            identity.trust, shelf.storage, FolderObjects(identity.home.introductions), identity.clock
        )
