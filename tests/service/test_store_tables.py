"""The store's tables one by one, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from keys.trust.held_trust import HeldTrust
from node.access.quotas import Quotas
from node.errors import AlreadyExistsError, ConflictError, NotFoundError, OverQuotaError
from node.store.hits.records import CaseRecord, HitFilter, HitSourceRecord, ResolutionRecord
from node.store.lists.records import Batch, BenignSet, Head, Intake, LogKind, LogRecord, Quarantined, Tripwire
from node.store.partners.recipients import RecipientRows
from node.store.partners.records import (
    Allowance,
    DisclosureRecord,
    FetchedRelease,
    FileRecord,
    ProposalRecord,
    RecipientRecord,
    SnapshotRecord,
)
from node.store.peers.records import PeerRecord
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord, SubsetRecord
from node.store.unit import Unit
from protocol.digest import Algorithm
from protocol.statement.proposal_state import FileState
from protocol.subset.filter import SubsetFilter
from protocol.subset.manifest import ReleaseKind
from support.records import hit_record, partner_record
from support.stores import make_store

pytestmark = pytest.mark.both_databases

HEAD = Head(size=3, root=b"r" * 32, frontier=b"f", time_ms=5)
PEER = PeerRecord(
    name="nl.example",
    url="https://nl.example/",
    trust=HeldTrust(roots=(b"{}",), files={"node.json": b"one"}),
    serial=1,
    grant="{}",
    added_ms=1,
    confirmed_ms=2,
)


def new_log(store: Store, kind: LogKind = LogKind.OWN_LIST, origin: str = "a/lists/b") -> LogRecord:
    with store.write() as unit:
        return unit.logs.create(origin=origin, kind=kind, node=origin[0], name="b")


def log_of(store: Store) -> LogRecord:
    with store.read() as unit:
        return unit.logs.get("a/lists/b")


class TestLogs:
    def test_refuses_an_origin_twice(self, store: Store) -> None:
        new_log(store)
        with pytest.raises(AlreadyExistsError):
            new_log(store)

    def test_does_not_find_what_is_not_there(self, store: Store) -> None:
        with pytest.raises(NotFoundError):
            log_of(store)

    def test_a_claimed_head_is_settled(self, store: Store) -> None:
        log = new_log(store)
        with store.write() as unit:
            unit.logs.claim(log, HEAD, note=b"theirs")
        claimed = log_of(store)
        assert (claimed.pending, claimed.pending_note, claimed.head) == (HEAD, b"theirs", log.head)
        with store.write() as unit:
            unit.logs.settle(claimed, note=b"note", checked_ms=9)
        settled = log_of(store)
        assert (settled.head, settled.note, settled.pending) == (HEAD, b"note", None)
        assert (settled.tail, settled.checked_ms) == (3, 9)

    def test_a_pending_head_is_never_replaced(self, store: Store) -> None:
        log = new_log(store)
        with store.write() as unit:
            unit.logs.claim(log, HEAD, note=None)
        with pytest.raises(ConflictError), store.write() as unit:
            unit.logs.claim(log, replace(HEAD, root=b"x" * 32), note=None)
        assert log_of(store).pending == HEAD

    def test_a_head_is_settled_once(self, store: Store) -> None:
        log = new_log(store)
        with store.write() as unit:
            unit.logs.claim(log, HEAD, note=None)
            claimed = unit.logs.get(log.origin)
            unit.logs.settle(claimed, note=b"note", checked_ms=9)
        with pytest.raises(ConflictError), store.write() as unit:
            unit.logs.settle(claimed, note=b"other", checked_ms=9)
        with pytest.raises(ConflictError), store.write() as unit:
            unit.logs.claim(log, HEAD, note=None)

    def test_positions_go_to_one_of_two(self, store: Store) -> None:
        log = new_log(store)
        with store.write() as unit:
            unit.logs.reserve(log, 5)
        with pytest.raises(ConflictError), store.write() as unit:
            unit.logs.reserve(log, 5)
        assert log_of(store).tail == 5

    def test_only_a_peers_pending_head_can_be_abandoned(self, store: Store) -> None:
        log = new_log(store, LogKind.PEER_LIST)
        with store.write() as unit:
            unit.logs.claim(log, HEAD, note=b"n")
            claimed = unit.logs.get(log.origin)
            unit.logs.abandon(replace(claimed, pending=replace(HEAD, root=b"x" * 32)))
            assert unit.logs.get(log.origin) == claimed
            unit.logs.abandon(claimed)
        assert log_of(store).pending is None
        with pytest.raises(AssertionError), store.write() as unit:
            unit.logs.abandon(replace(log, kind=LogKind.OWN_LIST))

    def test_confirms_only_the_head_that_stands(self, store: Store) -> None:
        log = new_log(store)
        with store.write() as unit:
            unit.logs.confirm(log, checked_ms=7)
            unit.logs.confirm(replace(log, head=HEAD), checked_ms=8)
        assert log_of(store).checked_ms == 7


class TestEntries:
    def add(self, store: Store, log: LogRecord, keys: list[int]) -> None:
        with store.write() as unit:
            unit.entries.add(
                log.id,
                keys=np.array(keys, dtype=np.int64),
                positions=np.arange(len(keys)),
                collections=np.ones(len(keys), dtype=np.int32),
            )

    def test_finds_keys_of_the_whole_range(self, store: Store) -> None:
        log = new_log(store)
        keys = [-(2**63), -1, 0, 2**63 - 1, 0]
        self.add(store, log, keys)
        with store.read() as unit:
            found = unit.entries.find([0, -1, 5], log_id=log.id)
            assert unit.entries.find([0], log_id=log.id + 1) == []
        assert sorted((hit.key, hit.position) for hit in found) == [(-1, 1), (0, 2), (0, 4)]
        assert {hit.ended for hit in found} == {None}

    def test_finds_many(self, store: Store) -> None:
        log = new_log(store)
        self.add(store, log, list(range(0, 7000, 2)))
        with store.read() as unit:
            assert len(unit.entries.find(range(7000))) == 3500

    def test_ends_once_and_counts_what_is_active(self, store: Store) -> None:
        log = new_log(store)
        self.add(store, log, [7, 8, 9])
        with store.write() as unit:
            unit.entries.end(log.id, {(7, 0): 10, (8, 1): 11})
            unit.entries.end(log.id, {(7, 0): 99})
            unit.entries.end(log.id, {})
        with store.read() as unit:
            assert unit.entries.count(log.id) == {1: 1}
            assert [hit.ended for hit in unit.entries.find([7])] == [10]

    def test_no_page_keeps_what_is_removed(
        self, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where SQLite rebuilds a page, `secure_delete` does not overwrite the copy of a row that moved."""
        monkeypatch.setattr("node.store.driver._BUSY_SECONDS", 0.1)
        store = make_store(dsn, tmp_path)
        own, theirs = new_log(store), new_log(store, LogKind.PEER_LIST, "c/lists/b")
        keys = [int.from_bytes(sha256(b"%d" % number).digest()[:8], signed=True) for number in range(1800)]
        for log in (own, theirs):
            for first in range(0, len(keys), 100):
                self.add(store, log, keys[first : first + 100])
        on_sqlite = (database := tmp_path / "sigfed.db").exists()
        assert not store.vacuum(), "nothing was removed yet"
        gone = {
            key.to_bytes(8, signed=True): (key, place % 100) for place, key in enumerate(keys) if place % 2
        }
        with store.write() as unit:
            for log in (own, theirs):
                unit.entries.remove(log.id, list(gone.values()))
        with store.read() as unit:
            assert len(unit.entries.find(keys)) == len(keys)
            assert not store.vacuum(), "a reader's view keeps the old pages"
        assert store.vacuum() is on_sqlite, "so it is owed still"
        files = [path for path in tmp_path.iterdir() if path.name.startswith(database.name)]
        assert [value for value in gone if any(value in path.read_bytes() for path in files)] == []
        store.dispose()


class TestBatches:
    def test_lists_overlapping_and_removes_whole_ones(self, store: Store) -> None:
        log = new_log(store)
        batches = [Batch(first=0, count=4, object="a"), Batch(first=4, count=4, object="b")]
        with store.write() as unit:
            unit.pending.add(log.id, batches)
            unit.pending.add(log.id, [])
            assert unit.pending.ls(log.id, first=3) == batches
            assert unit.pending.ls(log.id, first=4) == batches[1:]
            assert unit.pending.ls(log.id, first=0, end=4) == batches[:1]
            assert unit.pending.remove(log.id, end=7) == batches[:1]
            assert unit.pending.ls(log.id, first=0) == batches[1:]
            assert unit.cases.ls(log.id, first=0) == []


class TestQuarantine:
    def test_lists_until_released(self, store: Store) -> None:
        log = new_log(store)
        record = Quarantined(log_id=log.id, kind="add", first=1, last=4, reason="why", created_ms=1)
        with store.write() as unit:
            unit.quarantine.add([record, replace(record, first=5)])
            unit.quarantine.add([])
            one, two = unit.quarantine.ls()
            unit.quarantine.release(one.id, now_ms=3)
            assert unit.quarantine.ls(log.id) == [two]
            assert unit.quarantine.ls(log.id + 1) == []
            with pytest.raises(NotFoundError):
                unit.quarantine.release(one.id, now_ms=3)

    def test_sums_the_day(self, store: Store) -> None:
        log = new_log(store)
        with store.write() as unit:
            assert unit.quarantine.intake_since(log.node, since_ms=0) == Intake(
                received_ms=0, adds=0, withdrawals=0
            )
            for at in (1, 2, 3):
                unit.quarantine.note_intake(
                    log.id, Intake(received_ms=at, adds=10 * at, withdrawals=at, disputes=1)
                )
            assert unit.quarantine.intake_since(log.node, since_ms=2) == Intake(
                received_ms=2, adds=50, withdrawals=5, disputes=2
            )
            assert unit.quarantine.intake_since("another.example", since_ms=0).adds == 0


class TestGuards:
    def test_keeps_benign_sets_by_name(self, store: Store) -> None:
        record = BenignSet(name="nsrl", file="benign-1", hashes=2**40, rows=3, refused=1, added_ms=5)
        with store.write() as unit:
            unit.guards.add_benign(record)
        with pytest.raises(AlreadyExistsError), store.write() as unit:
            unit.guards.add_benign(record)
        with store.write() as unit:
            assert list(unit.guards.benign()) == [record]
            assert unit.guards.remove_benign("nsrl") == record
            with pytest.raises(NotFoundError):
                unit.guards.remove_benign("nsrl")

    def test_keeps_each_tripwire_once(self, store: Store) -> None:
        one, two = (Tripwire(key=key, sealed=b"s", note="n", added_ms=1) for key in (-(2**63), 2))
        with store.write() as unit:
            assert unit.guards.add_tripwires([one, two, one]) == 2
            assert unit.guards.add_tripwires([two]) == 0
            assert unit.guards.add_tripwires([]) == 0
            assert [(each.id, each.key) for each in unit.guards.tripwires()] == [(1, -(2**63)), (2, 2)]
            unit.guards.remove_tripwire(1)
            with pytest.raises(NotFoundError):
                unit.guards.remove_tripwire(1)

    def test_a_row_that_was_released_passes_once_in_its_list(self, store: Store) -> None:
        log = new_log(store)
        with store.write() as unit:
            other = unit.logs.create(origin="a/lists/other", kind=LogKind.OWN_LIST, node="a", name="other")
        record = Quarantined(log_id=log.id, kind="row", first=7, last=7, reason="why", created_ms=1)
        with store.write() as unit:
            unit.guards.set_aside(record, [5, -6, 5])
            assert unit.guards.let_pass(log.id) == frozenset()
            (held,) = unit.quarantine.ls(log.id)
            unit.quarantine.release(held.id, now_ms=2)
            assert unit.guards.let_pass(log.id) == {5, -6}
            assert unit.guards.let_pass(other.id) == frozenset()
            unit.guards.spend(other.id, [np.array([5], dtype=np.int64)])
            unit.guards.spend(log.id, [np.array([each], dtype=np.int64) for each in (1, -6)])
            assert unit.guards.let_pass(log.id) == {5}


class TestPeers:
    def test_keeps_the_newest_document(self, store: Store) -> None:
        with store.write() as unit:
            unit.peers.add(PEER)
            newer = replace(
                PEER.trust,
                roots=(b"{}", b"{2}"),
                timestamp=b"t",
                files={"node.json": b"two", "members.json": b"m"},
            )
            unit.peers.update_trust(PEER.name, newer, serial=2, confirmed_ms=3)
            assert unit.peers.get(PEER.name).trust == newer
            again = replace(newer, files={"node.json": b"two"})
            unit.peers.update_trust(PEER.name, again, serial=2)
            with pytest.raises(ConflictError):
                unit.peers.update_trust(PEER.name, again, serial=1)
            with pytest.raises(ConflictError):
                unit.peers.update_trust(PEER.name, again, serial=1, found=3)
            unit.peers.update_trust(PEER.name, again, serial=1, found=2)
            unit.peers.update_trust(PEER.name, again, serial=2)
            with pytest.raises(ConflictError):
                unit.peers.update_trust(PEER.name, replace(again, roots=(b"{}",)), serial=2)
            held = unit.peers.get(PEER.name)
            assert (held.trust, held.confirmed_ms, held.node_document) == (again, 3, b"two")
            unit.peers.remove(PEER.name)
            unit.peers.add(PEER)
            assert unit.peers.get(PEER.name) == PEER

    def test_notes_how_a_sync_ended(self, store: Store) -> None:
        with store.write() as unit:
            unit.peers.add(PEER)
            unit.peers.note_sync(PEER.name, synced_ms=5, outcome="ok")
            unit.peers.note_sync(PEER.name, synced_ms=None, outcome="no answer")
            unit.peers.update_grant(PEER.name, "[]")
            peer = unit.peers.get(PEER.name)
            assert unit.peers.ls() == [peer]
        assert (peer.synced_ms, peer.outcome, peer.grant) == (5, "no answer", "[]")

    def test_refuses_twice_and_unknown(self, store: Store) -> None:
        with store.write() as unit:
            unit.peers.add(PEER)
            with pytest.raises(NotFoundError):
                unit.peers.get("x.example")
        with pytest.raises(AlreadyExistsError), store.write() as unit:
            unit.peers.add(PEER)


class TestRecipients:
    RECORD = RecipientRecord(name="hotline", purpose="its scanner", grant="{}", added_ms=2**40)

    def test_keeps_each_by_name(self, store: Store) -> None:
        with store.write() as unit:
            unit.recipients.add(self.RECORD)
            unit.recipients.add(replace(self.RECORD, name="another"))
        with pytest.raises(AlreadyExistsError), store.write() as unit:
            unit.recipients.add(self.RECORD)
        with store.read() as unit:
            assert unit.recipients.get("hotline") == self.RECORD
            assert [each.name for each in unit.recipients.ls()] == ["another", "hotline"]

    def test_changes_one_and_no_other(self, store: Store) -> None:
        other = replace(self.RECORD, name="another")
        with store.write() as unit:
            unit.recipients.add(self.RECORD)
            unit.recipients.add(other)
            unit.recipients.set_grant("hotline", '{"a":1}')
            unit.recipients.set_key("hotline", b"k" * 32, now_ms=3)
            unit.recipients.set_suspended("hotline", suspended=True)
            unit.recipients.note_seen("hotline", now_ms=4)
        changed = replace(
            self.RECORD, grant='{"a":1}', key_sha256=b"k" * 32, keyed_ms=3, suspended=True, seen_ms=4
        )
        with store.write() as unit:
            assert list(unit.recipients.ls()) == [other, changed]
            unit.recipients.remove("hotline")
        with store.read() as unit:
            assert list(unit.recipients.ls()) == [other]

    @pytest.mark.parametrize(
        "change",
        [
            lambda table: table.get("hotline"),
            lambda table: table.set_grant("hotline", ""),
            lambda table: table.set_key("hotline", b"", now_ms=1),
            lambda table: table.set_suspended("hotline", suspended=True),
            lambda table: table.note_seen("hotline", now_ms=1),
            lambda table: table.remove("hotline"),
        ],
    )
    def test_does_not_find_what_is_not_there(
        self, store: Store, change: Callable[[RecipientRows], object]
    ) -> None:
        with pytest.raises(NotFoundError), store.write() as unit:
            change(unit.recipients)

    def test_one_copy_at_most(self, store: Store) -> None:
        copy = SnapshotRecord(token="a", tag="b", parts=1, digests=2**40, basis=b"c" * 32, made_ms=2**41)
        with store.write() as unit:
            assert unit.recipient_snapshot.find() is None
            unit.recipient_snapshot.put(copy)
            assert unit.recipient_snapshot.find() == copy
            unit.recipient_snapshot.put(replace(copy, token="z"))
            assert unit.recipient_snapshot.find() == replace(copy, token="z")
            unit.recipient_snapshot.drop()
            assert unit.recipient_snapshot.find() is None


class TestRevocations:
    def test_knows_nothing_of_a_node_at_first(self, store: Store) -> None:
        with store.write() as unit:
            unit.revocations.name("nl.example", None)
            record = unit.revocations.get("nl.example")
            assert (record.version, record.missing, unit.revocations.ls()) == (0, False, [])

    def test_a_file_that_is_named_is_missing_until_it_is_held(self, store: Store) -> None:
        named = sha256(b"file").digest()
        with store.write() as unit:
            unit.revocations.name("nl.example", named)
            assert unit.revocations.get("nl.example").missing
            unit.revocations.put("nl.example", version=1, payload=b"p", envelope=b"file")
            (record,) = unit.revocations.ls()
            assert (record.version, record.payload, record.missing) == (1, b"p", False)
            unit.revocations.name("nl.example", sha256(b"newer").digest())
            assert unit.revocations.get("nl.example").missing

    def test_never_goes_back(self, store: Store) -> None:
        with store.write() as unit:
            unit.revocations.put("nl.example", version=2, payload=b"p", envelope=b"e")
            for version in (1, 2):
                with pytest.raises(ConflictError):
                    unit.revocations.put("nl.example", version=version, payload=b"q", envelope=b"f")
            assert unit.revocations.get("nl.example").payload == b"p"
            unit.revocations.put("nl.example", version=2, payload=b"p", envelope=b"signed again")
            assert unit.revocations.get("nl.example").envelope == b"signed again"


def proposal(number: int, *, partner: str = "hoster", files: int = 3) -> ProposalRecord:
    return ProposalRecord(
        partner=partner,
        proposal_id=bytes((number,)) * 16,
        subset="baseline",
        claim=1,
        files=files,
        received_ms=number,
        sealed=b"sealed",
    )


def outcome(state: FileState, decided_ms: int, **more: str) -> FileRecord:
    return FileRecord(number=0, state=state, decided_ms=decided_ms, **more)


class TestProposals:
    def test_are_kept_once_with_all_files_waiting(self, store: Store) -> None:
        with store.write() as unit:
            unit.proposals.add(proposal(1))
            unit.proposals.add(proposal(1, partner="other"))
        with pytest.raises(AlreadyExistsError), store.write() as unit:
            unit.proposals.add(proposal(1))
        with store.read() as unit:
            assert unit.proposals.find("hoster", bytes((1,)) * 16) == proposal(1)
            assert unit.proposals.find("hoster", bytes((2,)) * 16) is None
            assert [each.state for each in unit.proposals.files(proposal(1))] == [FileState.WAITING] * 3
            assert unit.proposals.received_since("hoster", since_ms=1) == (1, 3)
            assert unit.proposals.received_since("hoster", since_ms=2) == (0, 0)
            assert unit.proposals.waiting("hoster") == 3

    def test_a_file_is_decided_once_and_the_last_one_closes(self, store: Store) -> None:
        with store.write() as unit:
            unit.proposals.add(proposal(1))
            unit.proposals.add(proposal(2))
            taken = outcome(FileState.TAKEN, 5, origin="fr.example/lists/main")
            assert unit.proposals.decide(proposal(1), [1, 2], taken) == 2
            assert unit.proposals.decide(proposal(1), [2], outcome(FileState.REFUSED, 6, reason="no")) == 0
            assert unit.proposals.ls()[0] == proposal(1), "one file of it waits"
            assert unit.proposals.decide(proposal(1), [3], outcome(FileState.REFUSED, 7, reason="no")) == 1
        with store.read() as unit:
            files = unit.proposals.files(proposal(1))
            assert [(each.number, each.state, each.reason) for each in files] == [
                (1, FileState.TAKEN, ""),
                (2, FileState.TAKEN, ""),
                (3, FileState.REFUSED, "no"),
            ]
            assert unit.proposals.ls() == [proposal(2), replace(proposal(1), closed_ms=7)], "open ones first"
            assert set(unit.proposals.names()) == {("hoster", bytes((number,)) * 16) for number in (1, 2)}
            assert unit.proposals.open_count() == 1
            assert unit.proposals.waiting("hoster") == 3

    def test_what_was_closed_is_forgotten_with_its_files(self, store: Store) -> None:
        with store.write() as unit:
            for number in (1, 2, 3):
                unit.proposals.add(proposal(number, files=1))
            for number in (1, 2):
                unit.proposals.decide(proposal(number), [1], outcome(FileState.WITHDRAWN, number))
            unit.proposals.reseal(proposal(2), b"less")
            assert unit.proposals.forget(closed_before_ms=2) == 1
        with store.read() as unit:
            assert unit.proposals.ls() == [
                proposal(3, files=1),
                replace(proposal(2, files=1), sealed=b"less", closed_ms=2),
            ]
            assert unit.proposals.files(proposal(1)) == []


class TestHitOutcomes:
    NAME = ("hoster", b"r" * 16)
    HIT = hit_record(received_ms=5)
    SAID = ResolutionRecord(
        partner="hoster", report_id=b"r" * 16, done_ms=7, action=1, received_ms=8, receipt=b"signed"
    )
    BEHIND = HitSourceRecord(
        partner="hoster", report_id=b"r" * 16, origin="a/lists/b", position=3, received_ms=5
    )
    CASE = CaseRecord(
        partner="hoster", report_id=b"r" * 16, subset="baseline", opened_ms=1, due_ms=2, sealed_dispute=b"d"
    )

    def test_the_latest_counts_and_one_time_is_one(self, store: Store) -> None:
        later = replace(self.SAID, done_ms=9, action=4)
        with store.write() as unit:
            unit.hit_outcomes.add(later)
            unit.hit_outcomes.add(self.SAID)
        with pytest.raises(AlreadyExistsError), store.write() as unit:
            unit.hit_outcomes.add(replace(self.SAID, action=2))
        with store.read() as unit:
            assert unit.hit_outcomes.of(*self.NAME) == [self.SAID, later]
            assert unit.hit_outcomes.counting([self.NAME]) == {self.NAME: later}
            assert unit.hit_outcomes.received_since("hoster", since_ms=8) == 2
            assert unit.hit_outcomes.received_since("hoster", since_ms=9) == 0

    def test_reports_of_an_entry_are_counted_by_partner(self, store: Store) -> None:
        others = [
            replace(self.BEHIND, report_id=b"s" * 16),
            replace(self.BEHIND, partner="other", received_ms=6),
            replace(self.BEHIND, partner="third", position=4),
            replace(self.BEHIND, partner="third", origin="a/lists/c"),
        ]
        with store.write() as unit:
            unit.hit_outcomes.add_sources([])
            unit.hit_outcomes.add_sources([self.BEHIND, *others])
        with store.read() as unit:
            assert unit.hit_outcomes.matched("a/lists/b", 3, since_ms=5) == {"hoster": 2, "other": 1}
            assert unit.hit_outcomes.matched("a/lists/b", 3, since_ms=6) == {"other": 1}
            assert unit.hit_outcomes.sources_of(*self.NAME) == [self.BEHIND]
            assert unit.hit_outcomes.sources([("third", b"r" * 16)]) == {
                ("third", b"r" * 16): [others[2], others[3]]
            }

    def test_reports_end_in_an_order_and_once(self, store: Store) -> None:
        ids = [b"1" * 16, b"2" * 16, b"3" * 16]
        hits = [replace(self.HIT, report_id=each) for each in ids]
        with store.write() as unit:
            unit.hits.lock()
            for hit in (*hits, replace(self.HIT, partner="other")):
                unit.hits.add(hit, b"sealed")
            unit.hit_outcomes.add_sources([replace(self.BEHIND, report_id=each) for each in ids])
            behind = unit.hits.behind("baseline", [("a/lists/b", 3), ("a/lists/b", 4)])
            assert {hit.report_id for hit in behind} == set(ids)
            assert unit.hits.behind("other", [("a/lists/b", 3)]) == []
            for hit in (hits[2], hits[0], hits[2]):
                unit.hits.end(hit, ended_ms=9, version=7)
            assert [hit.report_id for hit in unit.hits.behind("baseline", [("a/lists/b", 3)])] == [ids[1]]
        with store.read() as unit:
            ended = unit.hits.ended("hoster", "baseline", after=b"0" * 16, limit=5)
            assert [hit.report_id for hit in ended] == [ids[2], ids[0]]
            assert [(hit.ended_ms, hit.ended_version, hit.ended_number) for hit in ended] == [
                (9, 7, 1),
                (9, 7, 2),
            ]
            assert unit.hits.ended("hoster", "baseline", after=ids[2], limit=5) == ended[1:]
            assert unit.hits.ended("hoster", "baseline", after=ids[0], limit=5) == []
            assert unit.hits.ended("other", "baseline", after=ids[0], limit=5) == []
            assert unit.hits.counts(now_ms=0).withdrawn == 2

    def test_what_is_purged_is_gone_with_all_of_it_and_nothing_else(self, store: Store) -> None:
        kept = replace(self.HIT, partner="other")
        with store.write() as unit:
            for hit in (self.HIT, kept):
                unit.hits.add(hit, b"sealed")
                unit.hits.hold(hit, held_ms=4)
            unit.hit_outcomes.add(self.SAID)
            unit.hit_outcomes.add_sources([self.BEHIND])
            unit.partner_cases.add(self.CASE)
        with store.write() as unit:
            unit.hits.purge(self.HIT)
        with store.read() as unit:
            assert unit.hits.page(HitFilter(), after=None, limit=5) == [replace(kept, held_ms=4)]
            assert unit.hits.sealed(kept) == b"sealed"
            with pytest.raises(NotFoundError):
                unit.hits.sealed(self.HIT)
            assert unit.partner_cases.ls() == []
            assert unit.hit_outcomes.counting([self.NAME]) == {}
            assert unit.hit_outcomes.sources([self.NAME]) == {}

    def test_the_newest_record_of_a_flood_is_found_released_or_not(self, store: Store) -> None:
        log = new_log(store)
        flood = Quarantined(log_id=log.id, kind="flood", first=3, last=3, reason="many", created_ms=1)
        with store.write() as unit:
            unit.quarantine.add([flood, replace(flood, kind="add"), replace(flood, first=4)])
            assert unit.quarantine.newest(log.id, "flood", 5) is None
            first = unit.quarantine.newest(log.id, "flood", 3)
            assert first is not None
            unit.quarantine.release(first.id, now_ms=9)
        with store.read() as unit:
            assert unit.quarantine.newest(log.id, "flood", 3) == replace(first, released_ms=9)


class TestPartners:
    NOW = datetime(2026, 1, 1, tzinfo=UTC)

    def quotas(self, store: Store, per_day: int) -> Quotas:
        """Those of one partner that has asked for nothing."""
        with store.write() as unit:
            unit.partners.add(partner_record(evaluations_per_day=per_day))
        return Quotas(store)

    def test_what_is_left_can_be_read(self, store: Store) -> None:
        assert self.quotas(store, 10).left("hoster", now=self.NOW) == 10

    def test_of_many_that_spend_at_once_each_is_counted(self, store: Store) -> None:
        quotas = self.quotas(store, 1000)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda count: quotas.spend("hoster", count, now=self.NOW), [3, 5] * 40))
        assert quotas.left("hoster", now=self.NOW) == 1000 - 40 * (3 + 5)

    def test_what_is_refused_leaves_all_of_a_quota(self, store: Store) -> None:
        quotas = self.quotas(store, 10)
        with pytest.raises(OverQuotaError):
            quotas.spend("hoster", 11, now=self.NOW)
        with pytest.raises(NotFoundError, match="nobody is not a partner"):
            quotas.spend("nobody", 1, now=self.NOW)
        assert quotas.left("hoster", now=self.NOW) == 10


class TestFetched:
    def test_the_newest_of_each_is_kept_and_who_is_behind_is_known(self, store: Store) -> None:
        with store.write() as unit:
            _subset_with_releases(unit, 3)
            for name in ("has-3", "has-1", "has-2", "has-none", "suspended"):
                _enrolled(unit, name)
            unit.partners.set_suspended("suspended", suspended=True)
            for name, version, at_ms in (
                ("has-3", 2, 20),
                ("has-3", 3, 30),
                ("has-3", 2, 40),
                ("has-3", 3, 50),
                ("has-1", 1, 60),
                ("has-2", 2, 70),
                ("suspended", 2, 80),
                ("not-enrolled", 2, 90),
            ):
                unit.fetched.put(name, "b", version, now_ms=at_ms)
        with store.read() as unit:
            found = unit.fetched.of(["has-3", "has-none", "not-enrolled"])
            newest = FetchedRelease(partner="has-3", subset="b", version=3, fetched_ms=30, made_ms=300)
            assert found == {"has-3": newest}
            assert unit.fetched.counts("b") == {1: 1, 2: 1, 3: 1}
            assert unit.fetched.counts("other") == {}
            behind = unit.fetched.behind("b", 3, limit=9)
            assert [(name, fetched and fetched.version) for name, fetched in behind] == [
                ("has-none", None),
                ("has-1", 1),
                ("has-2", 2),
            ]
            assert unit.fetched.behind("b", 3, limit=2) == behind[:2]
            assert unit.fetched.behind("b", 1, limit=9) == behind[:1]


def _subset_with_releases(unit: Unit, versions: int) -> None:
    wanted = SubsetFilter(
        collections=frozenset({1}), algorithms=frozenset({Algorithm.MD5}), screen_bits=12, labels=True
    )
    unit.subsets.create(
        SubsetRecord(
            name="b", origin="a/subsets/b", filter=wanted, epoch=1, pk=b"p", created_ms=1, sealed_salt=b"s"
        )
    )
    for version in range(1, versions + 1):
        unit.releases.add(
            ReleaseRecord(
                subset="b",
                version=version,
                epoch=1,
                kind=ReleaseKind.ORDINARY,
                manifest_sha256=b"m" * 32,
                answers=1,
                added=1,
                removed=0,
                created_ms=version * 100,
                not_after_ms=9999,
                note=b"n",
            )
        )


def _enrolled(unit: Unit, name: str) -> None:
    unit.partners.add(partner_record(name=name, subset="b", auth_key=name.encode()))


class TestDisclosure:
    HELD = DisclosureRecord(
        partner="hoster",
        values_per_day=50,
        allowance=Allowance(level=5, level_ms=6, month="2026-11", used=7),
        asked=8,
        met=9,
        stopped_ms=10,
    )

    def test_what_is_put_is_found_in_place_of_what_was(self, store: Store) -> None:
        with store.write() as unit:
            assert unit.disclosure.find("hoster") is None
            unit.disclosure.put(self.HELD)
            unit.disclosure.put(replace(self.HELD, partner="other"))
            unit.disclosure.put(replace(self.HELD, values_per_day=0, stopped_ms=None))
            assert unit.disclosure.lock("other") == replace(self.HELD, partner="other")
        with store.read() as unit:
            assert unit.disclosure.find("hoster") == replace(self.HELD, values_per_day=0, stopped_ms=None)
            assert unit.disclosure.find("other") == replace(self.HELD, partner="other")
            assert unit.disclosure.stopped() == ["other"]

    def test_values_are_counted_by_partner_and_entry(self, store: Store) -> None:
        low, high = -(2**63), 2**63 - 1
        with store.write() as unit:
            assert unit.disclosure.count_about("hoster", []) == 0
            assert unit.disclosure.count_about("hoster", [low, high]) == 1
            assert unit.disclosure.count_about("hoster", [high]) == 2
            assert unit.disclosure.count_about("other", [high]) == 1
            unit.disclosure.forget_about("hoster")
            assert unit.disclosure.count_about("hoster", [low, high]) == 1
            assert unit.disclosure.count_about("other", [high]) == 2
