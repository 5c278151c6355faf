"""The kept judgement: one thread makes it, others wait or take the last one, and nothing is folded twice."""

import resource
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import IO
from unittest.mock import patch

import pytest

from node.app import judgement
from node.app.judgement import Judge
from node.errors import MissingObjectError, StoreError
from node.judgement import effective, fold, ranges
from node.judgement.part import part_of
from node.judgement.premises import Premises
from node.judgement.queue import Wanted
from node.objects.folder import FolderObjects
from node.store import spool
from node.store.lists.records import Quarantined
from protocol.digest import Digest
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
def counted_folds() -> Iterator[list[str]]:
    folded: list[str] = []
    whole = fold.fold_held

    def counting(store, held, since=None):  # type: ignore[no-untyped-def]
        folded.append(held.origin if since is None else f"{held.origin} from {since.size}")
        return whole(store, held, since)

    with patch.object(judgement, "fold_held", counting):
        yield folded


def test_what_did_not_move_is_judged_once(judge: Judge) -> None:
    assert judge.now() is judge.now()
    assert judge.latest() is judge.now()


def test_only_new_events_are_folded(judge: Judge, agency: Agency) -> None:
    before = judge.now()
    agency.publish(rows("file 1"))
    with counted_folds() as folded:
        after = judge.now()
    assert folded == ["fr.example/lists/csam from 2"]
    assert len(after.current.decision.effective) == len(before.current.decision.effective) + 2


def test_what_is_set_aside_later_is_folded_again(judge: Judge, agency: Agency, other: Agency) -> None:
    judge.now()
    with agency.store.write() as unit:
        log = unit.logs.get(other.origin)
        aside = Quarantined(log_id=log.id, kind="add", first=0, last=3, reason="listed", created_ms=0)
        unit.quarantine.add([aside])
    with counted_folds() as folded:
        after = judge.now()
    assert folded == ["nl.example/lists/csam"]
    assert not after.current.decision.effective


def test_threads_that_ask_at_once_share_one_judgement(judge: Judge) -> None:
    with counted_folds() as folded, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: judge.now(), range(8)))
    assert len({id(each) for each in found}) == 1
    assert len(folded) == 2


def test_the_latest_is_at_hand_while_the_next_is_made(judge: Judge, agency: Agency) -> None:
    before, go_on = judge.now(), Event()
    agency.publish(rows("file 1"))
    whole = effective.judge_held

    def slowly(*args, **named):  # type: ignore[no-untyped-def]
        assert go_on.wait(60)
        return whole(*args, **named)

    with patch.object(judgement, "judge_held", slowly), patch.object(judgement, "SOON_SECONDS", -1):
        assert judge.latest() is before
        assert judge.latest() is before
        go_on.set()
        after = judge.now()
    assert after is not before
    assert judge.latest() is after


def test_while_judging_takes_no_time_the_latest_is_that_of_now(judge: Judge, agency: Agency) -> None:
    before = judge.latest()
    agency.publish(rows("file 1"))
    after = judge.latest()
    assert len(after.current.decision.effective) == len(before.current.decision.effective) + 2


def test_a_bundle_that_gave_way_meanwhile_is_read_again(judge: Judge) -> None:
    read, failed = FolderObjects.get, list[str]()

    def outgrown(self, name):  # type: ignore[no-untyped-def]
        if not failed and name.startswith("openings/"):
            failed.append(name)
            raise MissingObjectError("it gave way")
        return read(self, name)

    with patch.object(FolderObjects, "get", outgrown):
        assert judge.now().current.decision.effective
    assert failed


def test_a_queue_is_narrowed(judge: Judge) -> None:
    found = judge.now()
    assert Wanted(country="NL").narrow(found.waiting, found.members) == found.waiting
    for wanted in (Wanted(country="DE"), Wanted(peer="de.example"), Wanted(collection=9)):
        assert not wanted.narrow(found.waiting, found.members)


def test_a_file_is_found_by_any_of_its_entries(judge: Judge, other: Agency) -> None:
    files = judge.now().files
    assert files.at(other.origin, 2) == files.at(other.origin, 3)
    assert [each.entry.index for each in files.at(other.origin, 3)] == [2, 3]


# ------------------------------------------------------------------ parts and ranges


def test_some_hashes_are_judged_without_folding_a_list(judge: Judge) -> None:
    with patch.object(judgement, "fold_held", side_effect=AssertionError):
        some = judge.some(file_digests("file 0"))
    assert {digest for _, digest in some.decision.effective} == set(file_digests("file 0"))
    assert judge._held is None  # it is not kept


def test_a_judgement_that_stands_answers_for_some_hashes(judge: Judge, agency: Agency) -> None:
    whole = judge.now().current
    assert judge.some(file_digests("file 0")) is whole
    agency.publish(rows("file 1"))
    some = judge.some(file_digests("file 1"))
    assert some is not whole
    assert {digest for _, digest in some.decision.effective} == set(file_digests("file 1"))


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
