"""Opening the store of a node: its tables and objects, with the storage keys from their key files.

Who only looks opens nothing else. Who acts gets first what fell due while nobody looked: where no node runs that looks
every hour, the first such command after a key has ended lets its successor begin. What the holders signed about keys
that are taken back reaches the quorum in the same way, whoever put it in force.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from keys.roles import Role
from node.home import store_dsn
from node.objects.folder import FolderObjects
from node.runtime.lease import claim_of
from node.runtime.opening import Identity
from node.services.storage.shelf import Shelf
from node.store.store import Store


@contextmanager
def open_shelf(identity: Identity) -> Iterator[Shelf]:
    """The node's store for who acts, closed when the block ends: unlocked, and caught up.

    Raises:
        NotInitialisedError: there is no store.
        WrongPassphraseError: the passphrase does not open the storage key.
    """
    # A quarter of a second that reading does not pay: they reach the members.
    from node.runtime.put_back import require_current  # noqa: PLC0415
    from node.runtime.rotating import begin_overdue  # noqa: PLC0415
    from node.services.trust.revoking import note_own  # noqa: PLC0415

    gate = identity.trust.before_signing
    with read_shelf(identity) as shelf:
        shelf.vault.unlock()
        identity.trust.before_signing = partial(require_current, identity, shelf)
        try:
            begin_overdue(identity, shelf)
            note_own(shelf.storage, identity.trust)
            yield shelf
        finally:
            identity.trust.before_signing = gate  # whoever looked beside a running node leaves it its own


@contextmanager
def read_shelf(identity: Identity) -> Iterator[Shelf]:
    """The node's store for who looks, closed when the block ends; a sealed value alone asks for the passphrase.

    Raises:
        NotInitialisedError: there is no store.
    """
    store = open_store(identity)
    try:
        yield Shelf(store, FolderObjects(identity.home.objects), store.vault)
    finally:
        store.dispose()


def open_store(identity: Identity) -> Store:
    """The node's tables and nothing else of the store; raises as `read_shelf`. Whoever opens it disposes of it."""
    return Store.open(
        store_dsn(identity.home, identity.settings),
        storage_keys=lambda label: identity.keychain.secret(Role.STORAGE, label),
        entropy=identity.entropy,
        claim=claim_of(identity.home, identity.settings),
    )
