"""Telling the audit log of an opened node what is done: strictly before what cannot be undone, else afterwards.

A record is safe once it is queued; a signature that cannot be made now is made later, and `sigfed audit ls` and the
doctor count what waits. Should even queueing fail after the act, the act stands (a withdrawal must not wait for its
record) and the gap is written beside the store, then into the log as soon as that works again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from keys.errors import KeysError
from keys.key import LogPrivateKey
from node.clock import milliseconds
from node.errors import AlreadyExistsError, NodeError
from node.files import create_private, read_private
from node.journal import Journal
from node.runtime.opening import Identity
from node.services.announcing import LOG_KEY_DAYS, announce_log
from node.services.auditing import (
    BEGUN,
    OK,
    audit_log,
    audit_origin,
    enqueue,
    new_record,
    record,
    sign_waiting,
    start_audit,
)
from node.services.founding import log_label
from node.services.shelf import Shelf
from node.services.trusting import window

_journal = Journal("audit")
_GAPS: Final = "audit-gaps"
_NO_DETAILS: Final[Mapping[str, str]] = {}


def begin(
    identity: Identity,
    shelf: Shelf,
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
    _warn_unstarted(shelf)
    record(
        shelf,
        identity.log_signer(),
        actor=actor or identity.actor,
        action=action,
        subject=subject,
        now_ms=milliseconds(identity.clock.now()),
        outcome=BEGUN,
        details=details,
    )


def tell(
    identity: Identity,
    shelf: Shelf,
    action: str,
    subject: str = "",
    *,
    actor: str = "",
    outcome: str = OK,
    details: Mapping[str, str] = _NO_DETAILS,
) -> None:
    """Record what was done; what was done stands, whether or not that works now."""
    try:
        with shelf.storage.write() as unit:
            made = new_record(
                shelf,
                actor=actor or identity.actor,
                action=action,
                subject=subject,
                now_ms=milliseconds(identity.clock.now()),
                outcome=outcome,
                details=details,
            )
            enqueue(unit, made)
    except NodeError as exc:
        _journal.error("gap", action=action, subject=subject, reason=str(exc))
        _keep_gap(identity, action, subject)
        return
    sign(identity, shelf)


def sign(identity: Identity, shelf: Shelf) -> None:
    """Sign what is queued, gaps first; what cannot be signed now stays queued."""
    now_ms = milliseconds(identity.clock.now())
    try:
        _close_gaps(identity, shelf, now_ms)
        sign_waiting(shelf, identity.log_signer(), now_ms=now_ms)
    except (NodeError, KeysError) as exc:
        _journal.warning("unsigned", error=type(exc).__name__, reason=str(exc))


def start(identity: Identity, shelf: Shelf) -> bool:
    """Begin the audit log of a node that was founded without one; asks for a root key. False: it was there.

    Safe to run again after a crash.
    """
    origin = audit_origin(identity.settings.node)
    with shelf.storage.read() as unit:
        known = audit_log(unit) is not None
    named = any(log.origin == origin for log in identity.trust.document().logs)
    if known and named:
        return False
    signers = identity.root_signers()
    label = log_label(origin)
    try:
        key = identity.keychain.create(LogPrivateKey, label)
    except AlreadyExistsError:
        key = identity.keychain.key(LogPrivateKey, label)
    valid = window(identity.clock.now(), LOG_KEY_DAYS)
    announce_log(identity.trust, origin, key.public, valid=valid, signers=signers)
    start_audit(shelf, identity.settings.node)
    begin(identity, shelf, "audit.start", identity.settings.node)
    return True


def _warn_unstarted(shelf: Shelf) -> None:
    with shelf.storage.read() as unit:
        if audit_log(unit) is None:
            _journal.warning("not-started", step="sigfed audit start")


def _keep_gap(identity: Identity, action: str, subject: str) -> None:
    moment = milliseconds(identity.clock.now())
    fields = {"action": action, "subject": subject, "time_ms": moment}
    folder = identity.home.folder / _GAPS
    create_private(folder / f"{moment}-{identity.entropy(4).hex()}.json", json.dumps(fields).encode())


def gaps(identity: Identity) -> list[Path]:
    """What was done and could not be recorded yet."""
    return sorted((identity.home.folder / _GAPS).glob("*.json"))


def _close_gaps(identity: Identity, shelf: Shelf, now_ms: int) -> None:
    for path in gaps(identity):
        try:
            lost = json.loads(read_private(path))
        except (NodeError, ValueError):
            continue
        with shelf.storage.write() as unit:
            made = new_record(
                shelf,
                actor=identity.actor,
                action="audit.gap",
                subject=str(lost["subject"]),
                now_ms=now_ms,
                details={"action": str(lost["action"]), "time_ms": str(lost["time_ms"])},
            )
            enqueue(unit, made)
        path.unlink(missing_ok=True)
