"""How much a day: what peers bring beyond it is set aside however they bring it, and own lists do not publish it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keys.trust.node_parts import NodeLimits
from node.clock import DAY_MS
from node.errors import BeyondLimitsError
from node.judgement.shred_status import report_shreddings
from node.lists.changes import Change, pack
from node.lists.corrections.shred import prepare, shred
from node.lists.corrections.withdraw import withdraw
from node.lists.pace import NO_LIMITS, Changes, FollowGuards, beyond
from node.lists.publish import Published, publish
from node.lists.queue import Queue
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from protocol.lists.event import BASELINE, Op
from protocol.lists.ext import Ext, Reason
from protocol.lists.opening import Opening
from support.cheap_node import follow
from support.stores import NOW_MS, Agency, file_digests, rows, sha256_digest, sqlite_dsn

LIMITS = FollowGuards(max_adds_per_day=10, max_withdraws_per_day=4, max_disputes_per_day=3)
NODE = "nl.example"


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    """What is special to a database is tested in test_store_tables."""
    return sqlite_dsn(tmp_path)


class Followed:
    """A peer's lists, as a follower counts them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now_ms = NOW_MS
        self.logs: dict[str, LogRecord] = {}

    def known(self, *, synced_ms: int) -> None:
        follow(self.store, NODE, added_ms=1)
        with self.store.write() as unit:
            unit.peers.note_sync(NODE, synced_ms=synced_ms, outcome="")

    def pull(self, name: str, *, adds: int = 0, withdrawals: int = 0, disputes: int = 0) -> list[str]:
        """What of a pull is set aside, each as kind and number."""
        with self.store.write() as unit:
            if name not in self.logs:
                self.logs[name] = unit.logs.create(
                    origin=f"{NODE}/lists/{name}", kind=LogKind.PEER_LIST, node=NODE, name=name
                )
            log = self.logs[name]
            start = log.head.size
            changes = Changes(
                adds=range(start, start + adds),
                withdrawals=range(start + adds, start + adds + withdrawals),
                disputes=range(start + adds + withdrawals, start + adds + withdrawals + disputes),
            )
            records = beyond(unit, log, changes, LIMITS, now_ms=self.now_ms)
        size = start + adds + withdrawals + disputes
        self.logs[name] = replace(log, head=replace(log.head, size=size), checked_ms=self.now_ms)
        return [f"{kind} {last - first + 1}" for kind, first, last, _ in records]


@pytest.fixture
def followed(store: Store) -> Followed:
    return Followed(store)


def test_the_first_pull_is_not_counted(followed: Followed) -> None:
    assert followed.pull("main", adds=1000, disputes=50) == []
    assert followed.pull("main", adds=10, disputes=3) == []


@pytest.mark.parametrize("kind", ["adds", "withdrawals", "disputes"])
def test_many_small_pulls_are_one_flood(followed: Followed, kind: str) -> None:
    followed.pull("main", adds=1)
    most = {"adds": 10, "withdrawals": 4, "disputes": 3}[kind]
    aside = []
    for _ in range(24):
        followed.now_ms += DAY_MS // 24 - 1
        aside += followed.pull("main", **{kind: 1})
    assert aside == [f"{kind.removesuffix('als').removesuffix('s')} 1"] * (24 - most)


def test_the_day_passes(followed: Followed) -> None:
    followed.pull("main", adds=1)
    assert followed.pull("main", disputes=5) == ["dispute 2"]
    followed.now_ms += DAY_MS + 1
    assert followed.pull("main", disputes=3) == []


@pytest.mark.threat("a flood")
def test_many_lists_are_one_flood(followed: Followed) -> None:
    for name in ("one", "two", "three"):
        followed.pull(name, adds=100)
    assert followed.pull("one", adds=6) == []
    assert followed.pull("two", adds=6) == ["add 2"]
    assert followed.pull("three", adds=6) == ["add 6"]


@pytest.mark.parametrize("synced", [True, False], ids=["synced before", "first sync never ended"])
def test_a_list_that_turns_up_later_is_counted(followed: Followed, synced: bool) -> None:
    followed.pull("main", adds=100)
    followed.known(synced_ms=NOW_MS if synced else 0)
    followed.now_ms += 0 if synced else DAY_MS
    assert followed.pull("later", adds=100) == ["add 90"]


def test_a_list_that_was_followed_while_empty_is_counted(followed: Followed) -> None:
    followed.pull("main")
    assert followed.pull("main", adds=100) == ["add 90"]


def test_a_peer_does_not_decide_alone() -> None:
    greedy = FollowGuards.of(
        NodeLimits(
            max_adds_per_day=2**50,
            max_withdraws_per_day=2,
            max_checkpoint_age_s=1,
            max_disputes_per_day=2**50,
        )
    )
    assert greedy.at_most(LIMITS) == FollowGuards(
        max_adds_per_day=10, max_withdraws_per_day=2, max_disputes_per_day=3
    )
    assert greedy.at_most(None) is greedy


def release(agency: Agency, limits: FollowGuards | None = LIMITS) -> Published:
    return publish(agency.store, agency.origin, signer=agency.signer, now_ms=agency.now_ms, limits=limits)


def dispute(agency: Agency, *names: str) -> None:
    queue = Queue(agency.store, agency.log)
    openings = [Opening(bytes(16), sha256_digest(name), Ext(reason=Reason.ERROR)) for name in names]
    queue.put([pack(Change(Op.DISPUTE, 0, BASELINE, 0, opening.to_bytes())) for opening in openings])
    with agency.store.write() as unit:
        queue.commit(unit)


def in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds of at most ten changes."""
    monkeypatch.setattr("node.lists.queue.BATCH", 4)
    monkeypatch.setattr("node.lists.publish._ROUND", 10)


def numbered(count: int, name: str = "f") -> list[str]:
    return [f"{name}{number}" for number in range(count)]


class TestPublishing:
    def test_a_first_publication_is_not_counted(self, agency: Agency) -> None:
        agency.add(rows(*numbered(20)))
        assert release(agency).adds == 40
        agency.add(rows(*numbered(5, "g")))
        assert release(agency).adds == 10

    def test_more_than_announced_is_refused_and_nothing_is_lost(self, agency: Agency) -> None:
        release(agency)
        agency.add(rows(*numbered(3)))
        release(agency)
        before = agency.log
        agency.add(rows(*numbered(3, "g")))
        with pytest.raises(
            BeyondLimitsError, match="6 additions with 6 in the last 24 hours, and 10"
        ) as caught:
            release(agency)
        assert "--beyond-limits" in caught.value.hint
        assert (agency.log.head, agency.log.pending) == (before.head, None)
        assert release(agency, NO_LIMITS).adds == 6

    def test_a_withdrawal_never_waits_behind_a_flood_of_additions(self, agency: Agency) -> None:
        agency.add(rows(*numbered(1)))
        release(agency)
        agency.add(rows(*numbered(20, "g")))
        with pytest.raises(BeyondLimitsError):
            release(agency)
        withdraw(agency.store, agency.origin, file_digests("f0")[0], reason=Reason.ERROR)
        done = release(agency)
        assert (done.adds, done.withdrawals) == (40, 2)

    @pytest.mark.threat("shredded and back")
    def test_all_rounds_of_one_publication_are_judged_at_once(
        self, agency: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The withdrawal lets through what waits with it, though the later rounds hold additions alone."""
        in_rounds(monkeypatch)
        agency.add(rows(*numbered(1)))
        release(agency)
        plan = prepare(agency.store, agency.origin, file_digests("f0")[0])
        shred(agency.store, agency.origin, plan.position, reason=Reason.ERROR)
        agency.add(rows(*numbered(20, "g")))
        done = release(agency)
        assert (done.adds, done.withdrawals) == (40, 2)
        assert done.checkpoints > 2
        assert all(each.erased_ms for each in report_shreddings(agency.store))

    def test_what_comes_in_after_they_were_judged_is_not_published_with_them(
        self, agency: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        in_rounds(monkeypatch)
        release(agency)
        agency.add(rows(*numbered(5)))
        sign, late = agency.signer.sign, [rows(*numbered(5, "late"))]

        def signing(origin: str, *, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
            while late:
                agency.add(late.pop())
            return sign(origin, start=start, leaf_hashes=leaf_hashes)

        monkeypatch.setattr(agency.signer, "sign", signing)
        assert release(agency).adds == 10
        assert agency.log.tail == 20
        with pytest.raises(BeyondLimitsError):
            release(agency)
        assert release(agency, NO_LIMITS).adds == 10

    def test_it_is_counted_by_kind(self, agency: Agency) -> None:
        agency.add(rows(*numbered(20)))
        release(agency)
        agency.add(rows(*numbered(2, "g")))
        dispute(agency, "a", "b", "c")
        for name in numbered(2):
            withdraw(agency.store, agency.origin, file_digests(name)[0], reason=Reason.OTHER)
        assert release(agency).size == 40 + 4 + 3 + 4
        dispute(agency, "d")
        with pytest.raises(BeyondLimitsError, match="1 disputes with 3"):
            release(agency)
        agency.now_ms += DAY_MS + 1
        assert release(agency).changed

    def test_what_was_pending_is_finished(self, agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
        release(agency)
        agency.add(rows(*numbered(3)))

        def fail(*_: object, **__: object) -> bytes:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(agency.signer, "sign", fail)
            with pytest.raises(KeyboardInterrupt):
                release(agency)
        agency.add(rows(*numbered(3, "g")))
        with pytest.raises(BeyondLimitsError):
            release(agency)
        assert (agency.log.head.size, agency.log.pending) == (6, None)

    def test_who_follows_nobody_believes_its_own_clock(self, agency: Agency) -> None:
        agency.add(rows("a"))
        release(agency)
        agency.add(rows("b"))
        agency.now_ms += 400 * DAY_MS
        release(agency)
        assert agency.log.head.size == 4

    def test_a_clock_that_is_far_ahead_dates_no_event(self, agency: Agency, other: Agency) -> None:
        """The list would stand still at every follower until that day, with what it withdraws."""
        agency.add(rows("a"))
        release(agency)
        other.publish(rows("z"))
        agency.pull(other)
        agency.now_ms += 29 * DAY_MS
        withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.OTHER)
        assert release(agency).withdrawals == 2
        agency.add(rows("b"))
        agency.now_ms += 2 * DAY_MS
        with pytest.raises(BeyondLimitsError, match="days after the newest time") as caught:
            release(agency)
        assert "--beyond-limits" in caught.value.hint
        assert agency.log.head.size == 4
        assert release(agency, NO_LIMITS).adds == 2
