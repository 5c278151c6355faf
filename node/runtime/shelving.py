"""Opening the store of a node: its tables and objects, with the storage keys from their key files.

Where no node runs that looks every hour, the first command after a key has ended lets its successor begin. What the
holders signed about keys that are taken back reaches the quorum in the same way, whoever put it in force.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from keys.roles import Role
from node.objects.folder import FolderObjects
from node.runtime.home import store_dsn
from node.runtime.lease import claim_of
from node.runtime.opening import Identity
from node.runtime.put_back import require_current
from node.runtime.rotating import begin_overdue
from node.services.storage.shelf import Shelf
from node.services.trust.revoking import note_own
from node.store.store import Store


@contextmanager
def open_shelf(identity: Identity) -> Iterator[Shelf]:
    """The node's store, closed when the block ends.

    Raises:
        NotInitialisedError: there is no store.
        WrongPassphraseError: the passphrase does not open the storage key.
    """
    store, gate = open_store(identity), identity.trust.before_signing
    try:
        shelf = Shelf(store, FolderObjects(identity.home.objects), store.vault)
        identity.trust.before_signing = partial(require_current, identity, shelf)
        begin_overdue(identity, shelf)
        note_own(store, identity.trust)
        yield shelf
    finally:
        identity.trust.before_signing = gate  # whoever looked beside a running node leaves it its own
        store.dispose()


def open_store(identity: Identity) -> Store:
    """The node's tables and nothing else of the store; raises as `open_shelf`. Whoever opens it disposes of it."""
    return Store.open(
        store_dsn(identity.home, identity.settings),
        storage_keys=lambda label: identity.keychain.secret(Role.STORAGE, label),
        entropy=identity.entropy,
        claim=claim_of(identity.home, identity.settings),
    )
