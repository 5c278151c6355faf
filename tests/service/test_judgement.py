"""The kept queue: one thread judges it, others wait or take the last one, and only what moved is judged again."""

import resource
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO
from unittest.mock import patch

import pytest

from node.app import judgement
from node.app.judgement import Judge
from node.errors import MissingObjectError, StoreError
from node.judgement import conditions, effective, ranges
from node.judgement.part import part_of
from node.judgement.premises import Premises
from node.judgement.queue import Wanted
from node.judgement.queue_rows import Queue
from node.lists.corrections.withdraw import withdraw
from node.objects.folder import FolderObjects
from node.store import spool
from node.store.lists.records import Quarantined
from protocol.digest import Digest
from protocol.lists.ext import Reason
from support.lists import member, register
from support.stores import Agency, file_digests, rows
from support.times import SettableClock

MEMBERS = register(member("fr.example", "FR"), member("nl.example", "NL"))
FILES = [f"file {number}" for number in range(7)]


@pytest.fixture
def agency(agency: Agency, other: Agency) -> Agency:
    """Lists one of the files that it follows the other for."""
    other.publish(rows(*FILES))
    agency.publish(rows("file 0"))
    agency.pull(other)
    return agency


@pytest.fixture
def judge(agency: Agency) -> Judge:
    clock = SettableClock(datetime.fromtimestamp(agency.now_ms / 1000, UTC))
    return Judge(
        agency.store, node=agency.node, members=lambda: MEMBERS, clock=clock, max_age=timedelta(days=1)
    )


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many digests are judged by themselves each time; -1 for everything."""
    asked: list[int] = []
    whole, part = effective.judge_all, effective.judge_some

    def of_all(*given, **named):  # type: ignore[no-untyped-def]
        asked.append(-1)
        return whole(*given, **named)

    def of_some(store, members, digests, **named):  # type: ignore[no-untyped-def]
        asked.append(len(digests))
        return part(store, members, digests, **named)

    with patch.object(judgement, "judge_all", of_all), patch.object(judgement, "judge_some", of_some):
        yield asked


def test_what_did_not_move_is_judged_once(judge: Judge) -> None:
    assert judge.now() is judge.now()
    assert judge.latest() is judge.now()


def test_only_what_is_new_is_judged(judge: Judge, agency: Agency) -> None:
    before = judge.now()
    agency.publish(rows("file 1"))
    with counted() as asked:
        after = judge.now()
    assert asked == [2]
    assert (len(before.waiting), len(after.waiting)) == (6, 5)


def test_what_is_set_aside_later_waits_no_more(judge: Judge, agency: Agency, other: Agency) -> None:
    before = judge.now()
    with agency.store.write() as unit:
        log = unit.logs.get(other.origin)
        aside = Quarantined(log_id=log.id, kind="add", first=2, last=5, reason="listed", created_ms=0)
        unit.quarantine.add([aside])
    with counted() as asked:
        after = judge.now()
    assert asked == [4]
    assert (len(before.waiting), len(after.waiting)) == (6, 4)


def test_more_than_is_judged_by_itself_is_judged_by_ranges(
    judge: Judge, agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge.now()
    agency.publish(rows("file 1"))
    monkeypatch.setattr(conditions, "_FEW", 1)
    with counted() as asked:
        assert len(judge.now().waiting) == 5
    assert asked == [-1]


def test_another_register_judges_everything(agency: Agency, judge: Judge) -> None:
    assert len(judge.now().waiting) == 6
    judge._members = lambda: register(member("fr.example", "FR"), member("nl.example", "FR"))
    with counted() as asked:
        assert len(judge.now().waiting) == 0, "an agency of the same country said it"
    assert asked == [-1]


def test_a_list_that_is_not_fresh_is_judged_with_everything(judge: Judge, agency: Agency) -> None:
    """What waits on its word alone still waits; its word counts for none."""
    assert set(judge.now().waiting.rows.missing.tolist()) == {1}
    judge._clock.advance(timedelta(days=2))  # type: ignore[attr-defined]
    with counted() as asked:
        assert set(judge.now().waiting.rows.missing.tolist()) == {2}
        agency.publish(rows("file 1"))
        assert len(judge.now().waiting) == 5
    assert asked == [-1, 2]


def test_what_moves_while_what_moved_is_judged_is_not_passed_over(
    judge: Judge, agency: Agency, other: Agency
) -> None:
    judge.now()
    agency.publish(rows("file 1"))
    part = effective.judge_some

    def slow(*given, **named):  # type: ignore[no-untyped-def]
        withdraw(other.store, other.origin, file_digests("file 2")[0], reason=Reason.OTHER)
        other.publish()
        agency.pull(other)
        return part(*given, **named)

    with patch.object(judgement, "judge_some", slow):
        assert len(judge.now().waiting) == 4


def test_threads_that_ask_at_once_share_one_judgement(judge: Judge) -> None:
    with counted() as asked, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: judge.now(), range(8)))
    assert len({id(each) for each in found}) == 1
    assert asked == [-1]


def test_the_latest_is_at_hand_while_the_next_is_made(judge: Judge, agency: Agency) -> None:
    before, go_on = judge.now(), Event()
    agency.publish(rows("file 1"))
    part = effective.judge_some

    def slowly(*args, **named):  # type: ignore[no-untyped-def]
        assert go_on.wait(60)
        return part(*args, **named)

    with patch.object(judgement, "judge_some", slowly), patch.object(judgement, "SOON_SECONDS", -1):
        assert judge.latest() is before
        assert judge.latest() is before
        go_on.set()
        after = judge.now()
    assert after is not before
    assert judge.latest() is after


def test_nobody_waits_for_the_first_or_for_long_lists_that_came(judge: Judge, agency: Agency) -> None:
    go_on, whole = Event(), effective.judge_all

    def slowly(*args, **named):  # type: ignore[no-untyped-def]
        assert go_on.wait(60)
        return whole(*args, **named)

    with patch.object(judgement, "judge_all", slowly), patch.object(judgement, "PATIENCE_SECONDS", 0.01):
        assert judge.latest() is None
        assert judge.latest() is None
        go_on.set()
        first = judge.now()
        go_on.clear()
        agency.publish(rows("file 1"))
        with patch.object(judgement, "reach", return_value=None):  # more moved than is judged by itself
            assert judge.latest() is first
            go_on.set()
            judge.end()
    assert judge.latest() is judge.now() is not first


def test_what_hinders_the_first_is_said(judge: Judge) -> None:
    def failing(*_args, **_named):  # type: ignore[no-untyped-def]
        raise StoreError("the disk is full")

    with patch.object(judgement, "judge_all", failing), pytest.raises(StoreError):
        judge.latest()


def waiting(judge: Judge) -> Queue:
    latest = judge.latest()
    assert latest is not None
    return latest.waiting


def test_what_is_judged_soon_is_shown_at_once(judge: Judge, agency: Agency) -> None:
    """However long it took to judge everything."""
    judge._held = replace(judge.now(), seconds=1000)
    agency.publish(rows("file 1"))
    with patch.object(judgement, "SOON_SECONDS", 60):
        assert len(waiting(judge)) == 5


def test_while_judging_takes_no_time_the_latest_is_that_of_now(judge: Judge, agency: Agency) -> None:
    with patch.object(judgement, "PATIENCE_SECONDS", 60):
        before = len(waiting(judge))
        judge._held = replace(judge.now(), seconds=0)
        agency.publish(rows("file 1"))
        assert (before, len(waiting(judge))) == (6, 5)


def test_a_bundle_that_gave_way_meanwhile_is_read_again(judge: Judge) -> None:
    read, failed = FolderObjects.get, list[str]()

    def outgrown(self, name):  # type: ignore[no-untyped-def]
        if not failed and name.startswith("openings/"):
            failed.append(name)
            raise MissingObjectError("it gave way")
        return read(self, name)

    with patch.object(FolderObjects, "get", outgrown):
        assert len(judge.now().waiting) == 6
    assert failed


def test_a_queue_is_narrowed(judge: Judge) -> None:
    found = judge.now()
    for wanted, count in (
        (Wanted(), 6),
        (Wanted(country="NL"), 6),
        (Wanted(country="DE"), 0),
        (Wanted(peer="de.example"), 0),
        (Wanted(collection=9), 0),
    ):
        narrowed = found.waiting.narrow(partial(wanted.covers, members=found.members))
        assert (len(narrowed), sum(narrowed.groups.values()), len(narrowed.places())) == (count,) * 3


def test_a_page_of_a_queue_reads_its_files_alone(
    judge: Judge, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = judge.now().waiting
    with counted() as asked:
        held, files = judge.files(queue.places(2, 4))
    assert asked == [4]
    assert [(file.first.origin, file.first.index) for file in files] == queue.places()[2:4]
    assert [len(held.at(*place)) for place in queue.places(2, 4)] == [2, 2]


def test_what_waits_no_more_is_left_out_of_a_page(judge: Judge, agency: Agency) -> None:
    places = judge.now().waiting.places()
    agency.publish(rows("file 1"))
    assert len(judge.files(places)[1]) == 5
    assert judge.files([("nobody.example/lists/csam", 0)])[1] == []


def test_a_long_queue_is_read_some_files_at_a_time(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = judge.now().waiting
    monkeypatch.setattr(judgement, "_AT_ONCE", 2)
    with counted() as asked:
        files = list(judge.each_file(queue, 5))
    assert asked == [4, 4, 2]
    assert [(file.first.origin, file.first.index) for file in files] == queue.places()[:5]


def test_a_file_is_found_by_any_of_its_entries(judge: Judge, other: Agency) -> None:
    _, found = judge.file(other.origin, 2)
    assert judge.file(other.origin, 3)[1] == found
    assert [each.entry.index for each in found] == [2, 3]


# ------------------------------------------------------------------ parts and ranges


def test_some_hashes_are_judged_without_the_others(judge: Judge) -> None:
    some = judge.some(file_digests("file 0"))
    assert {digest for _, digest in some.decision.effective} == set(file_digests("file 0"))
    assert {entry.digest for held in some.listings for entry in held.listing.entries.values()} == set(
        file_digests("file 0")
    )


def test_some_hashes_are_judged_again_only_when_something_moved(judge: Judge, agency: Agency) -> None:
    before = judge.some(file_digests("file 1"))
    for number in range(2, 5):
        judge.some(file_digests(f"file {number}"))
    assert judge.some(file_digests("file 1")) is before
    agency.publish(rows("file 1"))
    after = judge.some(file_digests("file 1"))
    assert {digest for _, digest in after.decision.effective} == set(file_digests("file 1"))
    judge._clock.advance(timedelta(days=2))  # type: ignore[attr-defined]
    assert not judge.some(file_digests("file 1")).decision.effective, "one of the lists is not fresh any more"


def test_few_judgements_of_some_hashes_are_kept(judge: Judge) -> None:
    first = judge.some(file_digests("file 0"))
    for number in range(1, 9):
        judge.some([file_digests(f"file {number}")[0]])
    assert judge.some(file_digests("file 0")) is not first
    assert len(judge._some) == 8


@pytest.mark.threat("a stolen disk")
def test_what_waits_for_its_range_lies_sealed_in_a_file_without_a_name(
    agency: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "EVENTS", 3)
    monkeypatch.setattr(spool, "_PAGE", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files: list[IO[bytes]] = []
    made = tempfile.TemporaryFile

    def make(max_size: int) -> IO[bytes]:
        assert max_size > 0
        files.append(made())
        return files[0]

    monkeypatch.setattr(spool, "SpooledTemporaryFile", make)
    with agency.store.read() as unit:
        premises = Premises.of(unit)
        common = part_of(agency.store, unit, premises, ()).listings
    found: set[Digest] = set()
    for each in ranges.ranges_of(agency.store, premises.lists, common):
        found |= each.digests.union(*(alike.digests for alike in each.alike.values()))
        files[0].seek(0)
        written = files[0].read()
        assert len(written) > 16 * len(agency.items())
        assert not any(digest.value in written for digest in found)
        assert list(tmp_path.glob("tmp*")) == []
    assert found == {digest for name in FILES for digest in file_digests(name)}
    assert files[0].closed


def test_a_full_folder_for_temporary_files_is_named(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    with agency.store.read() as unit:
        lists = Premises.of(unit).lists
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    assert list(ranges.ranges_of(agency.store, lists, [])) != []  # short lists need none
    monkeypatch.setattr(spool, "_PAGE", 1)
    monkeypatch.setattr(spool, "_IN_MEMORY", 1)
    with pytest.raises(StoreError, match="the folder for temporary files cannot be written"):
        list(ranges.ranges_of(agency.store, lists, []))


def test_a_folder_for_temporary_files_that_fills_up_is_named(
    agency: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may take what a buffer holds only when somebody reads."""
    with agency.store.read() as unit:
        lists = Premises.of(unit).lists
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(spool, "_PAGE", 1)
    monkeypatch.setattr(spool, "_IN_MEMORY", 1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(StoreError, match="the folder for temporary files cannot be written"):
            list(ranges.ranges_of(agency.store, lists, []))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
