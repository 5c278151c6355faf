"""Publication: one history, whatever is cut off and whoever else publishes."""

import gc
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from node.errors import ConflictError, NotFoundError, StoreError, UsageError
from node.lists.publish import Published, _Round, publish
from node.store.lists.records import LogKind
from protocol.lists.event import Event, Op
from protocol.lists.opening import commitment, origin_hash
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint
from protocol.tlog.note import VerifierKey
from support.stores import NOW_MS, Agency, check_whole, rows

pytestmark = pytest.mark.both_databases


class CutOffError(Exception):
    """Stands for the end of the process."""


class Hooked:
    """A signer around the agency's that runs something before or after it signs."""

    def __init__(
        self,
        agency: Agency,
        *,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        self._signer = agency.signer
        self._before = before
        self._after = after

    def sign(self, origin: str, *, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
        self._before()
        note = self._signer.sign(origin, start=start, leaf_hashes=leaf_hashes)
        self._after()
        return note


class Liar:
    """Signs whatever it wants."""

    def __init__(self, note: bytes) -> None:
        self._note = note

    def sign(self, _origin: str, *, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
        return self._note


def cut_off() -> None:
    raise CutOffError


def _hook(when: str) -> dict[str, Callable[[], object]]:
    return {when: cut_off}


def signed_head(agency: Agency) -> Checkpoint:
    note = agency.log.note
    assert note is not None
    key = VerifierKey.of_log(agency.origin, agency.key.public)
    return open_checkpoint(note, origin=agency.origin, log_keys=[key]).checkpoint


def test_publishes_what_waits_under_a_signed_head(agency: Agency) -> None:
    agency.add(rows(*(f"f{n}" for n in range(200))))
    published = agency.publish()
    assert (published.size, published.adds, published.withdrawals, published.changed) == (400, 400, 0, True)
    assert signed_head(agency) == Checkpoint(agency.origin, 400, agency.log.head.root)
    check_whole(agency)


def test_every_event_opens_and_carries_the_time_of_publication(agency: Agency) -> None:
    agency.publish(rows("a", "b"))
    assert [index for index, _, _ in agency.items()] == [0, 1, 2, 3]
    for _, event, opening in agency.items():
        parsed = Event.from_bytes(event)
        assert parsed.header.op == Op.ADD
        assert parsed.header.time_ms == agency.now_ms
        assert opening is not None
        assert commitment(origin_hash(agency.origin), event[:24], opening) == parsed.commitment
        assert parsed.header.algorithm == opening[16]


def test_an_empty_list_has_a_signed_head_too(agency: Agency) -> None:
    assert agency.publish().size == 0
    assert signed_head(agency).size == 0
    assert not agency.publish().changed


def test_nothing_new_signs_nothing(agency: Agency) -> None:
    agency.add(rows("a"))
    first = agency.publish()
    assert agency.publish() == Published(size=2, note=first.note)


@pytest.mark.parametrize("steps", [[1, 1, 126, 1, 300], [128], [256, 1], [130, 3]], ids=str)
def test_any_growth_leaves_a_whole_log_and_no_waste(agency: Agency, steps: list[int]) -> None:
    names = iter(range(10_000))
    for count in steps:
        agency.publish(rows(*(f"f{next(names)}" for _ in range(count))))
        check_whole(agency)
    size = 2 * sum(steps)
    bundles = -(-size // 256)
    stored = list(agency.store.objects.ls(""))
    assert sum("/entries/" in name for name in stored) == bundles
    assert sum("/tile/0/" in name for name in stored) == bundles
    assert sum(name.startswith("openings/") for name in stored) == bundles
    assert not any(name.startswith("pending/") for name in stored)


def test_a_long_queue_is_published_in_rounds_each_let_go_before_the_next(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.lists.queue.BATCH", 50)
    monkeypatch.setattr("node.lists.publish._ROUND", 100)
    agency.add(rows(*(f"f{n}" for n in range(200))))
    alive: list[int] = []
    gc.collect()  # rounds of other tests that went wrong

    def count() -> None:
        alive.append(sum(type(each) is _Round for each in gc.get_objects()))
        if len(alive) == 3:
            cut_off()

    signer = Hooked(agency, before=count)
    with pytest.raises(CutOffError):
        publish(agency.store, agency.origin, signer=signer, now_ms=NOW_MS)
    assert agency.log.head.size == 200
    published = publish(agency.store, agency.origin, signer=signer, now_ms=NOW_MS)
    assert (published.adds, published.checkpoints, published.size) == (200, 2, 400)
    assert alive == [1] * 5
    check_whole(agency)


def test_the_time_of_events_never_goes_back(agency: Agency) -> None:
    agency.publish(rows("a"))
    agency.now_ms -= 60_000
    agency.publish(rows("b"))
    times = [int.from_bytes(event[8:16]) for _, event, _ in agency.items()]
    assert times == sorted(times)


class TestCutOffError:
    def publish_until(self, agency: Agency, signer: Hooked) -> None:
        with pytest.raises(CutOffError):
            publish(agency.store, agency.origin, signer=signer, now_ms=NOW_MS + 5)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_around_the_signature(self, agency: Agency, when: str) -> None:
        agency.add(rows("a", "b"))
        self.publish_until(agency, Hooked(agency, **_hook(when)))
        pending = agency.log.pending
        assert pending is not None
        assert agency.log.head.size == 0
        agency.add(rows("c"))
        published = agency.publish()
        assert (published.size, published.checkpoints) == (6, 2)
        assert agency.items()[0][1][8:16] == (NOW_MS + 5).to_bytes(8), (
            "the pending head was finished as it was"
        )
        check_whole(agency)

    def test_while_objects_are_written(self, agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
        agency.add(rows(*(f"f{n}" for n in range(300))))
        put_all = agency.store.objects.put_all

        def half(items: Iterable[tuple[str, bytes]]) -> None:
            put_all(list(items)[:2])
            raise CutOffError

        monkeypatch.setattr(agency.store.objects, "put_all", half)
        self.publish_until(agency, Hooked(agency))
        monkeypatch.undo()
        assert agency.publish().size == 600
        check_whole(agency)

    def test_while_tidying(self, agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
        agency.add(rows("a"))

        def delete(_name: str) -> None:
            raise CutOffError

        monkeypatch.setattr(agency.store.objects, "delete", delete)
        self.publish_until(agency, Hooked(agency))
        monkeypatch.undo()
        assert agency.log.head.size == 2
        assert not agency.publish().changed
        check_whole(agency)


def overtake(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another publisher commits its head after the next one has read the log and before it claims."""
    read_round = publish.__globals__["_read_round"]

    def overtaken(*args: Any, **kwargs: Any) -> object:
        monkeypatch.undo()
        agency.publish()
        return read_round(*args, **kwargs)

    monkeypatch.setitem(publish.__globals__, "_read_round", overtaken)


class TestRaces:
    def test_the_loser_of_a_race_for_the_pending_head_is_told(
        self, agency: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agency.add(rows("a"))
        overtake(agency, monkeypatch)
        with pytest.raises(ConflictError):
            agency.publish()
        assert agency.log.head.size == 2
        check_whole(agency)

    def test_one_that_finds_the_pending_head_published_meanwhile_calls_nothing_damaged(
        self, agency: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The other finishes the head, and deletes what waited, after this one has read that it is pending."""
        agency.add(rows("a"))

        def cut_off(*_: object, **__: object) -> object:
            raise CutOffError

        with monkeypatch.context() as patch:
            patch.setattr(agency.signer, "sign", cut_off)
            with pytest.raises(CutOffError):
                agency.publish()
        overtake(agency, monkeypatch)
        with pytest.raises(ConflictError, match="another publisher was faster"):
            agency.publish()
        assert agency.log.head.size == 2
        check_whole(agency)

    def test_two_that_finish_one_head_publish_it_once(self, agency: Agency) -> None:
        agency.add(rows("a"))
        with pytest.raises(ConflictError):
            publish(agency.store, agency.origin, signer=Hooked(agency, before=agency.publish), now_ms=NOW_MS)
        assert agency.log.head.size == 2
        assert signed_head(agency).size == 2
        check_whole(agency)

    def test_many_at_once_lose_nothing(self, agency: Agency) -> None:
        for n in range(5):
            agency.add(rows(*(f"f{n}-{m}" for m in range(50))))
        outcomes: list[object] = []
        start = threading.Barrier(4)

        def run() -> None:
            start.wait()
            try:
                outcomes.append(publish(agency.store, agency.origin, signer=agency.signer, now_ms=NOW_MS))
            except ConflictError as exc:
                outcomes.append(exc)

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 4, "a publisher may lose the race, and nothing else"
        agency.publish()
        assert agency.log.head.size == 500
        assert any(isinstance(outcome, Published) and outcome.size == 500 for outcome in outcomes)
        assert signed_head(agency).root == agency.log.head.root
        check_whole(agency)

    def test_a_slow_one_does_not_cut_short_what_a_newer_head_has(
        self, agency: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It stops before it writes; meanwhile its head is published by another, and a newer one too."""
        agency.add(rows("a"))
        put_all = agency.store.objects.put_all

        def overtaken(items: Iterable[tuple[str, bytes]]) -> None:
            late = list(items)
            monkeypatch.undo()
            agency.publish()
            agency.publish(rows("b"))
            put_all(late)

        monkeypatch.setattr(agency.store.objects, "put_all", overtaken)
        with pytest.raises(ConflictError):
            agency.publish()
        assert [opening for _, _, opening in agency.items() if not opening] == []
        assert agency.log.head.size == 4
        check_whole(agency)

    def test_what_is_imported_meanwhile_is_published_next(self, agency: Agency) -> None:
        """Not with the rest, about which alone the limits of a day were asked."""
        agency.add(rows("a"))
        publish(
            agency.store,
            agency.origin,
            signer=Hooked(agency, before=lambda: agency.add(rows("b")) if agency.log.tail == 2 else None),
            now_ms=NOW_MS,
        )
        assert (agency.log.head.size, agency.log.tail) == (2, 4)
        agency.publish()
        assert agency.log.head.size == 4
        check_whole(agency)


class TestDamage:
    def test_a_changed_queue_stops_at_the_fixed_head(self, agency: Agency) -> None:
        agency.add(rows("a"))
        with pytest.raises(CutOffError):
            publish(agency.store, agency.origin, signer=Hooked(agency, before=cut_off), now_ms=NOW_MS)
        (name,) = agency.store.objects.ls("pending/")
        queue = agency.store.vault.unseal(name, agency.store.objects.get(name))
        agency.store.objects.put(name, agency.store.vault.seal(name, queue[:-1] + bytes([queue[-1] ^ 1])))
        with pytest.raises(StoreError, match="not what its pending head was made from"):
            agency.publish()
        assert agency.log.pending is not None

    @pytest.mark.parametrize(
        "note",
        [b"nonsense", b"fr.example/lists/csam\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n"],
        ids=["not a note", "another head"],
    )
    def test_a_signer_that_signs_something_else_is_not_believed(self, agency: Agency, note: bytes) -> None:
        agency.add(rows("a"))
        with pytest.raises(StoreError):
            publish(agency.store, agency.origin, signer=Liar(note), now_ms=NOW_MS)
        assert agency.log.head.size == 0
        assert agency.publish().size == 2


def test_refuses_lists_that_are_not_its_own(agency: Agency) -> None:
    with pytest.raises(NotFoundError):
        publish(agency.store, "fr.example/lists/none", signer=agency.signer, now_ms=1)
    with agency.store.write() as unit:
        unit.logs.create(origin="nl.example/lists/x", kind=LogKind.PEER_LIST, node="nl.example", name="x")
    with pytest.raises(UsageError):
        publish(agency.store, "nl.example/lists/x", signer=agency.signer, now_ms=1)
