"""The audit log of a node: what is recorded stays, and what is changed afterwards is seen and named."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keys.errors import KeysError, WrongRootError
from keys.key import LogPrivateKey
from keys.trust.fingerprint import fingerprint
from keys.trust.node_document import NodeDocument
from keys.trust.tuf.target_files import NODE_FILE
from node.audit.log import audit_log, enqueue, new_record, record, sign_waiting, start_audit
from node.audit.reader import (
    Audited,
    VerifiedAudit,
    count_unsigned,
    export_audit,
    read_audit,
    verify_audit,
    verify_export,
)
from node.errors import ConflictError, NodeError, NotFoundError, StoreError, VerificationError
from node.objects.folder import FolderObjects
from node.objects.logfiles import LogFiles
from node.signing.log_signer import FolderLogSigner
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.trust.foundation import found, log_label
from node.trust.own import ROOT_NAME, OwnTrust
from protocol.audit import AuditRecord, audit_origin
from protocol.limits import BUNDLE_WIDTH
from protocol.tlog.tiles import decode_bundle, encode_bundle
from support.founding import MemoryKeys, founding_of
from support.times import SettableClock

NODE = "fr.example"
ORIGIN = audit_origin(NODE)
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
NOW_MS = 1_800_000_000_000


class Audit:
    """A node that was founded, and its audit log."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.files = FolderObjects(folder / "trust")
        keys, clock = MemoryKeys(), SettableClock(NOW)
        founding = founding_of(NODE)
        self.root_sha256 = found(
            founding, keychain=keys, root_keychain=MemoryKeys(), files=self.files, clock=clock
        ).root_sha256
        self.trust = OwnTrust(self.files, clock, root_sha256=self.root_sha256, freshness=keys.freshness)
        key = keys.key(LogPrivateKey, log_label(ORIGIN))
        self.signer = FolderLogSigner(folder / "signer", lambda _: [key])
        start_audit(store, NODE)

    def tell(self, subject: str, **details: str) -> None:
        made = new_record(
            self.store, actor="alice", action="peer.grant", subject=subject, now_ms=NOW_MS, details=details
        )
        record(self.store, self.signer, made)

    def fill(self, count: int) -> None:
        """Many records under one head."""
        with self.store.write() as unit:
            for number in range(count):
                enqueue(unit, self.made(f"subject {number}"))
        assert sign_waiting(self.store, self.signer, now_ms=NOW_MS) == count

    def made(self, subject: str) -> AuditRecord:
        return new_record(self.store, actor="node", action="list.publish", subject=subject, now_ms=NOW_MS)

    def verify(self) -> VerifiedAudit:
        return verify_audit(self.store, self.document(), signed_size=self.signer.size(ORIGIN))

    def document(self) -> NodeDocument:
        return self.trust.document()

    def log(self) -> LogRecord:
        with self.store.read() as unit:
            log = audit_log(unit)
        assert log is not None
        return log

    def read(self) -> list[Audited]:
        return list(read_audit(self.store))

    def subjects(self) -> list[str]:
        return [item.record.subject for item in self.read()]

    def export(self) -> list[str]:
        root, document = self.files.get(ROOT_NAME), self.files.get(NODE_FILE)
        return list(export_audit(self.store, roots=[root], document=document))

    def bundle(self, index: int = 0) -> str:
        """Name of the object with these records."""
        return list(
            LogFiles(self.store.objects, self.store.vault, ORIGIN).bundles(size=self.log().head.size)
        )[index]

    def tamper(self, change: Callable[[list[bytes]], list[bytes]], index: int = 0) -> None:
        """Write other records into a bundle."""
        width = min(BUNDLE_WIDTH, self.log().head.size - index * BUNDLE_WIDTH)
        records = decode_bundle(self.store.objects.get(self.bundle(index)), width)
        self.store.objects.put(self.bundle(index), encode_bundle(change(records)))


@pytest.fixture
def audit(store: Store, tmp_path: Path) -> Audit:
    return Audit(store, tmp_path)


@pytest.fixture
def filled(audit: Audit) -> Audit:
    audit.fill(5)
    return audit


def test_what_was_done_is_read_in_its_order_and_verified(audit: Audit) -> None:
    audit.tell("nl.example", grant="baseline")
    audit.tell("be.example")
    first, second = audit.read()
    assert (first.index, first.record.actor, first.record.action) == (0, "alice", "peer.grant")
    assert (first.record.subject, first.record.details) == ("nl.example", {"grant": "baseline"})
    assert first.record.nonce != second.record.nonce
    assert audit.verify() == VerifiedAudit(origin=ORIGIN, size=2, actors=frozenset({"alice"}))
    assert [item.index for item in read_audit(audit.store, first=1)] == [1]
    assert count_unsigned(audit.store) == 0


def test_a_node_without_an_audit_log_records_nothing(store: Store, tmp_path: Path) -> None:
    signer = FolderLogSigner(tmp_path / "signer", lambda _: [])
    record(store, signer, new_record(store, actor="node", action="node.run", subject="", now_ms=NOW_MS))
    assert count_unsigned(store) == 0
    with pytest.raises(NotFoundError, match="no audit log"):
        next(read_audit(store))


def test_an_empty_log_verifies_nothing(audit: Audit) -> None:
    assert audit.read() == []
    with pytest.raises(NotFoundError, match="nothing yet"):
        audit.verify()
    with pytest.raises(NotFoundError, match="nothing yet"):
        audit.export()


def test_starting_it_twice_is_starting_it_once(filled: Audit) -> None:
    assert start_audit(filled.store, NODE).head.size == 5


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a" * 32, "(hex)"),
        (f"x {'0F' * 32} y", "x (hex) y"),
        ("a" * 31, "a" * 31),
        (80 * " " + "f" * 64, 80 * " " + "(hex)"),  # the cut of a detail falls into it
        ("two\nlines", "two lines"),
        ("\x1b[2Jgone", " [2Jgone"),
    ],
)
def test_no_digest_and_no_control_character_gets_in(audit: Audit, text: str, kept: str) -> None:
    audit.tell(text, reason=text)
    (item,) = audit.read()
    assert (item.record.subject, item.record.details["reason"]) == (kept, kept)


def test_long_texts_and_many_details_are_cut(audit: Audit) -> None:
    audit.tell("é" * 5000, **{f"name{number}": "é" * 5000 for number in range(50)})
    (item,) = audit.read()
    assert len(item.record.subject) == 1024
    assert len(item.record.details) == 32


# ------------------------------------------------------------------------------------------- tampering


@pytest.mark.threat("the audit log")
def test_every_flipped_byte_is_seen_and_its_record_named(filled: Audit) -> None:
    name = filled.bundle()
    data = filled.store.objects.get(name)
    ends = [0]
    for entry in decode_bundle(data, 5):
        ends.append(ends[-1] + 2 + len(entry))
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        filled.store.objects.put(name, bytes(changed))
        index = next(number for number, end in enumerate(ends[1:]) if at < end)
        with pytest.raises(VerificationError, match=rf"\b{index}\b"):
            filled.verify()
    filled.store.objects.put(name, data)
    assert filled.verify().size == 5


@pytest.mark.threat("the audit log")
@pytest.mark.parametrize("at", range(5))
def test_a_removed_record_is_named(filled: Audit, at: int) -> None:
    filled.tamper(lambda records: records[:at] + records[at + 1 :])
    with pytest.raises(VerificationError, match=f"record {at} was removed"):
        filled.verify()


@pytest.mark.parametrize("at", range(6))
def test_a_record_that_was_put_in_is_named(filled: Audit, at: int) -> None:
    forged = filled.made("forged").to_bytes()
    filled.tamper(lambda records: [*records[:at], forged, *records[at:]])
    with pytest.raises(VerificationError, match=f"inserted at {at}"):
        filled.verify()


@pytest.mark.parametrize(("one", "two"), [(0, 1), (1, 4), (3, 4)])
def test_swapped_records_are_named(filled: Audit, one: int, two: int) -> None:
    def swap(records: list[bytes]) -> list[bytes]:
        records[one], records[two] = records[two], records[one]
        return records

    filled.tamper(swap)
    with pytest.raises(VerificationError, match=f"record {one} stands in another place"):
        filled.verify()


def test_a_forged_record_in_place_of_another_is_named(filled: Audit) -> None:
    forged = filled.made("forged").to_bytes()
    filled.tamper(lambda records: [*records[:2], forged, *records[3:]])
    with pytest.raises(VerificationError, match="record 2 was altered"):
        filled.verify()


def test_records_beyond_the_first_bundle_are_named(audit: Audit) -> None:
    audit.fill(BUNDLE_WIDTH + 10)
    audit.tell("one more")
    assert audit.verify().size == BUNDLE_WIDTH + 11
    audit.tamper(
        lambda records: [*records[:7], records[7][:-1] + bytes([records[7][-1] ^ 1]), *records[8:]], index=1
    )
    with pytest.raises(VerificationError, match=f"record {BUNDLE_WIDTH + 7} was altered"):
        audit.verify()
    audit.store.objects.delete(audit.bundle(1))
    with pytest.raises(VerificationError, match=f"records from {BUNDLE_WIDTH} on are missing"):
        audit.verify()


def test_records_and_hashes_changed_together_are_still_seen(filled: Audit) -> None:
    forged = filled.made("forged").to_bytes()
    filled.tamper(lambda records: [forged, *records[1:]])
    folder = LogFiles(filled.store.objects, filled.store.vault, ORIGIN).folder
    tile = f"logs/{folder}/tile/0/000.p/5"
    filled.store.objects.put(tile, bytes(32) + filled.store.objects.get(tile)[32:])
    with pytest.raises(VerificationError, match="so do the hashes"):
        filled.verify()
    filled.store.objects.delete(tile)
    with pytest.raises(VerificationError, match="so do the hashes"):
        filled.verify()


@pytest.mark.threat("the audit log")
def test_an_older_head_put_back_is_seen(audit: Audit) -> None:
    """Whoever restores database and objects from before an act still has the signer against him."""
    audit.fill(3)
    size = audit.signer.size(ORIGIN)
    with pytest.raises(VerificationError, match="records 3 to 4 are missing at the end"):
        verify_audit(audit.store, audit.document(), signed_size=size + 2)


def test_a_head_by_another_key_is_refused(filled: Audit) -> None:
    document = filled.document()
    with pytest.raises(VerificationError, match="not signed by its key"):
        verify_audit(filled.store, replace(document, logs=()), signed_size=5)


# ------------------------------------------------------------------------------------------- exports


def test_an_export_is_verified_with_the_fingerprint_alone(filled: Audit) -> None:
    lines = filled.export()
    for pin in (filled.root_sha256, filled.root_sha256[:16]):
        assert verify_export(iter(lines), pin).size == 5
    assert verify_export(iter([line + "\n" for line in lines]), filled.root_sha256).size == 5
    assert json.loads(lines[1])["subject"] == "subject 0"


def test_an_export_of_another_root_is_refused(filled: Audit) -> None:
    with pytest.raises(WrongRootError):
        verify_export(iter(filled.export()), fingerprint(b"another"))


@pytest.mark.threat("the audit log")
def test_every_altered_line_of_an_export_is_seen(filled: Audit) -> None:
    lines = filled.export()
    for number, line in enumerate(lines):
        for at in range(0, len(line), 7):
            changed = line[:at] + ("0" if line[at] != "0" else "1") + line[at + 1 :]
            altered = [*lines[:number], changed, *lines[number + 1 :]]
            with pytest.raises((NodeError, KeysError)):
                verify_export(iter(altered), filled.root_sha256)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: lines[:-1], "record 4 are missing at the end"),
        (lambda lines: lines[:3], "records 2 to 4 are missing"),
        (lambda lines: [*lines[:2], *lines[3:]], "record 1 is not what its line says, or stands"),
        (lambda lines: [*lines, lines[-1]], "inserted at 5"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "record 0 is not"),
        (lambda _: [], "not an export"),
        (lambda _: ["{}"], "not an export"),
        (lambda lines: [lines[0], "[]", *lines[2:]], "record 0 cannot be read"),
    ],
)
def test_what_is_wrong_with_an_export_is_said(
    filled: Audit, change: Callable[[list[str]], list[str]], says: str
) -> None:
    with pytest.raises(VerificationError, match=says):
        verify_export(iter(change(filled.export())), filled.root_sha256)


# ------------------------------------------------------------------------------------------- signing


@pytest.mark.threat("an old state")
def test_a_signer_that_stands_elsewhere_is_told_and_loses_nothing(filled: Audit, tmp_path: Path) -> None:
    key = LogPrivateKey.from_seed(bytes(32))
    elsewhere = FolderLogSigner(tmp_path / "elsewhere", lambda _: [key])
    with pytest.raises(ConflictError):
        record(filled.store, elsewhere, filled.made("late"))
    assert count_unsigned(filled.store) == 1
    filled.tell("later")
    assert filled.subjects()[-2:] == ["late", "later"]


def test_damage_to_what_waits_is_not_signed(filled: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise StoreError("no signer")

    with monkeypatch.context() as patched:
        patched.setattr(FolderLogSigner, "sign", fail)
        with pytest.raises(StoreError, match="no signer"):
            filled.tell("waits")
    with filled.store.write() as unit:
        unit.audit.remove(6)
        enqueue(unit, filled.made("another"))
    with pytest.raises(StoreError):
        filled.tell("more")
    assert filled.log().head.size == 5
