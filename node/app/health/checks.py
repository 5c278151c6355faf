"""What `sigfed doctor` looks at, and what it says to do: each check is one sentence and, when not well, one step."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from keys.errors import NotCurrentError
from keys.roles import Role
from keys.trust.window import valid_at
from node.app.expiry import findings
from node.app.health.storage import refusals
from node.app.move import noted, require_moved
from node.app.partners.hits import casework
from node.audit.log import audit_log
from node.audit.reader import count_unsigned
from node.errors import NodeError, PeerUnreachableError
from node.group.check import group_checks
from node.health import Check, Health
from node.identity.audit import gaps
from node.identity.identity import Identity, held_labels
from node.identity.keyring import lost_epochs
from node.identity.lease import claim_of, require_lease
from node.identity.rollback import require_current, rolled_back_logs
from node.identity.store import read_store
from node.lists.completeness import missing_objects
from node.names import CONFIG_NAME
from node.objects.integrity import UNREADABLE, words_of
from node.objects.stores import open_bucket
from node.pages.text import counted
from node.ports.keyring import unfollowed
from node.recipients.accreditation import Recipients, fetchable
from node.rotation.store import write_store
from node.signer_host.host import keys_of
from node.signing.process.roles import SIGNED_HERE
from node.store.lists.records import LogKind
from node.trust.expiry import TermState, late, next_due
from node.trust.foundation import log_label, spare_files
from node.trust.others.documents import member_documents
from node.trust.successors import lineages
from node.witnesses.policies import witness_key_twice
from protocol.limits import MAX_CLOCK_SKEW_MS

_LOW_DISK_BYTES = 1 << 30
_SOON = timedelta(days=30)


def examine(identity: Identity) -> Iterator[Check]:
    """All checks of a node, in the order in which they should be mended."""
    for name, look in CHECKS.items():
        try:
            yield from look(identity)
        except UNREADABLE as exc:
            yield Check(name, Health.FAIL, words_of(exc), _step(exc))


def _step(exc: Exception) -> str:
    if isinstance(exc, NotCurrentError):
        return "set this machine's clock if it is wrong; if it is right, do what is said of ends"
    return exc.hint if isinstance(exc, NodeError) else "sigfed doctor --deep names the file"


def _folder(identity: Identity) -> Iterator[Check]:
    mode = identity.home.folder.stat().st_mode & 0o077
    if mode:
        yield Check(
            "folder", Health.WARN, "others can read the home folder", f"chmod 700 {identity.home.folder}"
        )
    free = shutil.disk_usage(identity.home.folder).free
    if free < _LOW_DISK_BYTES:
        yield Check(
            "folder", Health.WARN, f"only {free >> 20} MiB are free", "make room before the next sync"
        )
    if not mode and free >= _LOW_DISK_BYTES:
        yield Check("folder", Health.OK, f"private, {free >> 30} GiB free")


def _lease(identity: Identity) -> Iterator[Check]:
    """Says something only of a folder whose database belongs to another one."""
    require_lease(identity.home, identity.settings)
    yield from ()


def _keys(identity: Identity) -> Iterator[Check]:
    found = dict(identity.keychain.verify())
    damaged = {name: wrong for name, wrong in found.items() if wrong}
    damaged |= dict.fromkeys(identity.root_keychain.damaged(), "it cannot be read")
    for name, wrong in damaged.items():
        yield Check("keys", Health.FAIL, f"{name}: {wrong}", "restore it from a backup")
    if not damaged:
        yield Check("keys", Health.OK, f"the passphrase opens each of the {len(found)} online key files")
    yield from _taken_back(identity)


def _offline_keys(identity: Identity) -> Iterator[Check]:
    """Says something only where more key files of holders lie than sign the trust files, and all can be read."""
    root, offline = identity.trust.root(), identity.root_keychain
    if offline.damaged():
        return
    spare = spare_files(
        roots=offline.labels(Role.ROOT),
        targets=offline.labels(Role.TARGETS),
        signing=held_labels(offline, Role.TARGETS, root.targets_keys)[: root.targets_threshold],
    )
    if spare:
        yield Check(
            "offline keys",
            Health.WARN,
            f"on this machine: {counted(len(spare), 'key')} that no daily work needs",
            f"move {', '.join(spare)} from {identity.home.offline_keys} to sticks in safes",
        )


def _taken_back(identity: Identity) -> Iterator[Check]:
    """Says something only where a key was taken back, and none signs after it: nothing is signed there."""
    needed = lineages(identity.trust.document())
    for key in unfollowed(identity.adopt_keys(), needed, identity.clock.now()):
        of = f" --of {key.managed.lineage.of}" if key.managed.lineage.of else ""
        words = f"{key.name} was taken back, and no key signs after it"
        yield Check("keys", Health.FAIL, words, f"sigfed key rotate {key.role}{of}")


def _epochs(identity: Identity) -> Iterator[Check]:
    """Says something only when a time will come, or has, in which no key of a subset's look-ups is here."""
    document, now = identity.trust.document(), identity.clock.now()
    lost = lost_epochs(document, identity.keychain)
    for info in document.subsets:
        held = [each for each in info.epochs if (info.name, each.epoch) not in lost]
        for each in info.epochs:
            begins = max(now, each.valid.start)
            middle = begins + (each.valid.end - begins) / 2
            if each in held or each.valid.end <= now or valid_at(held, middle):
                continue
            yield Check(
                "epochs",
                Health.FAIL if each.valid.covers(now) else Health.WARN,
                f"the key file of epoch {each.epoch} of {info.name} is gone",
                f"restore it from a backup, or: sigfed key rotate oprf --of {info.name}",
            )


def _signer(identity: Identity) -> Iterator[Check]:
    """Says something only of a node whose keys are with a signer process."""
    if identity.signer_link is None:
        return
    count = len(keys_of(identity.signer_link))
    left = sum(1 for role in SIGNED_HERE for _ in identity.home.keys.glob(f"{role}-*.json"))
    if left:
        words = f"{left} keys that sign are here, and the signer process has its own"
        yield Check("signer", Health.WARN, words, f"move them out of {identity.home.keys}")
    else:
        yield Check("signer", Health.OK, f"the signer process answers, with {count} keys")


def _trust(identity: Identity) -> Iterator[Check]:
    now = identity.clock.now()
    document, root = identity.trust.document(), identity.trust.root()
    identity.trust.members()
    if not identity.settings.root_sha256:
        yield Check(
            "root",
            Health.WARN,
            f"{CONFIG_NAME} does not name the root, so another one in its place would go unnoticed",
            f'put root_sha256 = "{root.sha256.hex()}" into its first lines, if the words of sigfed member ls'
            " are still those of the day it was founded",
        )
    document.valid.require(now, "the node document")
    root.check_current(now)
    left = min(document.valid.end, root.expires) - now
    yield Check("trust", Health.OK, f"node document {document.serial}, valid for {left.days} days")
    unlisted = identity.trust.tuf_status().unlisted
    if unlisted:
        yield Check(
            "repository",
            Health.WARN,
            f"TUF clients do not get the newest {', '.join(unlisted)}: a revision was cut off",
            "a targets key signs another one: sigfed contact TEXT does",
        )


def _ends(identity: Identity) -> Iterator[Check]:
    """What is past half of its life, or has ended."""
    with write_store(identity) as store:
        found = findings(identity, store)
    for one in late(found):
        ended = one.standing is TermState.ENDED and one.consequence.grave
        health = Health.FAIL if ended else Health.WARN
        yield Check("ends", health, one.words, f"{one.consequence.who}: {one.consequence.step}")
    due = next_due(found)
    if due is not None and not late(found):
        words = f"{due.term.name}, until {due.term.end:%Y-%m-%d}"
        yield Check("ends", Health.OK, f"nothing to renew before {due.term.alarm:%Y-%m-%d}: {words}")


def _store(identity: Identity) -> Iterator[Check]:
    with write_store(identity) as store:
        with store.read() as unit:
            lists = unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)
        own = [log for log in lists if log.kind is LogKind.OWN_LIST]
        waiting = sum(log.tail - log.head.size for log in own)
        signer = identity.log_signer()
        behind = [log.origin for log in own if signer.size(log.origin) < log.head.size]
        rolled_back = rolled_back_logs(identity, store)
        with store.read() as unit:
            late = [peer.name for peer in unit.peers.ls() if not peer.synced_ms]
            ahead = unit.overlays.ahead()
    if rolled_back:
        words = f"the database is older than what this node has signed: {', '.join(rolled_back)}"
        yield Check("store", Health.FAIL, words, "do not publish; sigfed backup finish")
    elif behind:
        yield Check(
            "store",
            Health.FAIL,
            f"the signer is behind the store: {', '.join(behind)}",
            "restore signer/ from a backup",
        )
    else:
        yield Check(
            "store", Health.OK, f"{counted(len(lists), 'list')}, {counted(waiting, 'change')} waiting"
        )
    if late:
        yield Check("peers", Health.WARN, f"never synced: {', '.join(late)}", "sigfed peer sync")
    for origin, count in ahead.items():
        words = f"{origin}: of {count:,} newer events only withdrawals and disputes apply"
        yield Check("peers", Health.WARN, words, "sigfed peer ls says why: call its operators")


def _objects(identity: Identity) -> Iterator[Check]:
    """Says something only of a node whose objects are in a bucket, or on the way there."""
    home, settings = identity.home, identity.settings
    require_moved(home, settings)
    note = noted(home)
    if note is not None:
        words = f"a move to {note.to} was cut off; what is shredded meanwhile is in that bucket still"
        yield Check("objects", Health.WARN, words, f"sigfed store move --to {note.to} ends it")
    if settings.store.objects:
        open_bucket(settings, claim_of(home, settings)).prepare()
        words = f"{settings.store.objects} compares before it writes, and keeps nothing that is deleted"
        yield Check("objects", Health.OK, words)


def _storage(identity: Identity) -> Iterator[Check]:
    """Says something only where what the node writes to takes nothing."""
    with read_store(identity) as store:
        for place, error in refusals(identity, store).items():
            yield Check(place, Health.FAIL, error.message, error.hint)


def _witnesses(identity: Identity) -> Iterator[Check]:
    """Says something only where two members name one witness key: one of them took the other's."""
    own = identity.trust.document()
    with read_store(identity) as store:
        held = member_documents(store, identity.introductions, identity.trust)
    for node, first in witness_key_twice({own.node: own} | dict(held), identity.clock.now()).items():
        words = f"{node} names a witness key of {first}: the policy files of own lists count {first} alone"
        yield Check(
            "witnesses", Health.WARN, words, "ask both whose it is; the other rotates its witness key"
        )


def _clock(identity: Identity) -> Iterator[Check]:
    """Says something only of lists that nobody takes over now, as after a clock that was ahead."""
    latest_ms = identity.now_ms + MAX_CLOCK_SKEW_MS
    with read_store(identity) as store, store.read() as unit:
        ahead = [log for log in unit.logs.ls(LogKind.OWN_LIST) if log.head.time_ms > latest_ms]
    for log in ahead:
        end = datetime.fromtimestamp((log.head.time_ms - MAX_CLOCK_SKEW_MS) / 1000, UTC)
        words = (
            f"{log.origin} is dated ahead: followers take only withdrawals and disputes of it before"
            f" {end:%Y-%m-%d %H:%M} UTC"
        )
        yield Check("clock", Health.WARN, words, "if this clock is right, nothing: then it goes on by itself")


def _rolled_back(identity: Identity) -> Iterator[Check]:
    """Says something only where the members have seen more than this folder holds, or cannot be asked."""
    with write_store(identity) as store:
        try:
            require_current(identity, store, afresh=True)
        except PeerUnreachableError as exc:
            yield Check("put back", Health.WARN, exc.message, exc.hint)


def _evidence(identity: Identity) -> Iterator[Check]:
    """What nobody has looked at: against this node's own keys first, then against others."""
    node = identity.settings.node
    with write_store(identity) as store, store.read() as unit:
        waiting = [one for one in unit.evidence.ls() if one.released_ms is None]
    own = sorted({one.subject for one in waiting if one.subject.partition("/")[0] == node})
    others = sorted({one.subject for one in waiting if one.kind.convicts} - set(own))
    claims = sorted({one.subject for one in waiting} - set(own) - set(others))
    if own:
        words = f"a key of this node signed what this node does not have: {', '.join(own)}"
        yield Check(
            "evidence", Health.FAIL, words, "sigfed evidence ls; stop publishing, call the other members"
        )
    if others:
        words = f"proved to have shown two histories, and not followed: {', '.join(others)}"
        yield Check("evidence", Health.WARN, words, "sigfed quarantine ls, then call its operators")
    if claims:
        words = f"may hold something back: {', '.join(claims)}"
        yield Check("evidence", Health.WARN, words, "sigfed evidence ls, then ask its operators")
    if not waiting:
        yield Check("evidence", Health.OK, "nobody is known to have shown two histories")


def _logs(identity: Identity) -> Iterator[Check]:
    labels = identity.keychain.labels(Role.LOG)
    with write_store(identity) as store:
        with store.read() as unit:
            logs = unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)
        lost = {log.origin: len(missing_objects(store, log)) for log in logs}
    keyless = [log.origin for log in logs if log.kind == "own_list" and log_label(log.origin) not in labels]
    for origin in keyless:
        yield Check("logs", Health.FAIL, f"the key of {origin} is gone", "restore keys/ from a backup")
    for origin, count in lost.items():
        if count:
            words = f"{count:,} objects of {origin} are gone"
            step = "restore objects/ from a backup"
            if identity.settings.store.objects:
                step = "put them back from a copy of the bucket; or restore a backup into a new home"
            yield Check("logs", Health.FAIL, words, step)
    if not keyless and not any(lost.values()):
        yield Check("logs", Health.OK, "every list has its key and its objects")


def _group(identity: Identity) -> Iterator[Check]:
    yield from group_checks(identity.settings.group)


def _passphrase(identity: Identity) -> Iterator[Check]:
    secrets = identity.settings.secrets
    if secrets.passphrase_file is None and "CREDENTIALS_DIRECTORY" not in os.environ:
        yield Check(
            "passphrase",
            Health.WARN,
            "it is asked at a terminal, so the node cannot start by itself",
            "set [secrets] passphrase_file, or use a systemd credential",
        )


def _cases(identity: Identity) -> Iterator[Check]:
    with write_store(identity) as store:
        late = len(casework(identity, store).overdue())
    if late:
        yield Check(
            "cases",
            Health.WARN,
            f"{late} of the partners' disputes are overdue",
            "answer them: sigfed case ls",
        )


def _recipients(identity: Identity) -> Iterator[Check]:
    """Says something only when a recipient cannot fetch, or soon will not; of its key, `_ends` tells."""
    now = identity.clock.now()
    with write_store(identity) as store:
        found = Recipients(store, identity.clock).ls()
    if found and not identity.settings.recipients.enabled:
        words = f"{counted(len(found), 'recipient')} of raw hashes: known, and switched off"
        yield Check("recipients", Health.WARN, words, "set [recipients] enabled = true, or remove them")
    ending = [each.name for each in found if not fetchable(each, now + _SOON)]
    if ending:
        words = f"ended, or within {_SOON.days} days: {', '.join(ending)}"
        step = "sigfed recipient grant NAME, or sigfed recipient remove NAME"
        yield Check("recipients", Health.WARN, words, step)


def _audit(identity: Identity) -> Iterator[Check]:
    """Says something only when the audit log needs somebody."""
    with write_store(identity) as store:
        unsigned = count_unsigned(store)
        with store.read() as unit:
            log = audit_log(unit)
    if log is None:
        yield Check("audit", Health.WARN, "what is done here is not recorded yet", "sigfed audit start")
        return
    if log_label(log.origin) not in identity.keychain.labels(Role.LOG):
        yield Check("audit", Health.FAIL, "the key of the audit log is gone", "restore keys/ from a backup")
    elif unsigned:
        words = f"{unsigned:,} records are not signed yet"
        yield Check("audit", Health.WARN, words, "the next command signs them, or says why it cannot")
    if identity.log_signer().size(log.origin) != log.head.size and log.pending is None:
        words = "the signer and the store hold different numbers of records"
        yield Check("audit", Health.FAIL, words, "sigfed audit verify")
    if lost := len(gaps(identity)):
        yield Check("audit", Health.WARN, f"{lost} acts were cut off or not recorded", "sigfed audit ls")


def _files(_: Identity) -> Iterator[Check]:
    yield Check("files", Health.OK, "what is in them is compared by: sigfed doctor --deep")


CHECKS: dict[str, Callable[[Identity], Iterator[Check]]] = {
    "folder": _folder,
    "passphrase": _passphrase,
    "lease": _lease,
    "keys": _keys,
    "offline keys": _offline_keys,
    "epochs": _epochs,
    "signer": _signer,
    "trust": _trust,
    "ends": _ends,
    "objects": _objects,
    "storage": _storage,
    "clock": _clock,
    "store": _store,
    "put back": _rolled_back,
    "audit": _audit,
    "logs": _logs,
    "evidence": _evidence,
    "witnesses": _witnesses,
    "cases": _cases,
    "recipients": _recipients,
    "libsodium": _group,
    "files": _files,
}
"""By name, in the order in which they should be mended; a check may find something under other names, too."""
