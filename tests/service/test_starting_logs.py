"""Starting lists and subsets: a wrong passphrase leaves nothing behind, and what was cut off is finished."""

import asyncio
import shutil
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest

from keys.errors import WrongPassphraseError
from node.app import serve, subsets
from node.app.health.storage import Storage
from node.app.partners.recipients import RunningRecipients
from node.app.peers.sync import PeerSyncs
from node.audit.log import new_record, record, start_audit
from node.clock import milliseconds
from node.errors import (
    AlreadyExistsError,
    NotFoundError,
    PeerUnreachableError,
    RestoredError,
    StoreError,
    UsageError,
)
from node.evaluator.process import EvaluatorProcess
from node.identity import logs, outside_note, rollback
from node.identity.audit import tell
from node.identity.identity import Identity
from node.identity.restore_mark import mark_restored
from node.identity.rollback import rolled_back_logs
from node.identity.sightings import Sightings
from node.metrics import Metrics
from node.signing.log_signer import FolderLogSigner
from node.store.lists.records import LogKind
from node.store.store import Store
from node.subsets.catalogue import report_subset
from node.subsets.deltas import Deltas
from node.web.listener import Listener
from protocol.digest import Algorithm
from protocol.gossip import GossipHead
from protocol.subset.filter import SubsetFilter
from support.cheap_node import NODE, CheapNode, empty_store

WANTED = SubsetFilter(
    collections=frozenset({1}), algorithms=frozenset({Algorithm.SHA256}), screen_bits=12, labels=True
)


@pytest.fixture
def agency(tmp_path: Path) -> CheapNode:
    return CheapNode.founded(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with empty_store(tmp_path) as made:
        yield made


def test_a_mistyped_root_passphrase_leaves_no_list_behind(agency: CheapNode, store: Store) -> None:
    agency.passphrase = b"mistyped passphrase"
    with pytest.raises(WrongPassphraseError):
        logs.create_list(agency.identity(), store, "csam")
    with store.read() as unit, pytest.raises(NotFoundError):
        unit.logs.get(f"{NODE}/lists/csam")
    agency.passphrase = b"root passphrase"
    record = logs.create_list(agency.identity(), store, "csam")
    assert logs.announced(agency.identity(), record.origin)
    with pytest.raises(AlreadyExistsError):
        logs.create_list(agency.identity(), store, "csam")


def test_a_list_that_was_not_announced_is_finished(
    agency: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(logs, "announce", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            logs.create_list(agency.identity(), store, "csam")
    record = logs.create_list(agency.identity(), store, "csam")
    assert logs.announced(agency.identity(), record.origin)


@pytest.mark.parametrize("step", ["announce", "announce_epoch"])
def test_a_subset_that_was_cut_off_is_finished(
    agency: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(subsets, step, _cut_off)
        with pytest.raises(KeyboardInterrupt):
            subsets.create_subset(agency.identity(), store, "baseline", WANTED)
    with pytest.raises(AlreadyExistsError):
        subsets.create_subset(agency.identity(), store, "baseline", replace(WANTED, screen_bits=8))
    made = subsets.create_subset(agency.identity(), store, "baseline", WANTED)
    (info,) = agency.identity().trust.document().subsets
    assert (
        [epoch.pk for epoch in info.epochs][:1] == [made.pk] == [report_subset(store, "baseline").subset.pk]
    )
    with pytest.raises(AlreadyExistsError):
        subsets.create_subset(agency.identity(), store, "baseline", WANTED)


def test_a_subset_of_a_bad_name_makes_no_key(agency: CheapNode, store: Store) -> None:
    with pytest.raises(UsageError):
        subsets.create_subset(agency.identity(), store, "../x", WANTED)
    assert not list(agency.folder.rglob("oprf-*"))


def test_revisions_at_once_get_serials_of_their_own(agency: CheapNode, store: Store) -> None:
    """Two documents under one serial would be evidence of a fork against an honest node."""
    names = [f"list-{number}" for number in range(4)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: logs.create_list(agency.identity(), store, name), names))
    document = agency.identity().trust.document()
    assert document.serial == 1 + len(names)
    assert {log.origin for log in document.logs} == {
        f"{NODE}/audit/main",
        *(f"{NODE}/lists/{name}" for name in names),
    }


def _cut_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_list_that_cannot_be_published_does_not_hold_up_the_others(
    agency: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = agency.identity()
    for name in ("broken", "csam"):
        logs.create_list(identity, store, name)
    published = []

    def publish(_identity: Identity, _store: Store, origin: str, _limits: object) -> None:
        if origin.endswith("broken"):
            raise StoreError("damaged")
        published.append(origin)

    monkeypatch.setattr(logs, "publish_one", publish)
    parts = parts_of(identity, store)
    (job,) = [job for job in parts.jobs() if job.name == "publish"]
    asyncio.run(cast("Coroutine[Any, Any, None]", job.work()))
    assert published == [f"{NODE}/lists/csam"]


def parts_of(identity: Identity, store: Store) -> serve.Parts:
    """A running node as far as its jobs here need one."""
    return serve.Parts(
        identity,
        store,
        cast("EvaluatorProcess", None),
        cast("PeerSyncs", None),
        Deltas(),
        RunningRecipients(identity, store),
        cast("Listener", None),
        Metrics(list),
        Storage(identity, store),
        cast("asyncio.Future[None]", None),
    )


def test_a_running_node_sweeps_every_day(
    agency: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = agency.identity()
    swept: list[tuple[Store, int]] = []

    def sweep(what: Store, *, now_ms: int) -> int:
        swept.append((what, now_ms))
        return 0

    monkeypatch.setattr(serve, "sweep", sweep)
    parts = parts_of(identity, store)
    (job,) = [job for job in parts.jobs() if job.name == "sweep"]
    assert job.minutes == 24 * 60
    asyncio.run(cast("Coroutine[Any, Any, None]", job.work()))
    assert swept == [(store, milliseconds(identity.clock.now()))]


def test_a_sweep_writes_the_database_anew_where_rows_were_removed(agency: CheapNode, store: Store) -> None:
    with store.write() as unit:
        unit.entries.remove(1, [(1, 1)])
    (job,) = [job for job in parts_of(agency.identity(), store).jobs() if job.name == "sweep"]
    asyncio.run(cast("Coroutine[Any, Any, None]", job.work()))
    assert not store.vacuum()


def test_what_another_process_signs_meanwhile_is_no_sign_of_an_older_folder(
    agency: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = agency.identity()
    start_audit(store, NODE)
    assert tell(identity, store, "node.run", "before")
    size, others = FolderLogSigner.size, ["meanwhile"]

    def slow(signer: FolderLogSigner, origin: str) -> int:
        while others:
            tell(identity, store, "node.run", others.pop())
        return size(signer, origin)

    monkeypatch.setattr(FolderLogSigner, "size", slow)
    assert rolled_back_logs(identity, store) == []
    assert identity.log_signer().size(f"{NODE}/audit/main") == 2, "it was signed, and signed meanwhile"


SILENT = {"nl.example": "did not answer in time"}, "nobody answers"


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Members that do not answer, from now on; each time that they are asked is noted."""
    asked: list[object] = []

    def nobody(*arguments: object) -> object:
        asked.append(arguments)
        return SILENT

    monkeypatch.setattr(rollback, "_too_few", nobody)
    return asked


def test_a_machine_that_went_back_while_it_ran_does_not_sign_by_what_was_noted_before(
    agency: CheapNode, store: Store, request: pytest.FixtureRequest
) -> None:
    identity = agency.identity()
    rollback.require_current(identity, store)
    asked = request.getfixturevalue("silent")
    rollback.require_current(identity, store)
    assert not asked, "it was noted that the folder is the newest"
    agency.clock.moment += timedelta(minutes=2)
    for _ in range(2):
        with pytest.raises(PeerUnreachableError):
            rollback.require_current(identity, store)


def test_what_does_not_end_in_time_keeps_nobody_waiting(
    agency: CheapNode, store: Store, silent: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a name that no server answers for: the operating system looks for it in a thread that cannot be stopped."""
    begun, returned, ended = Event(), Event(), Event()

    def look_for_a_name() -> None:
        begun.set()
        returned.wait(30)
        ended.set()

    async def asked(*_: object, **__: object) -> Sightings:
        looking = asyncio.create_task(asyncio.to_thread(look_for_a_name))
        await asyncio.to_thread(begun.wait)
        looking.cancel()  # as what has a time is when it is over
        return Sightings(heads={})

    monkeypatch.setattr(rollback, "witnessed", asked)
    with pytest.raises(PeerUnreachableError):
        rollback.require_current(agency.identity(), store)
    assert not ended.is_set()
    returned.set()
    assert ended.wait(30)


def test_who_goes_on_alone_waits_once_for_those_who_do_not_answer(
    agency: CheapNode, store: Store, silent: list[object]
) -> None:
    identity = replace(agency.identity(), alone=True)
    for _ in range(3):
        rollback.require_current(identity, store)
    assert len(silent) == 1
    assert outside_note.silent(identity) == {}, "nothing waits for them"
    assert outside_note.silent(agency.identity()) == SILENT[0]


@pytest.mark.threat("an old state")
def test_who_goes_on_alone_signs_nothing_behind_its_own_signer(
    agency: CheapNode, store: Store, silent: list[object]
) -> None:
    identity = replace(agency.identity(), alone=True)
    start_audit(store, NODE)
    assert tell(identity, store, "node.run", "before")
    assert silent, "it goes on alone by now"
    identity.log_signer().sign(f"{NODE}/audit/main", start=1, leaf_hashes=[b"of a later day".ljust(32)])
    with pytest.raises(RestoredError, match="older than what this node has signed"):
        rollback.require_current(identity, store)


def test_who_goes_on_alone_signs_nothing_in_a_folder_that_is_known_to_be_put_back(
    agency: CheapNode, store: Store, silent: list[object]
) -> None:
    identity = replace(agency.identity(), alone=True)
    mark_restored(identity.home, backup="", now=identity.clock.now(), why="others have seen more")
    with pytest.raises(RestoredError, match="others have seen more"):
        rollback.require_current(identity, store)
    assert not silent


def test_nobody_waits_for_members_that_were_silent_a_moment_ago(
    agency: CheapNode, store: Store, silent: list[object]
) -> None:
    for _ in range(3):
        with pytest.raises(PeerUnreachableError, match="nobody answers"):
            rollback.require_current(agency.identity(), store)
    assert len(silent) == 1


async def test_a_running_node_asks_silent_members_again_and_stops_once_it_is_put_back(
    agency: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = agency.identity()
    parts = replace(parts_of(identity, store), stopped=asyncio.get_running_loop().create_future())
    (job,) = [job for job in parts.jobs() if job.name == "confirm"]
    with monkeypatch.context() as nobody:
        nobody.setattr(rollback, "_too_few", lambda *_: SILENT)
        await job.work()
    assert not rollback.is_confirmed(identity)
    assert outside_note.silent(identity) == SILENT[0]
    await job.work()
    assert rollback.is_confirmed(identity)
    assert outside_note.silent(identity) == {}
    assert not parts.stopped.done()
    mark_restored(identity.home, backup="", now=identity.clock.now(), why="others have seen more")
    for _ in range(2):
        await job.work()
    with pytest.raises(RestoredError, match="others have seen more"):
        await parts.stopped


def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no place outside of the process."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    for name in ("_BOOT", "_MOUNTS"):
        monkeypatch.setattr(outside_note, name, Path("/nothing/there"))


def test_a_head_that_a_peer_holds_and_nobody_cosigned_tells_it_too(
    agency: CheapNode, store: Store, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_audit(store, NODE)
    older = tmp_path_factory.mktemp("older")
    shutil.copytree(agency.folder, older, dirs_exist_ok=True, ignore=shutil.ignore_patterns("sigfed.db*"))
    assert tell(agency.identity(), store, "node.run", "of a later day")
    with store.read() as unit:
        (log,) = unit.logs.ls(LogKind.OWN_AUDIT)
    assert log.note is not None

    async def told(*_: object, **__: object) -> list[tuple[str, GossipHead]]:
        return [("nl.example", GossipHead(log.origin, log.note or b""))]

    monkeypatch.setattr(rollback, "told", told)
    identity = replace(agency, folder=older).identity()
    with empty_store(older) as back:
        start_audit(back, NODE)
        with pytest.raises(RestoredError, match="has seen 1 entries"):
            rollback.require_current(identity, back)


@pytest.fixture(params=["outside", "in the process"])
def noted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the answers of the members are noted."""
    if request.param == "in the process":
        nowhere(monkeypatch)


@pytest.mark.usefixtures("noted")
def test_what_was_signed_alone_is_no_answer_of_the_members(
    agency: CheapNode, store: Store, silent: list[object]
) -> None:
    start_audit(store, NODE)
    for subject in ("first", "second"):
        assert tell(replace(agency.identity(), alone=True), store, "node.run", subject)
    assert len(silent) == 1
    with pytest.raises(PeerUnreachableError):
        rollback.require_current(agency.identity(), store)


@pytest.mark.usefixtures("noted")
def test_a_signer_that_is_held_while_the_machine_goes_back_does_not_bring_the_answer_back(
    agency: CheapNode, store: Store, request: pytest.FixtureRequest
) -> None:
    identity = agency.identity()
    start_audit(store, NODE)
    held = rollback.signer_of(identity, store)
    request.getfixturevalue("silent")
    agency.clock.moment += timedelta(minutes=2)
    for _ in range(2):
        with pytest.raises(PeerUnreachableError):
            rollback.require_current(identity, store)
        made = new_record(store, actor="node", action="node.run", subject=NODE, now_ms=identity.now_ms)
        record(store, held, made)


def test_where_nothing_can_be_noted_outside_the_process_remembers(
    agency: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A unit with `ProcSubset=pid` hides the number of this start of the machine."""
    nowhere(monkeypatch)
    identity = agency.identity()
    rollback.require_current(identity, store)
    asked = request.getfixturevalue("silent")
    rollback.require_current(identity, store)
    assert not asked
