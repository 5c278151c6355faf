"""What a partner's home keeps for people to look at later: updates, scans, daemons that run. Damage is no knowledge."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from node.hoster.judge.daemons import Daemon, running_daemon, running_daemons
from node.hoster.release.last_update import LastUpdate, keep_last_update, last_update
from node.hoster.scan.history import MOST, finished_scans, keep_scan
from node.hoster.scan.results import ScanSummary, Status
from node.hoster.store.kinds import FactName, Kind
from support.partner_rows import replace_body

SUMMARY = ScanSummary(
    sources=("/srv/up", "s3://bucket/a"),
    counts={Status.HIT: 2, Status.CLEAN: 5},
    bytes=7,
    read=6,
    passed_over=1,
    started_ms=1000,
    ended_ms=2000,
    subset="baseline",
    release=3,
    list_age_ms=4,
    screen_only=True,
)
_HOLD = """
import sys, time
from pathlib import Path
from node.hoster.judge.daemons import running_daemon
with running_daemon(Path(sys.argv[1]), "agent", now_ms=5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_last_update_is_known_again(tmp_path: Path) -> None:
    assert last_update(tmp_path) is None
    for last in (LastUpdate(at_ms=1, error="no answer", hint="try later"), LastUpdate(at_ms=2)):
        keep_last_update(tmp_path, last)
        assert last_update(tmp_path) == last


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"at_ms": "x", "error": "", "hint": ""}', b"\xff"])
def test_a_damaged_update_is_not_known(tmp_path: Path, damage: bytes) -> None:
    keep_last_update(tmp_path, LastUpdate(at_ms=1))
    replace_body(tmp_path, Kind.FACT, FactName.LAST_UPDATE, damage)
    assert last_update(tmp_path) is None


def test_what_cannot_be_kept_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    keep_last_update(tmp_path, LastUpdate(at_ms=1))
    keep_scan(tmp_path, SUMMARY)
    assert last_update(tmp_path) is None
    assert finished_scans(tmp_path) == []


def test_a_finished_scan_is_known_again(tmp_path: Path) -> None:
    keep_scan(tmp_path, SUMMARY)
    assert finished_scans(tmp_path) == [SUMMARY]
    assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0


def test_the_newest_scans_stay(tmp_path: Path) -> None:
    for number in range(MOST + 3):
        keep_scan(tmp_path, replace(SUMMARY, ended_ms=number))
    assert [scan.ended_ms for scan in finished_scans(tmp_path)] == list(range(3, MOST + 3))


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'[{"counts": {"odd": 1}}]', b"null"])
def test_after_damage_the_next_scan_is_kept(tmp_path: Path, damage: bytes) -> None:
    keep_scan(tmp_path, SUMMARY)
    replace_body(tmp_path, Kind.FACT, FactName.SCANS, damage)
    assert finished_scans(tmp_path) == []
    keep_scan(tmp_path, SUMMARY)
    assert finished_scans(tmp_path) == [SUMMARY]


def test_daemons_are_known_while_they_run(tmp_path: Path) -> None:
    with running_daemon(tmp_path, "icap", now_ms=7), running_daemon(tmp_path, "agent", now_ms=9):
        assert running_daemons(tmp_path) == [Daemon("agent", 9), Daemon("icap", 7)]
    assert running_daemons(tmp_path) == []


def test_a_daemon_that_was_killed_does_not_run(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"held\n"
        assert running_daemons(tmp_path) == [Daemon("agent", 5)]
        process.kill()
        process.wait()
    assert running_daemons(tmp_path) == []
    with running_daemon(tmp_path, "agent", now_ms=100_000):
        assert len(list((tmp_path / "daemons").iterdir())) == 1, "what the dead one left is gone"
