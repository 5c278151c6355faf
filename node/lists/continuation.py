"""A list that goes on in another log, because the one before can never be signed again.

The first event of the new list names the old one and how far its owner vouches for it. From then on the adds of the old
list stop counting everywhere and its blocks stay, until an entry of the new list names them. The node document closes
the old log at that size. Spec: docs/spec/quorum.md, rules 5 and 16.
"""

from collections.abc import Sequence
from dataclasses import replace

from keys.signer import Signer
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import FinalCheckpoint, LogInfo, LogStatus
from node.errors import UsageError
from node.lists.catalogue import create_list
from node.lists.changes import new_record
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.trust.own import OwnTrust
from protocol.lists.event import Op
from protocol.lists.ext import Ext, Predecessor


def has_fork(store: Store, origin: str) -> bool:
    """Whether a proof is kept here that two histories of the log were signed."""
    with store.read() as unit:
        return any(record.kind.convicts for record in unit.evidence.ls(origin))


def start_continuation(store: Store, node: str, name: str, *, old: LogRecord) -> LogRecord:
    """Start the list `name` with the event that it continues `old`, as far as that was published; safe to repeat.

    Raises:
        UsageError: a name that is not one.
        AlreadyExistsError: there is such a list.
    """
    said = Predecessor(old.origin, old.head.size, old.head.root)
    record = new_record(store.vault.entropy, Op.CONTINUE, 0, ext=Ext(continues=said))
    return create_list(store, node, name, first=[record])


def announce_continuation(
    trust: OwnTrust, info: LogInfo, *, old: LogRecord, signers: Sequence[Signer]
) -> NodeDocument:
    """Name the new log and close the one before, in one revision of the node document."""
    final = FinalCheckpoint(old.head.size, old.head.root)

    def change(document: NodeDocument) -> NodeDocument:
        logs = [_closed(log, final) if log.origin == old.origin else log for log in document.logs]
        return replace(document, logs=(*logs, replace(info, predecessor=old.origin)))

    return trust.revise_document(change, signers=signers)


def is_closed(document: NodeDocument, origin: str) -> bool:
    """Whether the node document says that the log grows no more."""
    return any(log.origin == origin and log.status is LogStatus.CLOSED for log in document.logs)


def predecessor_of(document: NodeDocument, origin: str) -> str:
    """Origin of the list that a list of this node continues; empty for one that continues none."""
    return next((log.predecessor or "" for log in document.logs if log.origin == origin), "")


def require_open(document: NodeDocument, origin: str) -> None:
    """Check that a list was not continued in another; raises `UsageError`."""
    if is_closed(document, origin):
        after = next((log.origin for log in document.logs if log.predecessor == origin), "another list")
        raise UsageError(
            "{origin} ended, and goes on in {after}",
            origin,
            after,
            hint="import there what waits here, with the same file",
        )


def _closed(log: LogInfo, final: FinalCheckpoint) -> LogInfo:
    return replace(log, status=LogStatus.CLOSED, final_checkpoint=final)
