"""Processes of one partner that find the same files in the same moment, and one that dies while it records."""

import os
import signal
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from typing_extensions import override

from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.lookup.examiner import Hit
from node.hoster.store.database import Rows
from support.preloaded import barrier, called_in_fork, start_in_fork, wait_for_forked
from support.spooling import HIT, SENT, recorded

FILES = 40
PATIENCE_SECONDS = 60


def found() -> Hit:
    """The hit of a look-up: each look-up makes a report of its own."""
    return replace(HIT, report=replace(SENT, report=replace(SENT.report, report_id=os.urandom(16))))


def finds(folder: Path, together: Barrier) -> None:
    """Find all files, each at the same time as the other process."""
    spool = HitSpool(folder)
    for number in range(FILES):
        together.wait(PATIENCE_SECONDS)
        recorded(spool, found(), name=f"{number}.jpg")


def dies_recording(folder: Path) -> None:
    """Record a hit and be killed with the lock held, before the hit is committed."""

    class Dying(HitSpool):
        @override
        def _put(self, rows: Rows, hit: SpooledHit) -> None:
            super()._put(rows, hit)
            os.kill(os.getpid(), signal.SIGKILL)

    recorded(Dying(folder), found())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "partner"


def test_what_two_processes_find_at_once_is_one_hit(folder: Path) -> None:
    together = barrier(2)
    processes = [start_in_fork(finds, folder, together) for _ in range(2)]
    assert [wait_for_forked(process, PATIENCE_SECONDS) for process in processes] == [0, 0]
    assert sorted(hit.name for hit in HitSpool(folder).ls()) == sorted(
        f"{number}.jpg" for number in range(FILES)
    )


def test_who_dies_while_recording_keeps_nobody_from_it(folder: Path) -> None:
    before = recorded(HitSpool(folder), found(), name="before.jpg")
    assert called_in_fork(dies_recording, folder) == -signal.SIGKILL
    spool = HitSpool(folder)
    assert recorded(spool, found(), name="before.jpg").id == before.id
    kept = recorded(spool, found())
    assert {hit.id for hit in spool.ls()} == {before.id, kept.id}
