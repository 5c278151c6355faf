"""Kept contradictions, heard heads and released blocks, on both databases."""

from dataclasses import replace

import pytest

from node.errors import NotFoundError
from node.store.lists.records import LogKind, Quarantined
from node.store.peers.records import EvidenceKind, EvidenceRecord, HeardHead
from node.store.store import Store
from protocol.lists.ext import EntryRef

pytestmark = pytest.mark.both_databases

ORIGIN = "nl.example/lists/main"
RECORD = EvidenceRecord(
    sha256="a" * 64, kind=EvidenceKind.FORK, subject=ORIGIN, pair="1" * 64, source="de.example", created_ms=5
)
HEARD = HeardHead(origin=ORIGIN, source="de.example", size=2**40, root=b"r" * 32, note=b"note", heard_ms=7)


def test_each_contradiction_is_kept_once(store: Store) -> None:
    other_bytes = replace(RECORD, sha256="b" * 64)
    with store.write() as unit:
        assert unit.evidence.add(RECORD)
        assert not unit.evidence.add(RECORD)
        assert not unit.evidence.add(other_bytes), "the same pair"
        assert not unit.evidence.add(replace(RECORD, pair="2" * 64)), "the same bytes"
        assert unit.evidence.add(replace(other_bytes, kind=EvidenceKind.DIVERGENCE))
        assert len(unit.evidence.ls(ORIGIN)) == len(unit.evidence.ls()) == 2
        assert unit.evidence.ls("other") == []
        assert unit.evidence.get("a" * 64) == RECORD
        with pytest.raises(NotFoundError):
            unit.evidence.get("c" * 64)


def test_what_people_looked_at_is_remembered(store: Store) -> None:
    trust = replace(RECORD, sha256="b" * 64, kind=EvidenceKind.TRUST, subject="nl.example")
    strange = replace(RECORD, sha256="c" * 64, subject="es.example/lists/main")
    with store.write() as unit:
        for record in (RECORD, trust, strange):
            assert unit.evidence.add(record)
        for now_ms in (9, 10):
            unit.evidence.release([RECORD.sha256, trust.sha256], now_ms=now_ms)
        assert [one.released_ms for one in unit.evidence.ls()] == [9, 9, None]


def test_one_head_is_remembered_for_each_log_and_teller(store: Store) -> None:
    from_es = replace(HEARD, source="es.example")
    with store.write() as unit:
        for head in (HEARD, from_es, replace(HEARD, size=9)):
            unit.evidence.hear(head)
        assert unit.evidence.heard() == [replace(HEARD, size=9), from_es]
        unit.evidence.unhear(HEARD)
        assert unit.evidence.heard() == [from_es]
        unit.evidence.forget("es.example")
        assert unit.evidence.heard() == []


def test_blocks_are_released_once(store: Store) -> None:
    refs = [EntryRef(ORIGIN, at, bytes([at]) * 32) for at in range(3)]
    with store.write() as unit:
        assert unit.evidence.released_blocks() == frozenset()
        assert unit.evidence.release_blocks(refs[:2], now_ms=1) == 2
        assert unit.evidence.release_blocks(refs, now_ms=2) == 1
        assert unit.evidence.released_blocks() == frozenset(refs)


def test_a_quarantine_record_is_found_also_after_its_release(store: Store) -> None:
    with store.write() as unit:
        log = unit.logs.create(origin=ORIGIN, kind=LogKind.PEER_LIST, node="nl.example", name="main")
        unit.quarantine.add(
            [Quarantined(log_id=log.id, kind="log", first=1, last=1, reason="why", created_ms=1)]
        )
        [record] = unit.quarantine.ls()
        unit.quarantine.release(record.id, now_ms=4)
        assert unit.quarantine.get(record.id).released_ms == 4
        with pytest.raises(NotFoundError):
            unit.quarantine.get(record.id + 1)
