"""The audit log of a node: what was done here, by whom, in an append-only log signed by a key of its own.

A record is queued in a transaction (with the act it tells of, where that is one), and signed right after: the queue
becomes a pending head by compare-and-swap, exactly that head is signed, then it is published, as with every log. What
is cut off between these steps is finished by the next record or by the running node; a record that is queued is never
lost. Whatever writes at the same time queues for itself and signs for all. A node that has not started its audit log
records nothing. Spec: docs/spec/audit.md.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from node.errors import AlreadyExistsError, ConflictError, MissingObjectError
from node.lists.heads import next_head, require_leaves, require_signed
from node.objects.logfiles import LogFiles
from node.ports.log_signer import LogSigner
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.audit import AUDIT_NAME, MAX_DETAILS, MAX_TEXT, NONCE_BYTES, AuditRecord
from protocol.tlog.merkle import leaf_hash

OK: Final = "ok"
BEGUN: Final = "begun"

_ROUND: Final = 1_024
"""Records under one checkpoint, at most."""
_TRIES: Final = 64
_DETAIL: Final = 100
"""Characters of a detail, so that the record has room for all."""
_HEX: Final = re.compile(r"[0-9A-Fa-f]{32,}")
_NO_DETAILS: Final[Mapping[str, str]] = {}


def start_audit(store: Store, node: str, *, name: str = AUDIT_NAME) -> LogRecord:
    """Put the audit log into the catalogue, where it is missing; another name continues one that was lost."""
    origin = f"{node}/audit/{name}"
    try:
        with store.write() as unit:
            return unit.logs.create(origin=origin, kind=LogKind.OWN_AUDIT, node=node, name=name)
    except AlreadyExistsError:
        with store.read() as unit:
            return unit.logs.get(origin)


def audit_log(unit: Unit) -> LogRecord | None:
    """The audit log of this node, the newest where one was lost; None before it was started."""
    return max(unit.logs.ls(LogKind.OWN_AUDIT), key=lambda log: log.id, default=None)


def record(store: Store, signer: LogSigner, made: AuditRecord) -> None:
    """Append one record.

    Once this is past the queue the record stays, whatever else happens: an error of the signer says that it is not
    signed yet.

    Raises:
        StoreError: it could not be queued, or not be signed.
    """
    with store.write() as unit:
        enqueue(unit, made)
    sign_waiting(store, signer, now_ms=made.time_ms)


def new_record(
    store: Store,
    *,
    actor: str,
    action: str,
    subject: str,
    now_ms: int,
    outcome: str = OK,
    details: Mapping[str, str] = _NO_DETAILS,
) -> AuditRecord:
    """A record with a fresh nonce, its texts cut to length and free of what could be a digest.

    `action` is `noun.verb`, and neither `subject` nor `details` ever hold a digest.
    """
    names = sorted(details)[:MAX_DETAILS]
    return AuditRecord(
        time_ms=now_ms,
        actor=actor,
        action=action,
        subject=masked(subject, MAX_TEXT),
        outcome=outcome,
        details={name: masked(details[name], _DETAIL) for name in names},
        nonce=store.vault.entropy(NONCE_BYTES),
    )


def enqueue(unit: Unit, made: AuditRecord) -> None:
    """Queue a record in the transaction of what it tells of; nothing happens before the log was started."""
    if audit_log(unit) is not None:
        unit.audit.add(made.to_bytes())


def sign_waiting(store: Store, signer: LogSigner, *, now_ms: int) -> int:
    """Sign and publish what is queued, after finishing what was cut off; gives how many records this run signed.

    Raises:
        ConflictError: the signer stands elsewhere than the store: one of them was put back to an older state.
        StoreError: what waits is damaged.
    """
    signed = 0
    for _ in range(_TRIES):
        with store.read() as unit:
            log = audit_log(unit)
        if log is None:
            break
        try:
            if log.pending is None:
                if not _claim(store, log, now_ms):
                    break
                continue
            signed += _finish(store, log, signer, now_ms)
        except (ConflictError, MissingObjectError):
            if not _has_moved(store, log):
                raise
    return signed


def _has_moved(store: Store, log: LogRecord) -> bool:
    """Whether somebody else signed meanwhile, which explains every conflict."""
    with store.read() as unit:
        now = unit.logs.get(log.origin)
    return (now.head, now.pending) != (log.head, log.pending)


def _claim(store: Store, log: LogRecord, now_ms: int) -> bool:
    """Make the queue the pending head; False when it is empty."""
    with store.write() as unit:
        unit.logs.lock(log)  # before its records, as who publishes them does: else two wait for each other
        records = unit.audit.place(log.head.size, most=_ROUND)
        if not records:
            return False
        head = next_head(log, list(map(leaf_hash, records)), time_ms=max(now_ms, log.head.time_ms))
        unit.logs.claim(log, head, note=None)
    return True


def _finish(store: Store, log: LogRecord, signer: LogSigner, now_ms: int) -> int:
    """From the pending head to the published one; every step gives the same when it is repeated."""
    assert log.pending is not None, "there is nothing to finish"
    records = _placed(store, log)
    leaves = list(map(leaf_hash, records))
    require_leaves(log, leaves)
    files = LogFiles(store.objects, store.vault, log.origin)
    store.objects.put_all(files.growth(log.head.size, records, None))
    note = signer.sign(log.origin, start=log.head.size, leaf_hashes=leaves)
    require_signed(log, note)
    with store.write() as unit:
        unit.logs.settle(log, note=note, checked_ms=now_ms)
        unit.audit.remove(log.pending.size)
    for name in files.outgrown(log.head.size, log.pending.size):
        store.objects.delete(name)
    return len(records)


def _placed(store: Store, log: LogRecord) -> Sequence[bytes]:
    assert log.pending is not None
    with store.read() as unit:
        records = unit.audit.placed(log.head.size, log.pending.size)
    if not records and _has_moved(store, log):
        raise ConflictError("its pending head was published meanwhile")
    return records


def masked(text: str, most: int = MAX_TEXT) -> str:
    """A text that the log may hold: one line, not too long, with no run of digits that could be a digest or key.

    It is masked before it is cut: the first digits of a hash that stood at the cut would be left.
    """
    printable = "".join(char if char.isprintable() else " " for char in text)
    return _HEX.sub("(hex)", printable)[:most]
