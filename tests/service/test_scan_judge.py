"""A stored scan after updates: withdrawals, new entries and new epochs reach it, and no file is read again."""

import os
import random
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from node.errors import NodeError, OverQuotaError, PeerUnreachableError, StoreLockedError
from node.hashing.file_hashes import Hashed, Part
from node.hoster.cover import BATCH, Cover
from node.hoster.hits.resolutions import Action
from node.hoster.hits.spool import HitSpool
from node.hoster.lookup import examiner
from node.hoster.scan.judge import Asking
from node.hoster.scan.reader import Read
from node.hoster.scan.results import Status
from node.hoster.scan.sources import Item, look_at
from node.hoster.scan.state import Answers, Kept, ScanState, open_state
from node.lists.corrections.dispute import dispute, resolve
from node.subsets import content
from protocol.subset.label import seal_label
from support.releases import release_both, two_agencies
from support.stored_scan import Scanning
from support.stores import file_digests, rows


@pytest.fixture
async def scanning(tmp_path: Path) -> AsyncIterator[Scanning]:
    with two_agencies(tmp_path) as (fr, nl):
        partner = await fr.admit_partner(tmp_path / "partner")
        release_both(fr, nl, "one", "two")
        await partner.update()
        made = Scanning(fr, nl, partner, tmp_path)
        made.store("one", "two", "clean", "later")
        yield made


async def updated(scanning: Scanning, *, without: Sequence[str] = ()) -> None:
    """A release, without some files that are disputed meanwhile, and the partner's update."""
    fr, digests = scanning.fr, frozenset(digest for name in without for digest in file_digests(name))
    if ended := scanning.disputed - digests:
        resolve(fr.store, fr.lists.origin, ended)
    if new := digests - scanning.disputed:
        dispute(fr.store, fr.lists.origin, new)
    scanning.disputed = digests
    fr.follow(scanning.nl)
    assert fr.release().published
    await scanning.partner.update()
    scanning.altered = lambda held: held


@pytest.mark.threat("a delisting that does not arrive")
async def test_a_withdrawal_reaches_a_stored_scan_without_reading_or_asking(scanning: Scanning) -> None:
    await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "clean", "later": "clean"}
    assert (len(scanning.read), scanning.sent) == (4, [BATCH])
    await updated(scanning, without=["two"])
    ended = await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "clean", "clean": "clean", "later": "clean"}
    assert (scanning.read, scanning.sent, ended.rejudged) == ([], [BATCH], 1)


async def test_a_new_entry_reaches_a_stored_scan_with_one_batch(scanning: Scanning) -> None:
    await scanning.scan()
    for agency in (scanning.fr.lists, scanning.nl):
        agency.add(rows("later"))
    await updated(scanning)
    await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "clean", "later": "hit"}
    assert (scanning.read, scanning.sent) == ([], [BATCH])
    assert {hit.name for hit in scanning.spool.ls()} == {
        str(scanning.files / name) for name in ("one", "two", "later")
    }
    await scanning.scan()
    assert (scanning.read, scanning.sent) == ([], [BATCH])


async def test_a_new_epoch_asks_again_about_survivors_and_keeps_their_hits(scanning: Scanning) -> None:
    await scanning.scan()
    before = {hit.id for hit in scanning.spool.ls()}
    first = scanning.spool.ls()[0]
    scanning.spool.save(replace(first, action=Action.FALSE_POSITIVE, resolved_ms=1))
    scanning.rotate()
    await updated(scanning)
    scanning.spool = HitSpool(scanning.folder)
    ended = await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "clean", "later": "clean"}
    assert (scanning.read, scanning.sent, ended.rejudged) == ([], [BATCH], 2)
    assert {hit.id for hit in scanning.spool.ls()} == before, (
        "what was resolved does not come back as another hit"
    )


@pytest.mark.parametrize(
    "failure", [PeerUnreachableError("away"), OverQuotaError("used up", retry_after_seconds=9)]
)
async def test_what_was_not_asked_is_asked_later(scanning: Scanning, failure: NodeError) -> None:
    scanning.fails = failure
    ended = await scanning.scan()
    assert ended.stopped is failure
    assert scanning.statuses()["one"] == "unconfirmed"
    assert scanning.summary.count(Status.UNCONFIRMED) == 2
    assert scanning.results["one"].reasons
    scanning.fails = None
    assert (await scanning.scan()).stopped is None
    assert scanning.statuses()["one"] == "hit"
    assert (scanning.read, len(scanning.spool.ls())) == ([], 2)


async def test_a_withdrawal_ends_what_was_unconfirmed(scanning: Scanning) -> None:
    await scanning.scan(offline=True)
    assert scanning.statuses()["one"] == "unconfirmed"
    await updated(scanning, without=["one"])
    await scanning.scan(offline=True)
    assert scanning.statuses() == {"one": "clean", "two": "unconfirmed", "clean": "clean", "later": "clean"}


async def test_what_comes_back_is_a_hit_again_without_asking(scanning: Scanning) -> None:
    await scanning.scan()
    await updated(scanning, without=["two"])
    await scanning.scan(offline=True)
    assert scanning.statuses()["two"] == "clean"
    await updated(scanning)
    await scanning.scan(offline=True)
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "clean", "later": "clean"}


async def test_what_was_asked_about_before_it_was_listed_is_a_hit_without_asking(scanning: Scanning) -> None:
    await updated(scanning, without=["two"])
    scanning.fill_screen()  # as by chance: so the file is asked about, and not on the list
    await scanning.scan()
    assert scanning.statuses()["two"] == "clean"
    await updated(scanning)
    await scanning.scan(offline=True)
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "clean", "later": "clean"}
    assert {Path(hit.name).name for hit in scanning.spool.ls()} == {"one", "two"}


async def test_a_state_of_the_first_version_is_brought_on(scanning: Scanning) -> None:
    await scanning.scan()
    with closing(sqlite3.connect(scanning.folder / "scan.db")) as state, state:
        state.execute("ALTER TABLE asked DROP COLUMN outputs")
        state.execute("PRAGMA user_version = 1")
    await updated(scanning, without=["two"])
    await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "clean", "clean": "clean", "later": "clean"}
    await updated(scanning)
    await scanning.scan(offline=True)
    assert scanning.statuses()["two"] == "unconfirmed", "its outputs were not kept then"
    await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "clean", "later": "clean"}


async def test_as_much_is_sent_whatever_is_found(scanning: Scanning) -> None:
    for path in scanning.files.iterdir():
        path.unlink()
    sent = []
    for names in (["clean"], ["one"], ["one", "two", "clean", "later"]):
        scanning.store(*names)
        await scanning.scan()
        sent.append(scanning.sent)
    assert sent == [[BATCH]] * 3


async def test_what_a_batch_cannot_hold_waits_and_what_was_just_read_does_not(scanning: Scanning) -> None:
    names = [f"listed {number}" for number in range(40)]  # 80 hashes
    scanning.store(*names)
    await scanning.scan()
    for agency in (scanning.fr.lists, scanning.nl):
        agency.add(rows(*names))
    await updated(scanning)
    ended = await scanning.scan()
    assert (scanning.sent, ended.at_once) == ([BATCH], 0)
    assert list(scanning.statuses().values()).count("unconfirmed") == 8
    await scanning.scan()
    assert (scanning.sent, set(scanning.statuses().values())) == ([BATCH], {"hit", "clean"})
    for name in names:
        (scanning.files / f"{name}.copy").write_text("")
    scanning.hashed = lambda path: Hashed(1, (Part("", file_digests(path.stem)),))  # type: ignore[method-assign]
    ended = await scanning.scan()
    assert (scanning.sent, ended.at_once) == ([BATCH, BATCH], 8)
    assert "unconfirmed" not in scanning.statuses().values()


@pytest.mark.threat("logging look-ups")
async def test_what_a_node_sealed_instead_of_a_label_stops_no_batch(
    scanning: Scanning, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seal(output: bytes, *, subset_id: bytes, epoch: int, label: bytes) -> bytes:
        return seal_label(output, subset_id=subset_id, epoch=epoch, label=b"\xff" * len(label))

    monkeypatch.setattr(content, "seal_label", seal)
    held, clean = ([f"{name} {number}" for number in range(40)] for name in ("held", "clean"))
    for agency in (scanning.fr.lists, scanning.nl):
        agency.add(rows(*held))
    await updated(scanning)
    scanning.fill_screen()
    sent = []
    for names in (held, clean):
        scanning.store(*names)
        await scanning.scan()
        sent.append(scanning.sent)
    assert sent == [[BATCH, BATCH]] * 2
    assert {scanning.statuses()[name] for name in held} == {"hit"}


@pytest.mark.threat("logging look-ups")
async def test_how_long_it_takes_to_record_hits_shows_in_no_moment(
    scanning: Scanning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batches of a scan, those with which it asks at once too, go whole ticks after it began."""
    scanning.chance, scanning.evaluations_per_day = 0.02, 4 * BATCH  # two batches of 64
    names = [f"listed {number}" for number in range(100)]
    for agency in (scanning.fr.lists, scanning.nl):
        agency.add(rows(*names))
    await updated(scanning)
    scanning.store(*names, *(f"{name}.copy" for name in names))
    origins: list[float] = []

    async def whole_ticks(begun: float) -> None:
        origins.append(begun)

    monkeypatch.setattr(examiner, "whole_ticks", whole_ticks)
    scanning.hashed = lambda path: Hashed(1, (Part("", file_digests(path.stem)),))  # type: ignore[method-assign]
    ended = await scanning.scan()
    assert ended.at_once
    assert len(scanning.sent) > 3
    assert origins == [origins[0]] * len(scanning.sent)


async def test_without_cover_what_survives_is_asked_about_and_nothing_else(scanning: Scanning) -> None:
    scanning.cover = Cover.OFF
    await scanning.scan()
    assert (scanning.statuses()["one"], scanning.sent) == ("hit", [BATCH])
    await scanning.scan()
    assert scanning.sent == []


async def test_a_filler_that_is_listed_is_a_hit(scanning: Scanning) -> None:
    scanning.empty_screen()
    await scanning.scan()
    assert set(scanning.statuses().values()) == {"clean", "hit"}, "the last batch held all files as fillers"
    assert len(scanning.spool.ls()) == 2


async def test_a_large_cover_is_sent_in_several_batches_and_is_no_larger(
    scanning: Scanning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examiner, "MAX_EVALUATION_BATCH", 2 * BATCH)
    assert [found async for found in scanning.partner.examiner().ask([], least=3 * BATCH)] == []
    assert scanning.sent == [2 * BATCH, BATCH]


async def test_an_answer_that_comes_after_the_next_release_concludes_nothing(scanning: Scanning) -> None:
    await scanning.scan(offline=True)
    examiner, screening = scanning.partner.examiner(), scanning.screening()
    with open_state(scanning.folder / "scan.db", b"k" * 32) as state:
        batch = Asking(state, screening, examiner, scanning.spool, scanning.fr.clock).batch(BATCH)
    outputs = await examiner.evaluate(batch.digests, elements=batch.size)
    scanning.rotate()
    await updated(scanning)
    await scanning.scan(offline=True)  # by the release of another epoch
    with open_state(scanning.folder / "scan.db", b"k" * 32) as state:
        Asking(state, screening, examiner, scanning.spool, scanning.fr.clock).conclude(batch, outputs)
    await scanning.scan(offline=True)
    assert scanning.statuses()["one"] == "unconfirmed"


async def test_a_file_that_changes_while_it_is_read(scanning: Scanning) -> None:
    changes = {"clean": 2, "later": 1}

    def hashing(items: Iterator[Item]) -> Iterator[Read]:
        for read in Scanning._hashing(scanning, items):
            name = Path(os.fsdecode(read.item.path)).name
            changes[name] = changes.get(name, 0) - 1
            yield replace(read, now=look_at(read.item.source, read.item.path) if changes[name] >= 0 else None)

    scanning._hashing = hashing  # type: ignore[method-assign]
    await scanning.scan()
    assert sorted(scanning.read) == ["clean", "clean", "later", "later", "one", "two"]
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "partly", "later": "clean"}
    await scanning.scan()
    assert scanning.read == ["clean"]
    assert scanning.statuses()["clean"] == "clean"


async def test_a_file_that_was_touched_only_is_read_and_stays_what_it_is(scanning: Scanning) -> None:
    await scanning.scan()
    resolved = replace(scanning.spool.ls()[0], action=Action.DISABLED, resolved_ms=1)
    scanning.spool.save(resolved)
    for path in scanning.files.iterdir():
        path.chmod(0o600)
        path.chmod(0o644)
    await scanning.scan()
    assert (len(scanning.read), scanning.sent, len(scanning.spool.ls())) == (4, [BATCH], 2)
    assert scanning.statuses()["one"] == "hit"
    scanning.hashed = lambda path: Hashed(1, (Part("", file_digests("clean")),))  # type: ignore[method-assign]
    (scanning.files / "one").write_text("another content")
    await scanning.scan()
    assert (scanning.read, scanning.statuses()["one"]) == (["one"], "clean")


async def test_a_file_that_was_removed_and_comes_back_during_a_scan_is_a_new_hit(scanning: Scanning) -> None:
    await scanning.scan()
    beside = HitSpool(scanning.folder)  # as a command does that is typed meanwhile
    for hit in beside.ls():
        beside.save(replace(hit, action=Action.REMOVED, resolved_ms=1))
    reads = scanning.hashed
    for hashed, count in ((lambda _: Hashed(1, (Part("", file_digests("clean")),)), 2), (reads, 3)):
        scanning.hashed = hashed  # type: ignore[method-assign]
        (scanning.files / "one").write_text(f"written {count} times")
        await scanning.scan()
        assert len(scanning.spool.ls()) == count
    assert [hit.action for hit in scanning.spool.ls()].count(None) == 1


async def test_what_is_known_of_a_file_stays_while_it_cannot_be_read(scanning: Scanning) -> None:
    await scanning.scan()

    def failing(items: Iterator[Item]) -> Iterator[Read]:
        for item in items:
            yield Read(item, None, "Permission denied")

    reads, scanning._hashing = scanning._hashing, failing  # type: ignore[method-assign]
    for path in scanning.files.iterdir():
        path.chmod(0o600)
    await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "unreadable", "later": "unreadable"}
    assert scanning.results["one"].reasons == ("Permission denied",)
    scanning._hashing = reads  # type: ignore[method-assign]
    await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "clean", "later": "clean"}
    assert (len(scanning.read), scanning.sent, len(scanning.spool.ls())) == (4, [BATCH], 2)


async def test_parts_are_judged_one_by_one(scanning: Scanning) -> None:
    parts = (
        Part("", file_digests("clean")),
        Part("in.jpg", file_digests("one")),
        Part("#2", file_digests("two")),
    )
    scanning.hashed = lambda path: Hashed(1, parts if path.name == "clean" else ())  # type: ignore[method-assign]
    await scanning.scan()
    assert [hit.part for hit in scanning.results["clean"].hits] == ["in.jpg", "#2"]
    name = str(scanning.files / "clean")
    assert {hit.name for hit in scanning.spool.ls()} == {f"{name}!in.jpg", f"{name}#2"}
    await updated(scanning, without=["one"])
    await scanning.scan()
    assert [hit.part for hit in scanning.results["clean"].hits] == ["#2"]


@pytest.mark.threat("a file that evades a scan")
def test_an_answer_about_what_a_file_was_does_not_clear_what_it_is(tmp_path: Path) -> None:
    was = Kept(path=b"/file", source="/", size=1, mark="1", screens=b"before..", parts=b"", pending=True)
    with open_state(tmp_path / "scan.db", b"k" * 32) as state:
        run = state.runs.begin(["/"], now_ms=1)
        state.files.keep(run, [was])
        (asked,) = state.files.pending(run, limit=9)
        # While the node answers.
        state.files.keep(run, [replace(was, mark="2", screens=b"as it is", id=asked.id)])
        state.verdicts.conclude([(replace(asked, pending=False), Answers("epoch", b""))])
        (now,) = state.files.pending(run, limit=9)
        assert (now.screens, state.verdicts.answers(now.id)) == (b"as it is", None)
        # A path that is listed twice may be read twice before the first is written: it has no id then.
        state.verdicts.conclude([(replace(now, pending=False), Answers("epoch", b""))])
        state.files.keep(run, [replace(was, mark="3", screens=b"and then", id=0)])
        (now,) = state.files.pending(run, limit=9)
        assert (now.screens, state.verdicts.answers(now.id)) == (b"and then", None)


@pytest.mark.threat("a scan's state or report")
def test_files_that_no_run_has_met_for_long_are_forgotten(tmp_path: Path) -> None:
    files = [Kept(path=b"/%d" % at, source="/", size=1, mark="1", screens=b"8 octets") for at in range(3)]
    with open_state(tmp_path / "scan.db", b"k" * 32) as state:
        runs = []
        for at, kept in enumerate(files):
            run = state.runs.begin(["/"], now_ms=10 * at)
            state.files.keep(run, [kept])
            if known := state.files.known(kept.path):
                state.verdicts.conclude([(replace(kept, id=known.id), Answers("epoch", b""))])
            state.runs.end(run, now_ms=10 * at + 1, passed_over=0)
            runs.append(run)
        ids = [known.id for kept in files if (known := state.files.known(kept.path))]
        state.files.forget(runs[-1], before_ms=10)
        assert [state.files.known(kept.path) is not None for kept in files] == [False, True, True]
        assert [state.verdicts.answers(number) is not None for number in ids] == [False, True, True]
        state.files.forget(runs[-1], before_ms=99)
        assert [state.files.known(kept.path) is not None for kept in files] == [False, False, True]


@pytest.mark.threat("a scan's state or report")
@pytest.mark.parametrize("meets", ["nothing", "a kill", "a reader"])
def test_of_files_that_were_forgotten_the_state_keeps_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meets: str
) -> None:
    """Nor a copy of one where SQLite rebuilt a page; what keeps a scan from that leaves it to the next."""
    monkeypatch.setattr("node.hoster.scan.state.database._BUSY_SECONDS", 0.1)  # that a reader is waited for
    path, drawn = tmp_path / "scan.db", random.Random(1)
    gone = [b"/customer-%d%s" % (drawn.randrange(10**9), b"-" * drawn.randrange(60)) for _ in range(3000)]
    stays = [_kept(b"/stays-%d%s" % (drawn.randrange(10**9), b"+" * drawn.randrange(60))) for _ in gone]
    with open_state(path, b"k" * 32) as state:
        run = state.runs.begin(["/"], now_ms=1)
        for name, kept in zip(gone, stays, strict=True):
            state.files.keep(run, [_kept(name), kept])
        state.runs.end(run, now_ms=2, passed_over=0)
        run = state.runs.begin(["/"], now_ms=20)
        state.files.keep(run, stays)
        with monkeypatch.context() as killed, state.again() as other:
            if meets == "a kill":
                killed.setattr(ScanState, "scrub", lambda _: None)
            if meets == "a reader":
                other._db.execute("BEGIN")
                assert other.files.known(stays[0].path) is not None
            state.files.forget(run, before_ms=10)
            state.scrub()
        assert state.runs.any_forgotten() is (meets != "nothing")
        state.runs.end(run, now_ms=21, passed_over=0)
    with open_state(path, b"k" * 32) as state:
        again = state.runs.begin(["/"], now_ms=30)
        state.files.keep(again, stays)
        state.files.forget(again, before_ms=10)
        state.scrub()
        assert state.files.known(stays[5].path) is not None
        assert not state.runs.any_forgotten()
    data = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert stays[5].path in data
    assert b"/customer-" not in data


def _kept(path: bytes) -> Kept:
    return Kept(path=path, source="/", size=1, mark="1", screens=b"8 octets")


def test_somebody_who_looks_at_a_state_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "scan.db"
    with open_state(path, bytes(32)):
        with pytest.raises(StoreLockedError), open_state(path, bytes(32)):
            pass
        waiting = Event()

        def wait() -> None:
            with open_state(path, bytes(32), patience_seconds=60):
                waiting.set()

        thread = Thread(target=wait)
        thread.start()
        assert not waiting.wait(0.1)
    assert waiting.wait(60)
    thread.join()
