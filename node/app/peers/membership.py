"""Members and peers of an opened node."""

from collections.abc import Iterator
from contextlib import contextmanager

from node.identity.identity import Identity
from node.peers.membership import Membership
from node.rotation.store import write_store


@contextmanager
def membership(identity: Identity) -> Iterator[Membership]:
    """The membership service over the node's store, closed when the block ends."""
    with write_store(identity) as store:
        yield Membership(identity.trust, store, identity.introductions, identity.clock)
