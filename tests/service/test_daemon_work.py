"""What the local daemon does by itself: again and again, whatever happens, and without piling up."""

import asyncio
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from node.errors import UsageError
from node.hoster.daemon import icap
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.hooks import Hooks
from node.hoster.judge import machine
from node.hoster.judge.subset import SubsetJudge, require_tried
from node.hoster.settings import HookSettings
from support.processes import wait_until
from support.spooling import SENT, recorded


@pytest.mark.parametrize("failure", [OSError("full"), ValueError("ab" * 32), AssertionError(), KeyError("x")])
async def test_work_that_fails_is_done_again(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    done = asyncio.Event()
    tried = 0

    async def work() -> None:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise failure
        done.set()

    task = asyncio.create_task(machine._every(0.001, work))
    async with asyncio.timeout(30):
        await asyncio.wait({task, asyncio.create_task(done.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert not task.done()
    task.cancel()
    assert type(failure).__name__ in caplog.text
    assert "ab" * 32 not in caplog.text


def _hits(folder: Path, count: int) -> list[SpooledHit]:
    spool = HitSpool(folder)
    kept = recorded(spool)
    return [
        replace(kept, sent=replace(SENT, report=replace(SENT.report, report_id=number.to_bytes(16))))
        for number in range(count)
    ]


def _hooks(folder: Path) -> Hooks:
    """A program that notes hits, and waits until a file is there."""
    code = (
        "import json, pathlib, sys, time\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        "with (folder / 'heard').open('a') as file: print(json.load(sys.stdin)['hit'], file=file, flush=True)\n"
        "while not (folder / 'go').exists(): time.sleep(0.01)\n"
    )
    return Hooks(HookSettings(on_hit=(sys.executable, "-c", code)))


def test_the_same_hit_again_and_again_runs_the_program_once_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(machine, "MAX_WAITING_PROGRAMS", 2)
    first, *others = _hits(tmp_path, 4)
    heard = tmp_path / "heard"
    with machine._Telling(_hooks(tmp_path)) as telling:
        telling.tell("baseline", first, late=False)
        wait_until(heard.exists)
        for _ in range(100):
            telling.tell("baseline", others[0], late=False)
        telling.tell("baseline", others[1], late=False)
        telling.tell("baseline", others[2], late=False)
        (tmp_path / "go").touch()
        wait_until(lambda: len(heard.read_text().split()) == 3)
    assert heard.read_text().split() == [hit.id for hit in (first, *others[:2])]
    assert "too many wait" in caplog.text


def test_programs_that_were_not_run_at_the_end_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = _hits(tmp_path, 3)
    with machine._Telling(_hooks(tmp_path)) as telling:
        telling.tell("baseline", first, late=False)
        wait_until((tmp_path / "heard").exists)
        for hit in others:
            telling.tell("baseline", hit, late=False)
        telling._worker.shutdown(cancel_futures=True, wait=False)  # before the program is let go
        (tmp_path / "go").touch()
    assert "not told of 2 hits" in caplog.text


def test_a_proxy_is_told_when_what_it_kept_may_not_be_clean() -> None:
    def subset(version: int = 7, entries: int = 3, late: int = 0) -> SimpleNamespace:
        in_force = SimpleNamespace(version=version, entries=entries)
        return SimpleNamespace(in_force=in_force, judge=SimpleNamespace(late=late))

    def tag(*followed: SimpleNamespace, start: bytes = b"one", **facts: int) -> str:
        judged_by = followed or (subset(**facts),)
        return icap._release(cast("machine.Judging", SimpleNamespace(followed=judged_by)), start)

    tags = [tag(), tag(version=8), tag(entries=2), tag(late=1), tag(start=b"another")]
    tags += [tag(subset(), subset()), tag(subset(), subset(version=8)), tag(subset(), subset(late=1))]
    assert len(set(tags)) == len(tags)
    assert tag() == tags[0]
    assert all(re.fullmatch("[a-z0-9-]{1,30}", each) for each in tags)


def test_a_daemon_starts_where_one_of_its_subsets_can_be_asked() -> None:
    """Who followed pictures beside exact hashes, without what hashes pictures, goes on finding the exact ones."""

    def followed(untried: str, version: int = 1) -> SubsetJudge:
        def require(*, images: bool) -> None:
            raise UsageError(untried)

        examiner = SimpleNamespace(untried=lambda *, images: untried, require_tried=require)
        in_force = SimpleNamespace(version=version, examiner=lambda: examiner)
        return cast("SubsetJudge", SimpleNamespace(in_force=in_force))

    exact, pictures = followed(""), followed("no pictures are hashed here")
    assert require_tried([exact], images=False) == []
    assert require_tried([exact, pictures], images=False) == [pictures]
    assert require_tried([followed("unknown yet", version=0)], images=False) == []
    with pytest.raises(UsageError, match="no pictures"):
        require_tried([pictures, pictures], images=False)
