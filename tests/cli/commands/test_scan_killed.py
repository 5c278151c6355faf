"""A scan killed at random moments, the node away for half of them: the report of one run, no hit lost or doubled."""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.subset.canary import PRESENT_TEXT
from support.agencies import Federation, federate, numbered, written
from support.processes import Cli, Finished, Running
from support.sizes import size

pytestmark = pytest.mark.slow

LISTED = numbered("listed and stored", 40)
KILLS = size(quick=6, thorough=20)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Agencies whose node goes away, and a partner with enough evaluations."""
    made = federate(tmp_path_factory.mktemp("killed"), shared=LISTED, files_per_day=100_000)
    yield made
    made.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some hundred files: 40 on the list, in many folders."""
    made = tmp_path / "stored"
    for number, content in enumerate(LISTED):
        inner = made / f"{number % 7}" / f"{number}"
        inner.mkdir(parents=True)
        written(inner / "listed", content)
        for other in range(8):
            written(inner / f"clean {other}", f"clean {number} {other}".encode() * 2000)
    written(made / "0/test file", PRESENT_TEXT)
    return made


def told(finished: Finished) -> list[dict[str, Any]]:
    """The report without what differs between two runs: times, ids of hits, what was sent, what an earlier one read."""
    rows = finished.results
    for row in rows:
        for name in ("started_ms", "ended_ms", "evaluated", "list_age_ms", "read"):
            row.pop(name, None)
        for hit in row.get("hits", []):
            assert (hit.pop("hit") is None) == hit["test_file"]
    return rows


def ids(partner: Cli) -> set[str]:
    """Ids in the spool, each of another file."""
    hits = partner.run("hit", "ls").results
    assert len({hit["file"] for hit in hits}) == len(hits)
    return {hit["hit"] for hit in hits}


def killed(partner: Cli, folder: Path, after: float) -> None:
    """Start a scan and kill it, wherever it is by then."""
    process = partner.begin("scan", str(folder), "--jobs", "1")
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)


@pytest.mark.threat("a scan that was killed")
def test_killed_at_random_moments(alone: Federation, folder: Path, tmp_path: Path) -> None:
    whole, partner = alone.partner.copied(tmp_path / "whole"), alone.partner.copied(tmp_path / "killed")
    began = time.monotonic()
    expected = whole.run("scan", str(folder))
    lasts = time.monotonic() - began
    assert expected.exit == 1
    chance = random.Random(5)
    found: set[str] = set()
    for number in range(KILLS):
        if number == 0:
            alone.fr_node.stop()
        if number == KILLS // 2:
            alone.fr_node = Running(alone.fr)
        killed(partner, folder, chance.uniform(0.2, 1.2 * lasts))
        now = ids(partner)
        assert found <= now, "a hit is lost"
        found = now
    finished = partner.run("scan", str(folder))
    assert finished.exit == 1
    reported = {hit["hit"] for row in finished.results for hit in row.get("hits", [])} - {None}
    assert reported == ids(partner)
    assert len(reported) == len(LISTED)
    assert told(finished) == told(expected)
    partner.done("hit", "report", "--all")
    partner.done("hit", "report", "--all")
    assert alone.fr.done("status")["open_hits"] == len(LISTED)
