"""Following: a pull stops at any point and goes on, and what is held is always whole."""

import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from node.clock import DAY_MS
from node.errors import ConflictError, NotFoundError, StoreError
from node.lists.changes import Change, pack
from node.lists.corrections.withdraw import withdraw
from node.lists.queue import Queue
from node.peers.sync import slices
from node.peers.sync.follow import Committed, Delivery, Follower, HeldLog
from node.store.lists.logs import LogRows
from node.store.lists.records import Quarantined
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE, SHRED, Op
from protocol.lists.ext import Ext, Reason
from protocol.lists.opening import Opening
from protocol.lists.sequence import LogShape
from protocol.tlog.merkle import EMPTY_ROOT
from support.stores import GUARDS, Agency, check_whole, file_digests, row, rows, sha256_digest


class CutOffError(Exception):
    """Stands for the end of the process."""


def fill(agency: Agency, count: int, prefix: str = "f") -> None:
    agency.publish(rows(*(f"{prefix}{n}" for n in range(count))))


def held(agency: Agency, other: Agency) -> HeldLog:
    return agency.follower.held(other.origin, now_ms=agency.now_ms)


def restarted(agency: Agency) -> None:
    """A new process: what was in memory is gone."""
    agency.follower = Follower(agency.store, GUARDS)


def set_aside(agency: Agency, other: Agency) -> list[Quarantined]:
    with agency.store.read() as unit:
        return list(unit.quarantine.ls(agency.log_of(other.origin).id))


def test_starts_from_nothing(agency: Agency, other: Agency) -> None:
    first = agency.follower.follow(other.origin, node=other.node)
    assert agency.follower.follow(other.origin, node=other.node) == first
    start = held(agency, other)
    assert (start.size, start.root, start.note, start.tail) == (0, EMPTY_ROOT, None, ())
    assert agency.follower.shape(other.origin).size == 0


def test_does_not_hold_what_it_does_not_follow(agency: Agency, other: Agency) -> None:
    with pytest.raises(NotFoundError):
        held(agency, other)


@pytest.mark.parametrize("steps", [[1, 1, 126, 1, 300], [128], [150, 3], [500]], ids=str)
def test_holds_what_the_peer_published(agency: Agency, other: Agency, steps: list[int]) -> None:
    for number, count in enumerate(steps):
        fill(other, count, f"s{number}-")
        agency.pull(other)
        now = held(agency, other)
        assert (now.size, now.root, now.note) == (other.log.head.size, other.log.head.root, other.log.note)
        assert list(now.tail) == [event for _, event, _ in other.items()][now.size - now.size % 256 :]
        assert agency.items(other.origin) == other.items()
        assert agency.follower.shape(other.origin).size == now.size
        check_whole(agency, other.origin)
    stored = list(agency.store.objects.ls(""))
    assert sum("/entries/" in name for name in stored) == -(-2 * sum(steps) // 256)
    assert not any(name.startswith("staging/") for name in stored)


def test_indexes_what_it_holds(agency: Agency, other: Agency) -> None:
    fill(other, 3)
    withdraw(other.store, other.origin, file_digests("f1")[0], reason=Reason.ERROR)
    other.publish()
    committed = agency.pull(other)
    assert committed == Committed(old_size=0, new_size=8, adds=6, withdrawals=2, quarantined=0)
    with agency.store.read() as unit:
        keys = [agency.store.vault.key_of(digest) for digest in file_digests("f1")]
        assert [
            (hit.position, hit.ended) for hit in sorted(unit.entries.find(keys), key=lambda h: h.position)
        ] == [(2, 6), (3, 7)]
        assert unit.entries.count(agency.log_of(other.origin).id) == {1: 4}


def test_a_later_withdrawal_ends_an_older_entry(agency: Agency, other: Agency) -> None:
    fill(other, 3)
    agency.pull(other)
    withdraw(other.store, other.origin, file_digests("f1")[0], reason=Reason.OTHER)
    other.publish()
    agency.pull(other)
    with agency.store.read() as unit:
        (hit,) = unit.entries.find([agency.store.vault.key_of(file_digests("f1")[1])])
    assert hit.ended is not None


def test_the_kept_shape_is_that_of_the_bundles(agency: Agency, other: Agency) -> None:
    fill(other, 200)
    agency.follower.follow(other.origin, node=other.node)
    shape = LogShape()
    shape.admit_bundle(0, [event for _, event, _ in other.items()], other.now_ms)
    agency.follower.commit(other.origin, replace(agency.stage(other), shape=shape), now_ms=agency.now_ms)
    kept = agency.follower.shape(other.origin).to_bytes()
    (name,) = agency.store.objects.ls("shapes/")
    agency.store.objects.put(name, b"damaged")
    assert agency.follower.shape(other.origin).to_bytes() == kept == shape.to_bytes()
    fill(other, 1, "late")
    agency.pull(other)
    assert agency.follower.shape(other.origin).size == 402


class TestInterrupted:
    @pytest.fixture(autouse=True)
    def small_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("node.peers.sync.stage._PART", 4)

    @pytest.mark.parametrize("bundles", [0, 1, 3, 4, 5, 9])
    def test_goes_on_with_what_is_staged(self, agency: Agency, other: Agency, bundles: int) -> None:
        fill(other, 9 * 128)
        agency.follower.follow(other.origin, node=other.node)
        agency.stage(other, bundles=bundles)
        agency.follower.flush(other.origin)
        restarted(agency)
        again = [agency.follower.staged(other.origin, index=n, width=256) for n in range(9)]
        assert [bundle is not None for bundle in again] == [n < bundles for n in range(9)]
        assert all(
            bundle.entries == other.files().entries(n, 256, size=other.log.head.size)
            for n, bundle in enumerate(again)
            if bundle is not None
        )
        assert held(agency, other).size == 0
        agency.pull(other)
        assert agency.items(other.origin) == other.items()

    def test_loses_no_more_than_a_part_without_a_flush(self, agency: Agency, other: Agency) -> None:
        fill(other, 9 * 128)
        agency.follower.follow(other.origin, node=other.node)
        agency.stage(other)
        restarted(agency)
        assert agency.follower.staged(other.origin, index=7, width=256) is not None
        assert agency.follower.staged(other.origin, index=8, width=256) is None
        agency.pull(other)
        check_whole(agency, other.origin)

    def test_a_bundle_that_has_grown_is_not_what_was_staged(self, agency: Agency, other: Agency) -> None:
        fill(other, 10)
        agency.follower.follow(other.origin, node=other.node)
        agency.stage(other)
        agency.follower.flush(other.origin)
        fill(other, 10, "more")
        assert agency.follower.staged(other.origin, index=0, width=20) is not None
        assert agency.follower.staged(other.origin, index=0, width=40) is None
        agency.pull(other)
        assert agency.items(other.origin) == other.items()

    def test_staged_openings_are_sealed(self, agency: Agency, other: Agency) -> None:
        fill(other, 10)
        agency.follower.follow(other.origin, node=other.node)
        agency.stage(other)
        agency.follower.flush(other.origin)
        (name,) = agency.store.objects.ls("staging/")
        assert file_digests("f1")[0].value not in agency.store.objects.get(name)

    def test_what_a_killed_commit_left_is_gone_with_the_next_pull(
        self, agency: Agency, other: Agency
    ) -> None:
        """Also one that brings nothing: it was all taken over."""
        fill(other, 300)
        agency.follower.follow(other.origin, node=other.node)
        agency.stage(other)
        agency.follower.flush(other.origin)
        left = {name: agency.store.objects.get(name) for name in agency.store.objects.ls("staging/")}
        agency.pull(other)
        for name, data in left.items():
            agency.store.objects.put(name, data)
        restarted(agency)
        held(agency, other)
        assert left
        assert not list(agency.store.objects.ls("staging/"))

    def test_what_was_discarded_is_gone(self, agency: Agency, other: Agency) -> None:
        fill(other, 200)
        agency.follower.follow(other.origin, node=other.node)
        agency.stage(other)
        agency.follower.flush(other.origin)
        agency.follower.discard(other.origin)
        assert agency.follower.staged(other.origin, index=0, width=256) is None
        assert list(agency.store.objects.ls("staging/")) == []


class TestCutOff:
    """After the claim a commit is finished by whoever looks next."""

    def cut_off(
        self, agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch, target: object, name: str
    ) -> None:
        agency.follower.follow(other.origin, node=other.node)
        delivery = agency.stage(other)
        agency.follower.flush(other.origin)

        def dies(*_: object, **__: object) -> None:
            raise CutOffError

        monkeypatch.setattr(target, name, dies)
        with pytest.raises(CutOffError):
            agency.follower.commit(other.origin, delivery, now_ms=agency.now_ms)
        monkeypatch.undo()
        restarted(agency)

    def test_before_the_objects(self, agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(other, 300)
        self.cut_off(agency, other, monkeypatch, agency.store.objects, "put_all")
        assert agency.log_of(other.origin).head.size == 0
        assert held(agency, other).size == 600
        assert agency.items(other.origin) == other.items()
        check_whole(agency, other.origin)

    def test_between_the_objects_and_the_head(
        self, agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(other, 300)
        self.cut_off(agency, other, monkeypatch, LogRows, "settle")
        assert held(agency, other).size == 600
        check_whole(agency, other.origin)
        with agency.store.read() as unit:
            assert unit.entries.count(agency.log_of(other.origin).id) == {1: 600}

    def test_while_tidying(self, agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(other, 300)
        self.cut_off(agency, other, monkeypatch, agency.store.objects, "delete")
        assert held(agency, other).size == 600
        fill(other, 10, "late")
        agency.pull(other)
        assert agency.items(other.origin) == other.items()

    def test_with_the_staged_bundles_lost_it_is_fetched_again(
        self, agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(other, 300)
        self.cut_off(agency, other, monkeypatch, agency.store.objects, "put_all")
        for name in list(agency.store.objects.ls("staging/")):
            agency.store.objects.delete(name)
        assert held(agency, other).size == 0
        agency.pull(other)
        assert agency.items(other.origin) == other.items()


def _drop_last(delivery: Delivery) -> Delivery:
    return replace(delivery, size=delivery.size - 1)


def _other_root(delivery: Delivery) -> Delivery:
    return replace(delivery, root=bytes(32))


def _other_frontier(delivery: Delivery) -> Delivery:
    *others, last = delivery.frontier
    return replace(delivery, frontier=bytes([*others, last ^ 1]))


@pytest.mark.parametrize("alter", [_drop_last, _other_root, _other_frontier])
def test_what_does_not_hash_to_the_head_is_not_held(
    agency: Agency, other: Agency, alter: Callable[[Delivery], Delivery]
) -> None:
    fill(other, 10)
    agency.follower.follow(other.origin, node=other.node)
    with pytest.raises(StoreError, match="not those that were verified"):
        agency.follower.commit(other.origin, alter(agency.stage(other)), now_ms=agency.now_ms)
    assert held(agency, other).size == 0
    agency.pull(other)
    check_whole(agency, other.origin)


def altered_delivery(agency: Agency, other: Agency) -> Delivery:
    """Of what is staged, the last bundle is another one than was verified."""
    agency.follower.follow(other.origin, node=other.node)
    delivery = agency.stage(other)
    agency.follower.flush(other.origin)
    name = max(agency.store.objects.ls("staging/"))
    data = bytearray(agency.store.vault.unseal(name, agency.store.objects.get(name)))
    data[18 + 2 + 40] ^= 1
    agency.store.objects.put(name, agency.store.vault.seal(name, bytes(data)))
    restarted(agency)
    return delivery


def test_bundles_that_change_between_two_looks_are_not_held(agency: Agency, other: Agency) -> None:
    """Another pull of an equivocating peer writes its own bundles to the same place."""
    fill(other, 10)
    delivery = altered_delivery(agency, other)
    with pytest.raises(StoreError, match="not those that were verified"):
        agency.follower.commit(other.origin, delivery, now_ms=agency.now_ms)
    assert list(agency.store.objects.ls("staging/")) == []
    assert held(agency, other).size == 0
    agency.pull(other)
    check_whole(agency, other.origin)


def test_what_is_altered_in_the_last_slice_leaves_nothing_behind(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.peers.sync.slices.EVENTS", 256)
    monkeypatch.setattr("node.peers.sync.stage._PART", 1)
    # The guards have something to say, too.
    other.add([row("nothing", digests=[Digest(Algorithm.MD5, bytes(16))])])
    fill(other, 150)
    delivery = altered_delivery(agency, other)
    before = agency.log_of(other.origin)
    with pytest.raises(StoreError, match="not those that were verified"):
        agency.follower.commit(other.origin, delivery, now_ms=agency.now_ms)
    assert agency.log_of(other.origin) == before
    assert not list(agency.store.objects.ls("staging/"))
    assert not set_aside(agency, other)
    with agency.store.read() as unit:
        assert unit.entries.counts() == {}
    agency.pull(other)
    assert agency.items(other.origin) == other.items()
    assert len(set_aside(agency, other)) == 1
    check_whole(agency, other.origin)


def test_a_slice_that_was_made_of_something_else_is_made_again(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull without openings left it; the next one, of the same head, brings them."""
    monkeypatch.setattr("node.peers.sync.slices.EVENTS", 256)
    fill(other, 300)
    agency.follower.follow(other.origin, node=other.node)
    delivery = agency.stage(other)
    whole = [agency.follower.staged(other.origin, index=n, width=w) for n, w in ((0, 256), (1, 256), (2, 88))]
    agency.follower.discard(other.origin)
    for bundle in whole:
        assert bundle is not None
        agency.follower.stage(other.origin, replace(bundle, openings=None))
    kept = dict[str, bytes]()

    def dies(*_: object, **__: object) -> None:
        kept.update((name, agency.store.objects.get(name)) for name in agency.store.objects.ls("staging/"))
        raise CutOffError

    with monkeypatch.context() as patched:
        patched.setattr(LogRows, "settle", dies)
        with pytest.raises(CutOffError):
            agency.follower.commit(other.origin, delivery, now_ms=agency.now_ms)
    with agency.store.write() as unit:
        unit.logs.abandon(agency.log_of(other.origin))
    agency.follower.discard(other.origin)
    for name in kept:
        if "/slices/" in name:
            agency.store.objects.put(name, kept[name])
    restarted(agency)
    agency.pull(other)
    assert agency.items(other.origin) == other.items()
    with agency.store.read() as unit:
        assert unit.entries.count(agency.log_of(other.origin).id) == {1: 600}


def test_a_slice_that_another_version_kept_is_made_again(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.peers.sync.slices.EVENTS", 256)
    fill(other, 300)
    agency.follower.follow(other.origin, node=other.node)
    delivery = agency.stage(other)

    def dies(*_: object, **__: object) -> None:
        raise CutOffError

    with monkeypatch.context() as patched:
        patched.setattr("node.peers.sync.slices._FORM", 0)
        patched.setattr("node.peers.sync.slices._ARRAYS", slices._ARRAYS[::-1])
        patched.setattr(LogRows, "settle", dies)
        with pytest.raises(CutOffError):
            agency.follower.commit(other.origin, delivery, now_ms=agency.now_ms)
    restarted(agency)
    assert held(agency, other).size == 600
    assert agency.items(other.origin) == other.items()
    check_whole(agency, other.origin)
    with agency.store.read() as unit:
        assert unit.entries.count(agency.log_of(other.origin).id) == {1: 600}


@pytest.mark.threat("a flood")
def test_memory_does_not_grow_with_the_list(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices and parts of the staging are small here, so that short lists have many."""
    monkeypatch.setattr("node.peers.sync.slices.EVENTS", 4 * 256)
    monkeypatch.setattr("node.peers.sync.slices._ROWS", 2 * 256)
    monkeypatch.setattr("node.peers.sync.slices._ARRIVALS", 2 * 256)
    monkeypatch.setattr("node.peers.sync.stage._PART", 2)
    peaks = []
    for number, count in enumerate([4_000, 16_000]):
        fill(other, count // 2, f"s{number}-")
        agency.follower.follow(other.origin, node=other.node)
        delivery = agency.stage(other)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            agency.follower.commit(other.origin, delivery, now_ms=agency.now_ms)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
        finally:
            tracemalloc.stop()
    small, large = peaks
    assert large <= 1.3 * small, f"{small:,} and {large:,} octets"


def test_of_two_pulls_one_is_told(agency: Agency, other: Agency) -> None:
    fill(other, 10)
    agency.follower.follow(other.origin, node=other.node)
    slow = Follower(agency.store, GUARDS)
    delivery = agency.stage(other)
    agency.pull(other)
    with pytest.raises(ConflictError):
        slow.commit(other.origin, delivery, now_ms=agency.now_ms)
    assert held(agency, other).size == 20


@pytest.mark.parametrize("step", ["_last_time", "_write"], ids=["before its claim", "after its claim"])
def test_a_pull_that_loses_in_the_middle_is_told_so(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The faster one used up what both had staged; nothing was altered."""
    fill(other, 10)
    agency.follower.follow(other.origin, node=other.node)
    slow = Follower(agency.store, GUARDS)
    delivery = agency.stage(other)
    agency.follower.flush(other.origin)
    usual = getattr(slow, step)

    def overtaken(*given: Any) -> object:
        if step == "_last_time":
            agency.pull(other)
        else:
            held(agency, other)  # finishes what the slow one claimed
        return usual(*given)

    monkeypatch.setattr(slow, step, overtaken)
    with pytest.raises(ConflictError):
        slow.commit(other.origin, delivery, now_ms=agency.now_ms)
    assert held(agency, other).size == 20
    check_whole(agency, other.origin)


@pytest.mark.threat("shredded and back")
@pytest.mark.parametrize(
    ("before", "slice_"), [(0, 256), (10, 2**16)], ids=["a later slice", "an older bundle"]
)
def test_a_pull_that_loses_in_the_middle_brings_nothing_back(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch, before: int, slice_: int
) -> None:
    """The faster one deletes what is shredded while the slow one holds it in memory, and what it reads next."""
    monkeypatch.setattr("node.peers.sync.slices.EVENTS", slice_)
    monkeypatch.setattr("node.peers.sync.stage._PART", 1)
    if before:
        fill(other, before, "old")
        agency.pull(other)
    agency.follower.follow(other.origin, node=other.node)
    fill(other, 300)
    queue = Queue(other.store, other.log)
    reason = Opening(bytes(16), None, Ext(reason=Reason.ERROR)).to_bytes()
    queue.put([pack(Change(Op.WITHDRAW, SHRED, BASELINE, 5, reason))])
    with other.store.write() as unit:
        queue.commit(unit)
    other.publish()
    slow = Follower(agency.store, GUARDS)
    delivery = agency.stage(other)
    agency.follower.flush(other.origin)
    put_all = agency.store.objects.put_all

    def overtaken(items: Iterable[tuple[str, bytes]]) -> None:
        late = list(items)
        monkeypatch.setattr(agency.store.objects, "put_all", put_all)
        held(agency, other)  # finishes what the slow one claimed
        put_all(late)

    monkeypatch.setattr(agency.store.objects, "put_all", overtaken)
    with pytest.raises(ConflictError, match="faster"):
        slow.commit(other.origin, delivery, now_ms=agency.now_ms)
    assert [index for index, _, opening in agency.items(other.origin) if opening is None] == [5]
    check_whole(agency, other.origin)


def test_an_unchanged_head_is_confirmed(agency: Agency, other: Agency) -> None:
    fill(other, 1)
    agency.pull(other)
    agency.follower.confirm(other.origin, now_ms=agency.now_ms + 77)
    assert held(agency, other).checked_ms == agency.now_ms + 77


def test_a_withheld_opening_is_held_as_none(agency: Agency, other: Agency) -> None:
    fill(other, 2)
    agency.follower.follow(other.origin, node=other.node)
    delivery = agency.stage(other)
    staged = agency.follower.staged(other.origin, index=0, width=4)
    assert staged is not None
    agency.follower.discard(other.origin)
    agency.follower.stage(other.origin, replace(staged, openings=None))
    agency.follower.commit(other.origin, delivery, now_ms=agency.now_ms)
    assert [opening for _, _, opening in agency.items(other.origin)] == [None] * 4
    withdraw(other.store, other.origin, file_digests("f1")[0], reason=Reason.ERROR)
    other.publish()
    assert agency.pull(other) == Committed(old_size=4, new_size=6, adds=0, withdrawals=2, quarantined=0)


@pytest.mark.parametrize("pulled_before", [True, False], ids=["held", "new"])
def test_a_shredded_opening_is_deleted_wherever_it_lies(
    agency: Agency, other: Agency, pulled_before: bool
) -> None:
    fill(other, 200)
    if pulled_before:
        agency.pull(other)
    queue = Queue(other.store, other.log)
    reason = Opening(bytes(16), None, Ext(reason=Reason.ERROR)).to_bytes()
    queue.put([pack(Change(Op.WITHDRAW, SHRED, BASELINE, ref, reason)) for ref in (4, 399)])
    with other.store.write() as unit:
        queue.commit(unit)
    other.publish()
    agency.pull(other)
    assert [index for index, _, opening in agency.items(other.origin) if opening is None] == [4, 399]
    with agency.store.read() as unit:
        keys = [agency.store.vault.key_of(file_digests(name)[n]) for name, n in (("f2", 0), ("f199", 1))]
        assert unit.entries.find(keys) == []
    check_whole(agency, other.origin)


class TestGuards:
    @pytest.fixture
    def agency(self, agency: Agency, other: Agency) -> Agency:
        """Follows the other list since its first entry."""
        fill(other, 1, "first")
        agency.pull(other)
        return agency

    def test_a_first_pull_is_not_counted(self, agency: Agency, other: Agency) -> None:
        assert set_aside(agency, other) == []
        fill(other, 400)
        agency.pull(other)
        assert set_aside(agency, other) == []

    def test_more_additions_than_agreed_are_set_aside(self, agency: Agency, other: Agency) -> None:
        fill(other, 300)
        agency.pull(other)
        fill(other, 300, "more")
        agency.pull(other)
        (record,) = set_aside(agency, other)
        assert (record.kind, record.first, record.last) == ("add", 1002, 1201)

    def test_the_count_is_by_the_day(self, agency: Agency, other: Agency) -> None:
        fill(other, 300)
        agency.pull(other)
        agency.now_ms += DAY_MS + 1
        fill(other, 300, "more")
        agency.pull(other)
        assert set_aside(agency, other) == []

    def test_more_withdrawals_than_agreed_are_set_aside(self, agency: Agency, other: Agency) -> None:
        fill(other, 10)
        for n in range(6):
            withdraw(other.store, other.origin, file_digests(f"f{n}")[0], reason=Reason.OTHER)
        other.publish()
        agency.pull(other)
        (record,) = set_aside(agency, other)
        assert (record.kind, record.first, record.last) == ("withdraw", 32, 33)

    def test_digests_that_say_nothing_are_set_aside(self, agency: Agency, other: Agency) -> None:
        bad = [Digest(Algorithm.SHA256, bytes((n,)) * 32) for n in (0, 1, 2)]
        digests = [bad[0], bad[1], sha256_digest("good"), bad[2]]
        other.publish(row(str(n), line=n, digests=[digest]) for n, digest in enumerate(digests))
        agency.pull(other)
        assert [(r.kind, r.first, r.last, r.reason) for r in set_aside(agency, other)] == [
            ("add", 2, 3, "every byte is the same"),
            ("add", 5, 5, "every byte is the same"),
        ]

    def test_a_flood_of_them_ends_in_one_record(
        self, agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("node.peers.sync.intake._MOST_RECORDS", 2)
        bad = [Digest(Algorithm.SHA256, bytes((n,)) * 32) for n in range(20)]
        good = [sha256_digest(str(n)) for n in range(20)]
        pairs: Iterable[tuple[Digest, Digest]] = zip(bad, good, strict=True)
        other.add(row(str(n), line=n, digests=[d]) for n, d in enumerate(d for pair in pairs for d in pair))
        other.publish()
        agency.pull(other)
        assert [(r.first, r.last) for r in set_aside(agency, other)] == [(2, 2), (4, 4), (6, 41)]

    def test_a_flood_in_small_pulls_makes_one_record_a_pull(
        self, agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody looks at a thousand of them; each pull must not add a thousand more."""
        monkeypatch.setattr("node.peers.sync.intake._MOST_RECORDS", 2)
        for pull in range(3):
            bad = [Digest(Algorithm.SHA256, bytes((4 * pull + n,)) * 32) for n in range(4)]
            good = [sha256_digest(f"{pull} {n}") for n in range(4)]
            digests = [d for pair in zip(bad, good, strict=True) for d in pair]
            other.publish(row(f"{pull} {n}", line=n, digests=[d]) for n, d in enumerate(digests))
            agency.pull(other)
        found = [(r.first, r.last) for r in set_aside(agency, other)]
        assert found == [(2, 2), (4, 4), (6, 9), (10, 17), (18, 25)]
