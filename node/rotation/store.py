"""Opening the store of a node for who acts: unlocked, and caught up; others are told what it changed.

Who acts gets first what fell due while nobody looked: where no node runs that looks every hour, the first such
command after a key has ended lets its successor begin. What the holders signed about keys that are taken back reaches
the quorum in the same way, whoever put it in force.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from node.errors import NodeError
from node.identity.home_copy import HomeCopying
from node.identity.identity import Identity
from node.identity.rollback import require_current
from node.identity.store import read_store
from node.journal import Journal
from node.rotation.rotate import begin_overdue
from node.store.store import Store
from node.trust.revoke import note_own

_journal = Journal("store")


@contextmanager
def write_store(identity: Identity) -> Iterator[Store]:
    """The node's store for who acts, closed when the block ends: unlocked, and caught up.

    Raises:
        NotInitialisedError: there is no store.
        StoreLockedError: its tables were moved, and the configuration does not say so yet.
        WrongPassphraseError: the passphrase does not open the storage key.
    """
    gate = identity.trust.before_signing
    with read_store(identity) as store:
        store.vault.unlock()
        store.standing()  # where the database is another's now, or elsewhere, no key begins here
        identity.trust.before_signing = partial(require_current, identity, store)
        try:
            begin_overdue(identity, store)
            note_own(store, identity.trust)
            yield store
            _tell_others(identity, store)
        finally:
            identity.trust.before_signing = gate  # whoever looked beside a running node leaves it its own


def _tell_others(identity: Identity, store: Store) -> None:
    """Write anew what other machines serve by; where that fails now, the running node does it, or the next command."""
    try:
        HomeCopying(identity, store).follow()
    except NodeError as exc:
        _journal.info("copy-failed", error=type(exc).__name__, reason=str(exc))
