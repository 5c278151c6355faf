"""Telling the audit log of an opened node what is done: strictly before what cannot be undone, else afterwards.

A record is safe once it is queued; a signature that cannot be made now is made later, and `sigfed audit ls` and the
doctor count what waits. Around every act stands a note beside the store (`about`), which goes once the record is
queued. One that is left says that the act was cut off, or that its record could not be queued: the act stands (a
withdrawal must not wait for its record), and the gap gets into the log as soon as that works again.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from keys.errors import KeysError
from node.audit.log import (
    BEGUN,
    OK,
    audit_log,
    enqueue,
    masked,
    new_record,
    record,
    sign_waiting,
    start_audit,
)
from node.audit.reader import VerifiedAudit, verify_audit
from node.errors import NodeError, VerificationError
from node.files import (
    create_private,
    holding_temporaries,
    is_locked,
    make_private_folder,
    read_private,
    sync_folder,
)
from node.identity.identity import Identity
from node.identity.keyring import log_key
from node.identity.rollback import signer_of
from node.journal import Journal
from node.store.store import Store
from node.trust.announce import LOG_KEY_DAYS, announce_log
from node.trust.foundation import log_label
from node.trust.own import window
from protocol.audit import AuditRecord, audit_origin

_journal = Journal("audit")
_GAPS: Final = "audit-gaps"
_NO_DETAILS: Final[Mapping[str, str]] = {}


def verify_own(identity: Identity, store: Store) -> VerifiedAudit:
    """Check the log of this node against its head and what its signer signed; raises as `verify_audit` does."""
    while True:
        with store.read() as unit:
            log = audit_log(unit)
        origin = log.origin if log else audit_origin(identity.settings.node)
        size = identity.log_signer().size(origin)
        try:
            return verify_audit(store, identity.trust.document(), signed_size=size)
        except VerificationError:
            with store.read() as unit:
                if audit_log(unit) == log:
                    raise
            # It grew meanwhile, and what was read is of two moments.


def begin(
    identity: Identity,
    store: Store,
    action: str,
    subject: str = "",
    *,
    actor: str = "",
    details: Mapping[str, str] = _NO_DETAILS,
) -> None:
    """Record, signed, that something which cannot be undone is about to be done.

    Raises:
        NodeError: it cannot be recorded, so it must not be done.
    """
    _warn_unstarted(store)
    made = _made(identity, store, action, subject, actor=actor, outcome=BEGUN, details=details)
    record(store, signer_of(identity, store), made)


def tell(
    identity: Identity,
    store: Store,
    action: str,
    subject: str = "",
    *,
    actor: str = "",
    outcome: str = OK,
    details: Mapping[str, str] = _NO_DETAILS,
) -> bool:
    """Record what was done, which stands whether or not that works now; False when it could not be queued."""
    queued = queue(identity, store, action, subject, actor=actor, outcome=outcome, details=details)
    if queued:
        sign(identity, store)
    return queued


def queue(
    identity: Identity,
    store: Store,
    action: str,
    subject: str = "",
    *,
    actor: str = "",
    outcome: str = OK,
    details: Mapping[str, str] = _NO_DETAILS,
) -> bool:
    """As `tell`, of one of several steps: whoever took the last of them has all signed under one head, with `sign`."""
    try:
        with store.write() as unit:
            enqueue(
                unit, _made(identity, store, action, subject, actor=actor, outcome=outcome, details=details)
            )
    except NodeError as exc:
        _journal.error("gap", action=action, subject=masked(subject), reason=str(exc))
        return False
    return True


def _made(
    identity: Identity,
    store: Store,
    action: str,
    subject: str,
    *,
    actor: str = "",
    outcome: str = OK,
    details: Mapping[str, str],
) -> AuditRecord:
    return new_record(
        store,
        actor=actor or identity.actor,
        action=action,
        subject=subject,
        now_ms=identity.now_ms,
        outcome=outcome,
        details=details,
    )


@dataclass(slots=True)
class Act:
    """Something that is being done; `recorded` is set once its record is queued."""

    recorded: bool = False


@contextmanager
def about(identity: Identity, action: str, subject: str = "", *, strict: bool = False) -> Iterator[Act]:
    """Keep a note of what is being done until it failed, or its record is queued; a note that is left is a gap.

    Raises:
        OSError: the note cannot be written, when `strict`: then it must not be done.
    """
    act, subject = Act(), masked(subject)
    try:
        note = _Note.write(identity, action, subject)
    except (OSError, NodeError) as exc:
        if strict:
            raise
        _journal.error("gap", action=action, subject=subject, reason=str(exc))
        yield act
        return
    try:
        yield act
    except BaseException:  # Ctrl-C too: whoever stops a command knows it, and the same command resumes
        act.recorded = True
        raise
    finally:
        note.close(keep=not act.recorded)


@dataclass(frozen=True, slots=True)
class _Note:
    """A file of its own, locked while its process lives."""

    path: Path
    handle: int

    @classmethod
    def write(cls, identity: Identity, action: str, subject: str) -> Self:
        moment = identity.now_ms
        path = _folder(identity) / f"{moment}-{identity.entropy(4).hex()}.json"
        note = {"action": action, "subject": subject, "time_ms": moment}
        # Locked before it has its name: another process would take a note without a lock for one of the dead.
        draft = path.with_name(f".{path.name}.{identity.entropy(8).hex()}")
        make_private_folder(path.parent)
        with holding_temporaries(path.parent):
            create_private(draft, json.dumps(note).encode())
            handle = os.open(draft, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            fcntl.flock(handle, fcntl.LOCK_EX)
            draft.rename(path)
        sync_folder(path.parent)
        return cls(path, handle)

    def close(self, *, keep: bool) -> None:
        if not keep:
            self.path.unlink(missing_ok=True)
        os.close(self.handle)


def sign(identity: Identity, store: Store) -> None:
    """Sign what is queued, gaps first; what cannot be signed now, or on this machine, stays queued."""
    if identity.serves_only:
        return
    try:
        _close_gaps(identity, store)
        sign_waiting(store, signer_of(identity, store), now_ms=identity.now_ms)
    except (NodeError, KeysError) as exc:
        _journal.warning("unsigned", error=type(exc).__name__, reason=str(exc))


def start(identity: Identity, store: Store) -> bool:
    """Begin the audit log of a node that was founded without one; asks for a targets key. False: it was there.

    Safe to run again after a crash.
    """
    origin = audit_origin(identity.settings.node)
    with store.read() as unit:
        known = audit_log(unit) is not None
    named = any(log.origin == origin for log in identity.trust.document().logs)
    if known and named:
        return False
    signers = identity.targets_signers()
    key = log_key(identity.keychain, log_label(origin))
    valid = window(identity.clock.now(), LOG_KEY_DAYS)
    announce_log(identity.trust, origin, key, valid=valid, signers=signers)
    start_audit(store, identity.settings.node)
    begin(identity, store, "audit.start", identity.settings.node)
    return True


def require_ready(identity: Identity, store: Store) -> None:
    """Check that the audit log takes records now; raises `NodeError` or `KeysError` when it does not."""
    _warn_unstarted(store)
    sign_waiting(store, signer_of(identity, store), now_ms=identity.now_ms)


def _warn_unstarted(store: Store) -> None:
    with store.read() as unit:
        if audit_log(unit) is None:
            _journal.warning("not-started", step="sigfed audit start")


def gaps(identity: Identity) -> list[Path]:
    """Notes of what was done, or begun, and is not recorded, by processes that live no more."""
    return [path for path in sorted(_folder(identity).glob("*.json")) if not is_locked(path, alone=True)]


def under_way(identity: Identity) -> frozenset[Path]:
    """Notes of what is being done now."""
    return frozenset(_folder(identity).glob("*.json")) - frozenset(gaps(identity))


def _close_gaps(identity: Identity, store: Store) -> None:
    for path in gaps(identity):
        try:
            lost = json.loads(read_private(path))
            action, subject, time_ms = str(lost["action"]), str(lost["subject"]), str(lost["time_ms"])
        except (NodeError, ValueError, KeyError, TypeError):
            action, subject, time_ms = "unknown", "", ""
        with store.write() as unit:
            details = {"action": action, "time_ms": time_ms}
            enqueue(unit, _made(identity, store, "audit.gap", subject, details=details))
        path.unlink(missing_ok=True)


def _folder(identity: Identity) -> Path:
    return identity.home.folder / _GAPS
