"""Opening the store of a node for who looks: its tables and objects, with the storage keys from their key files."""

from collections.abc import Iterator
from contextlib import contextmanager

from keys.roles import Role
from node.home import store_dsn
from node.identity.identity import Identity
from node.identity.lease import claim_of
from node.objects.stores import open_objects
from node.store.store import Store
from protocol.tlog.hasher import Hasher


@contextmanager
def read_store(identity: Identity) -> Iterator[Store]:
    """The node's store for who looks, closed when the block ends; a sealed value alone asks for the passphrase.

    Raises:
        NotInitialisedError: there is no store.
    """
    store = open_store(identity)
    try:
        yield store
    finally:
        store.dispose()


def open_store(identity: Identity) -> Store:
    """The node's store; raises as `read_store`. Whoever opens it disposes of it."""
    claim = claim_of(identity.home, identity.settings)
    return Store.open(
        store_dsn(identity.home, identity.settings),
        objects=open_objects(identity.home, identity.settings, claim),
        storage_keys=lambda label: identity.keychain.secret(Role.STORAGE, label),
        entropy=identity.entropy,
        claim=claim,
        load_hasher=lambda: _load_hasher(identity),
    )


def _load_hasher(identity: Identity) -> Hasher:
    from node.group.load import load_hasher  # noqa: PLC0415 - most commands hash little, and start without it

    return load_hasher(identity.settings.group)
