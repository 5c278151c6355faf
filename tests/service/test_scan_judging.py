"""A stored scan after updates: withdrawals, new entries and new epochs reach it, and no file is read again."""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from node.clock import milliseconds
from node.errors import NodeError, OverQuotaError, PeerUnreachableError, StoreLockedError
from node.hashing.hashed import Hashed, Part
from node.hashing.plan import HashPlan
from node.partner.hits import HitSpool
from node.partner.resolutions import Action
from node.partner.scanning.judging import Asking, Screening
from node.partner.scanning.reading import Progress, Read, Reading
from node.partner.scanning.results import FileResult, ScanSummary, Status
from node.partner.scanning.running import Ended, Stopping, run_scan
from node.partner.scanning.sources import Item, Walk, look_at
from node.partner.scanning.state import Answers, Kept, open_state
from node.ports.evaluator import EpochSecret
from node.services.subsets.epochs import enter_epoch, succeed
from protocol.oprf.suite import epoch_key
from support.releases import SEED, SUBSET, EnrolledPartner, ReleasingAgency, release_both
from support.shelves import Agency, file_digests, make_shelf, rows, sqlite_dsn
from support.shelves import close as close_shelf
from support.sodium import loaded_group

NEXT_SEED = b"\x06" * 32
PLAN = HashPlan(images=False, archives=False)


class Scanning:
    """A partner that scans one folder, and counts what is read and asked."""

    def __init__(self, fr: ReleasingAgency, nl: Agency, partner: EnrolledPartner, folder: Path) -> None:
        self.fr, self.nl, self.partner, self.folder = fr, nl, partner, folder
        self.files = folder / "files"
        self.files.mkdir()
        self.spool = HitSpool(folder / "hits")
        self.read: list[str] = []
        self.asked = 0
        self.fails: NodeError | None = None
        self.results: dict[str, FileResult] = {}
        self.summary = ScanSummary(sources=())
        self._evaluate = partner.api.evaluate
        partner.api.evaluate = self._counted  # type: ignore[method-assign]

    async def _counted(self, subset, request):  # type: ignore[no-untyped-def]
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        return await self._evaluate(subset, request)

    def store(self, *names: str) -> None:
        """Files whose hashes are those that agencies list under these names."""
        for name in names:
            (self.files / name).write_text(name)

    def _hashing(self, items: Iterator[Item]) -> Iterator[Read]:
        for item in items:
            path = Path(os.fsdecode(item.path))
            self.read.append(path.name)
            yield Read(item, self.hashed(path))

    def hashed(self, path: Path) -> Hashed:
        return Hashed(path.stat().st_size, (Part("", file_digests(path.name)),))

    async def scan(self, *, offline: bool = False) -> Ended:
        """Scan the folder; `read` and `asked` tell of this scan."""
        self.read, self.asked = [], 0
        examiner = self.partner.examiner()
        screening = Screening(self.partner.home.load_release(self.partner.home.load()[1].version))
        clock = self.fr.clock
        with open_state(self.folder / "scan.db", b"k" * 32) as state:
            run = state.runs.begin([str(self.files)], now_ms=milliseconds(clock.now()))
            ended = await run_scan(
                state,
                run,
                screening,
                self._reads,
                asking=None if offline else Asking(state, screening, examiner, self.spool, clock),
                plan="plan",
                progress=Progress(),
                stopping=Stopping(),
            )
            state.runs.end(run, now_ms=milliseconds(clock.now()), passed_over=0)
            self.summary = state.runs.summary(run)
            self.results = {Path(each.path).name: each for each in state.files.results(run)}
        return ended

    def _reads(self, reading: Reading) -> None:
        reading.read(Walk().paths([str(self.files)]), self._hashing)

    def statuses(self) -> dict[str, str]:
        return {name: result.status.value for name, result in self.results.items()}

    def rotate(self) -> None:
        """A new epoch, and the first release of it."""
        fr, now = self.fr, self.fr.clock.now()
        secrets = [
            EpochSecret(subset=SUBSET, epoch=1, seed=SEED),
            EpochSecret(subset=SUBSET, epoch=2, seed=NEXT_SEED),
        ]
        fr.evaluator.hold(secrets)
        key = epoch_key(loaded_group(), NEXT_SEED).public
        made = succeed(fr.trust.document(), SUBSET, key, now=now, at=now, held={1})
        fr.trust.revise_document(lambda old: replace(old, subsets=(made,)), signers=fr.signers)
        enter_epoch(fr.shelf.storage, fr.evaluator, SUBSET, fr.trust.document(), now=now)


@pytest.fixture
async def scanning(tmp_path: Path) -> AsyncIterator[Scanning]:
    folders = [tmp_path / name for name in ("fr", "nl")]
    for folder in folders:
        folder.mkdir()
    shelves = [make_shelf(sqlite_dsn(folder), folder) for folder in folders]
    fr = ReleasingAgency(shelves[0], folders[0])
    nl = Agency(shelves[1], folders[1], node="nl.example")
    partner = await fr.admit_partner(tmp_path / "partner")
    release_both(fr, nl, "one", "two")
    await partner.update()
    made = Scanning(fr, nl, partner, tmp_path)
    made.store("one", "two", "clean", "later")
    yield made
    for shelf in shelves:
        close_shelf(shelf)


async def updated(scanning: Scanning, *, without: Sequence[str] = ()) -> None:
    """A release, with some files excluded, and the partner's update."""
    digests = frozenset(digest for name in without for digest in file_digests(name))
    scanning.fr.follow(scanning.nl)
    assert scanning.fr.release(exclusions=digests).published
    await scanning.partner.update()


async def test_a_withdrawal_reaches_a_stored_scan_without_reading_or_asking(scanning: Scanning) -> None:
    await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "clean", "later": "clean"}
    assert (len(scanning.read), scanning.asked) == (4, 1)
    await updated(scanning, without=["two"])
    ended = await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "clean", "clean": "clean", "later": "clean"}
    assert (scanning.read, scanning.asked, ended.rejudged) == ([], 0, 1)


async def test_a_new_entry_reaches_a_stored_scan_with_one_batch(scanning: Scanning) -> None:
    await scanning.scan()
    for agency in (scanning.fr.lists, scanning.nl):
        agency.add(rows("later"))
    await updated(scanning)
    await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "clean", "later": "hit"}
    assert (scanning.read, scanning.asked) == ([], 1)
    assert {hit.name for hit in scanning.spool.ls()} == {
        str(scanning.files / name) for name in ("one", "two", "later")
    }
    await scanning.scan()
    assert (scanning.read, scanning.asked) == ([], 0)


async def test_a_new_epoch_asks_again_about_survivors_and_keeps_their_hits(scanning: Scanning) -> None:
    await scanning.scan()
    before = {hit.id for hit in scanning.spool.ls()}
    first = scanning.spool.ls()[0]
    scanning.spool.save(replace(first, action=Action.FALSE_POSITIVE, resolved_ms=1))
    scanning.rotate()
    await updated(scanning)
    scanning.spool = HitSpool(scanning.folder / "hits")
    ended = await scanning.scan()
    assert scanning.statuses() == {"one": "hit", "two": "hit", "clean": "clean", "later": "clean"}
    assert (scanning.read, scanning.asked, ended.rejudged) == ([], 1, 2)
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


async def test_a_file_that_was_touched_only_is_read_and_not_asked_about(scanning: Scanning) -> None:
    await scanning.scan()
    resolved = replace(scanning.spool.ls()[0], action=Action.DISABLED, resolved_ms=1)
    scanning.spool.save(resolved)
    for path in scanning.files.iterdir():
        path.chmod(0o600)
        path.chmod(0o644)
    await scanning.scan()
    assert (len(scanning.read), scanning.asked, len(scanning.spool.ls())) == (4, 0, 2)
    assert scanning.statuses()["one"] == "hit"
    scanning.hashed = lambda path: Hashed(1, (Part("", file_digests("clean")),))  # type: ignore[method-assign]
    (scanning.files / "one").write_text("another content")
    await scanning.scan()
    assert (scanning.read, scanning.statuses()["one"]) == (["one"], "clean")


async def test_a_file_that_was_removed_and_comes_back_during_a_scan_is_a_new_hit(scanning: Scanning) -> None:
    await scanning.scan()
    beside = HitSpool(scanning.folder / "hits")  # as a command does that is typed meanwhile
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
    assert (len(scanning.read), scanning.asked, len(scanning.spool.ls())) == (4, 0, 2)


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


def test_an_answer_about_what_a_file_was_does_not_clear_what_it_is(tmp_path: Path) -> None:
    was = Kept(path=b"/file", source="/", size=1, mark="1", screens=b"before..", parts=b"", pending=True)
    with open_state(tmp_path / "scan.db", b"k" * 32) as state:
        run = state.runs.begin(["/"], now_ms=1)
        state.files.keep(run, [was])
        (asked,) = state.files.pending(run, after=0, limit=9)
        state.files.keep(
            run, [replace(was, mark="2", screens=b"as it is", id=asked.id)]
        )  # while the node answers
        state.verdicts.conclude([(replace(asked, pending=False), Answers("epoch", b""))])
        (now,) = state.files.pending(run, after=0, limit=9)
        assert (now.screens, state.verdicts.answers(now.id)) == (b"as it is", None)
        # A path that is listed twice may be read twice before the first is written: it has no id then.
        state.verdicts.conclude([(replace(now, pending=False), Answers("epoch", b""))])
        state.files.keep(run, [replace(was, mark="3", screens=b"and then", id=0)])
        (now,) = state.files.pending(run, after=0, limit=9)
        assert (now.screens, state.verdicts.answers(now.id)) == (b"and then", None)


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
