"""What the node's own journal says of a partner's commands: the same, whatever they find."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from threading import Event, Semaphore
from unittest.mock import Mock

import pytest

from node.errors import PeerUnreachableError
from node.files import try_locked
from node.home import Home
from node.hoster import cover
from node.hoster.hits.homes import hit_spool
from node.hoster.hits.resolutions import Action
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.judge import machine
from node.hoster.lookup import held_releases
from node.hoster.settings import AgentSettings
from node.hoster.settle import settle
from node.hoster.store.database import Row
from node.hoster.store.release import load_release
from node.ports.verdicts import Outcome
from node.remote.node import RemoteNode
from node.subsets import content
from protocol.subset.label import CANARY_LABEL, Label, LabelSource, seal_label
from support.agencies import BOTH, SUBSET, UNLISTED, Federation, numbered, publish_files, written
from support.federated import federated
from support.leap import leap
from support.processes import Cli, wait_until
from support.requests_seen import asked, evaluations


@pytest.fixture
def stored(partner: Cli, tmp_path: Path) -> Path:
    """Files that the partner scanned."""
    folder = tmp_path / "files"
    folder.mkdir()
    written(folder / "listed", BOTH)
    written(folder / "clean", UNLISTED)
    assert partner.run("scan", str(folder)).exit == 1
    return folder


def test_as_much_is_asked_whatever_is_found(federation: Federation, partner: Cli, stored: Path) -> None:
    hit = asked(federation, partner, "check", str(stored / "listed"), codes=[1])
    miss = asked(federation, partner, "check", str(stored / "clean"))
    assert evaluations(hit) == 1
    assert hit == miss
    after = asked(federation, partner, "scan", "--resume", codes=[1])
    (stored / "listed").unlink()
    assert asked(federation, partner, "scan", "--resume") == after == miss


def test_one_batch_follows_each_update(federation: Federation, partner: Cli, stored: Path) -> None:
    seen = asked(federation, partner, "update")
    assert evaluations(seen) == 1
    assert seen[-1].startswith("evaluate ")
    (partner.home / "partner/scan.db").unlink()
    assert asked(federation, partner, "update") == seen, "not even whether anything is stored"


def test_switched_off_only_what_passes_the_screen_is_asked_about(
    federation: Federation, partner: Cli, stored: Path
) -> None:
    settings = partner.home / "partner.toml"
    settings.write_text('cover = "off"\n')
    settings.chmod(0o600)
    assert evaluations(asked(federation, partner, "update")) == 0
    assert evaluations(asked(federation, partner, "check", str(stored / "clean"))) == 0
    assert evaluations(asked(federation, partner, "check", str(stored / "listed"), codes=[1])) == 1
    assert partner.done("status")["cover"] == "off"


def test_a_clean_file_needs_no_node(partner: Cli, stored: Path, federation: Federation) -> None:
    with federation.fr_stopped():
        assert partner.run("check", str(stored / "clean")).exit == 0


@pytest.mark.usefixtures("stored")
async def test_of_two_daemons_of_a_home_one_sends_at_its_beat(
    federation: Federation, partner: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "beat_minutes", lambda _: 0.005)
    monkeypatch.setattr(machine, "_SPLAY", 0.0)
    home, settings = Home(partner.home), AgentSettings(update_minutes=0, jobs=1)
    before = federation.fr_node.journal.read_text().count("endpoint=evaluate")

    def batches() -> int:
        return federation.fr_node.journal.read_text().count("endpoint=evaluate") - before

    async with AsyncExitStack() as stack:
        for kind in ("agent", "icap"):
            await stack.enter_async_context(machine.judging([home], settings, kind=kind, fail_closed=False))
        await asyncio.to_thread(wait_until, lambda: batches() >= 3)
        with try_locked(partner.home / "partner" / machine.BEAT_LOCK) as free:
            assert not free
    with try_locked(partner.home / "partner" / machine.BEAT_LOCK) as free:
        assert free


async def test_nodes_that_are_silent_take_no_thread_that_hits_are_written_down_with(
    partner: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several subsets are updated at once, and each beat waits for minutes where its node says nothing."""
    monkeypatch.setattr(machine, "beat_minutes", lambda _: 0.001)
    answered, begun = Event(), Semaphore(0)

    def silent(*_: object, **__: object) -> None:
        begun.release()
        answered.wait(60)
        raise PeerUnreachableError("the node says nothing")

    for name in ("bring_update", "beat"):
        monkeypatch.setattr(machine, name, silent)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    settings = AgentSettings(jobs=1).model_copy(update={"update_minutes": 0.001})
    async with machine.judging([Home(partner.home)], settings, kind="agent", fail_closed=False) as made:
        async with asyncio.timeout(20):
            for _ in range(2):
                while not begun.acquire(blocking=False):  # noqa: ASYNC110 - it is released in threads
                    await asyncio.sleep(0.01)
        try:
            async with asyncio.timeout(20), made.inspector.receiving() as upload:
                assert upload.write(BOTH)
                assert (await upload.inspect("listed")).verdict.outcome is Outcome.HIT
        finally:
            answered.set()


def test_an_update_verifies_once_what_it_holds(partner: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its batch goes by the same release: verifying one of ten million takes a third of a second."""
    loaded = Mock(wraps=load_release)
    monkeypatch.setattr(held_releases, "load_release", loaded)
    assert partner.run("update").exit == 0
    assert loaded.call_count == 1


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("unreported", [0, 6])
async def test_all_that_follows_an_update_goes_on_a_tick_however_many_hits_there_are(
    partner: Cli, monkeypatch: pytest.MonkeyPatch, unreported: int
) -> None:
    assert partner.run("hit", "report", "--all").exit == 0
    home = Home(partner.home)
    spool = hit_spool(home)
    [reported] = spool.ls()
    spool.save(replace(reported, action=Action.DISABLED, resolved_ms=reported.found_ms))
    for number in range(unreported):
        other = replace(reported.sent.report, report_id=bytes([number] * 16))
        spool.save(replace(reported, sent=replace(reported.sent, report=other), receipt=b"", tried=False))
    monkeypatch.setattr(cover, "TICK_SECONDS", 1000.0)
    whole, sleep = HitSpool._open, asyncio.sleep

    def slowly(spool: HitSpool, row: Row) -> SpooledHit:
        leap(100)  # as in a spool of many
        return whole(spool, row)

    async def leaping(seconds: float) -> None:
        leap(seconds)
        await sleep(0)

    monkeypatch.setattr(HitSpool, "_open", slowly)
    monkeypatch.setattr(asyncio, "sleep", leaping)
    moments = _requests(monkeypatch, "evaluate", "ended_reports", "resolve_hit")
    now = asyncio.get_running_loop().time
    begun = now()
    assert not (await settle(home, anew=0.0)).problem
    moments["its end"] = now()
    after = {name: (moment - begun) % cover.TICK_SECONDS for name, moment in moments.items()}
    assert list(after) == ["evaluate", "ended_reports", "resolve_hit", "its end"]
    assert max(after.values()) < 50, after


def _requests(monkeypatch: pytest.MonkeyPatch, *names: str) -> dict[str, float]:
    """When the last request of each of these names was begun."""
    moments: dict[str, float] = {}

    def timed(name: str) -> None:
        send = getattr(RemoteNode, name)

        async def sending(*args: object, **options: object) -> object:
            moments[name] = asyncio.get_running_loop().time()
            return await send(*args, **options)

        monkeypatch.setattr(RemoteNode, name, sending)

    for name in names:
        timed(name)
    return moments


@pytest.mark.threat("logging look-ups")
def test_who_stores_what_was_just_listed_asks_as_who_does_not(tmp_path: Path) -> None:
    """Two homes with as many files, scanned before one of them was listed; tokens are counted here, too."""
    with federated(tmp_path) as made:
        (held,), (other,) = numbered("held", 1), numbered("else", 1)
        homes = [made.new_partner(tmp_path / name) for name in ("holder", "other")]
        for home, first in zip(homes, (held, other), strict=True):
            folder = tmp_path / f"files of {home.home.name}"
            folder.mkdir()
            for number, content in enumerate((first, *numbered("clean", 5))):
                written(folder / str(number), content)
            assert home.run("scan", str(folder)).exit == 0
        for agency in (made.fr, made.nl):
            publish_files(agency, [held])
        made.fr.done("peer", "sync")
        made.fr.done("subset", "release", SUBSET)
        for command in (["update"], ["update"], ["scan", "--resume"], ["update"], ["status"]):
            ours, theirs = (
                asked(made, home, *command, codes=[0, 1], uncounted=frozenset()) for home in homes
            )
            assert ours == theirs, command
        assert [len(home.run("hit", "ls").results) for home in homes] == [1, 0]


@pytest.mark.threat("logging look-ups")
def test_a_label_that_is_none_is_a_hit_and_the_node_does_not_see_who_opened_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lying node seals the entry of a list that its release does not name: only who has the output opens it."""
    strange = Label(1, (LabelSource(200, 0),)).to_bytes()

    def seal(output: bytes, *, subset_id: bytes, epoch: int, label: bytes) -> bytes:
        told = label if label == CANARY_LABEL.to_bytes() else strange
        return seal_label(output, subset_id=subset_id, epoch=epoch, label=told)

    with federated(tmp_path) as made:
        names = {"holder": b"held", "other": b"not held"}
        homes = [made.new_partner(tmp_path / name) for name in names]
        for agency in (made.fr, made.nl):
            publish_files(agency, [names["holder"]])
        made.fr.done("peer", "sync")
        monkeypatch.setattr(content, "seal_label", seal)
        made.fr.done("subset", "release", SUBSET)
        for home, text in zip(homes, names.values(), strict=True):
            home.done("update")
            written(home.home.with_suffix(".bin"), text)
        for words in (["check", "{home}.bin"], ["scan", "{home}.bin"], ["update"], ["scan", "--resume"]):
            ours, theirs = (
                asked(made, home, *(word.format(home=home.home) for word in words), codes=[0, 1])
                for home in homes
            )
            assert ours == theirs, words
        assert [len(home.run("hit", "ls").results) for home in homes] == [1, 0]
        said = homes[0].told("check", f"{homes[0].home}.bin").out
        assert "HIT, listed by the federation" in said, "neither a collection nor countries"
