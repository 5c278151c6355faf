"""The drill: everything of a restored home tried, so that a backup is known to work before it is needed.

Every key is opened, every log's root computed from its entries and compared with its signed head, and every file
compared with what vouches for it, as by `sigfed doctor --deep`. Nothing is written, sent or signed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from keys.errors import SigfedError
from keys.trust.node_document import NodeDocument
from node.backup.integrity import examine_deeply
from node.health import Health
from node.identity.identity import Identity
from node.lists.completeness import missing_objects
from node.objects.logfiles import LogFiles
from node.rotation.store import write_store
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.log_keys import log_keys
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.note import Note, lines_of
from protocol.tlog.tiles import bundle_widths

_OPENED: frozenset[LogKind] = frozenset({LogKind.OWN_LIST, LogKind.PEER_LIST})
"""Logs that have openings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One thing that was tried."""

    what: str
    words: str
    good: bool = True


def drill(identity: Identity) -> Iterator[Tried]:
    """Try everything; what fails is told, and the rest is tried as well."""
    yield from _keys(identity)
    with write_store(identity) as store:
        document = identity.trust.document()
        identity.trust.members()
        yield Tried(what="trust", words=f"node document {document.serial} verifies under the pinned root")
        with store.read() as unit:
            logs = unit.logs.ls(*LogKind)
        for log in logs:
            yield _log(store, log, document)
    for check in examine_deeply(identity):
        yield Tried(what=check.name, words=check.words, good=check.health is not Health.FAIL)


def _keys(identity: Identity) -> Iterator[Tried]:
    """Those of a signer process are in its own backup."""
    opened = sum(not wrong for _, wrong in identity.keychain.verify())
    yield Tried(what="keys", words=f"{opened} key files open with the node's passphrase", good=opened > 0)


def _log(store: Store, log: LogRecord, document: NodeDocument) -> Tried:
    try:
        words = _checked(store, log, document)
    except SigfedError as exc:
        return Tried(what=log.origin, words=str(exc), good=False)
    wrong = words.partition(":")[0] == "wrong"
    return Tried(what=log.origin, words=words, good=not wrong)


def _checked(store: Store, log: LogRecord, document: NodeDocument) -> str:
    if log.note is None:
        return "nothing was published or pulled yet"
    if lost := missing_objects(store, log):
        return f"wrong: {len(lost):,} of its objects are missing"
    files, tree = LogFiles(store.objects, store.vault, log.origin), CompactRange()
    tree.extend(leaf_hash(event) for _, event in files.all_events(size=log.head.size))
    if log.kind in _OPENED:
        for index, _ in bundle_widths(0, log.head.size):
            files.openings(index, size=log.head.size)
    note = Note.parse(log.note)
    signed = Checkpoint.from_text(note.text)
    if (signed.size, signed.root) != (log.head.size, tree.root()):
        return "wrong: its entries do not give the root of its signed head"
    if log.node == document.node and not lines_of(note, log_keys(document, log.origin)):
        return "wrong: no key of the node document signed its head"
    return f"{log.head.size:,} entries give the root of its signed head"
