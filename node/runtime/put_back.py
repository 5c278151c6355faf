"""A database that is older than what its node has signed, with no mark of a restore: a disk or folder was put back.

The signer would refuse to sign beside what it signed, so nothing is forked; but peers would be served an older head
than they have seen, and what the witness cosigned meanwhile is forgotten. So the node does not serve.
"""

from node.errors import RestoredError, SignerDownError, VerificationError
from node.objects.folder import FolderObjects
from node.ports.logs import LogKind
from node.runtime.opening import Identity
from node.runtime.shelving import open_store
from node.services.lists.completeness import missing_objects
from node.services.storage.shelf import Shelf

_OWN = (LogKind.OWN_LIST, LogKind.OWN_RELEASES, LogKind.OWN_AUDIT)


def logs_put_back(identity: Identity, shelf: Shelf) -> list[str]:
    """Origins of own logs of which more was signed than the database knows."""
    signer = identity.log_signer()
    with shelf.storage.read() as unit:
        logs = unit.logs.ls(*_OWN)
    return [
        log.origin
        for log in logs
        if signer.size(log.origin) > (log.pending.size if log.pending else log.head.size)
        and identity.given_up_at(log.origin) is None
    ]


def require_not_put_back(identity: Identity, shelf: Shelf) -> None:
    """Check that the database knows all that was signed; raises `RestoredError`.

    Where the signer process is away nothing can be compared, and nothing can be signed either: the node serves.
    """
    try:
        found = logs_put_back(identity, shelf)
    except SignerDownError:
        return
    if found:
        raise RestoredError(
            f"the database is older than what this node has signed: {', '.join(found)}",
            hint="sigfed backup finish",
        )


def require_whole(identity: Identity) -> None:
    """Check that the folder holds all that its database says was signed; raises `VerificationError`.

    A copy that was made while the node still ran lacks objects and signatures that came after it.
    """
    signer = identity.unjoined_log_signer()
    store = open_store(identity)
    try:
        shelf = Shelf(store, FolderObjects(identity.home.objects), store.vault)
        with shelf.storage.read() as unit:
            logs = [log for log in unit.logs.ls(*_OWN) if identity.given_up_at(log.origin) is None]
        old = [log.origin for log in logs if signer.size(log.origin) < log.head.size]
        old += [log.origin for log in logs if log.origin not in old and missing_objects(shelf, log)]
    finally:
        store.dispose()
    if old:
        raise VerificationError(
            f"this folder is older than its database: {', '.join(old)}",
            hint="copy it again once the node has stopped there; nothing was changed",
        )
