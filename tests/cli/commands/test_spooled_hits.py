"""Hundreds of hits wait to be reported, and the node dies meanwhile: none is lost, none is there twice."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.agencies import BOTH, Federation, row, written
from support.federated import federated
from support.processes import Running
from support.sizes import size

HITS = size(quick=250, thorough=1_000)
DEATHS = ("_keep", HITS // 8), ("_answer", HITS // 2), ("_keep", HITS // 4)
"""Before it keeps a report, or answers one that it kept, the node is killed, when it has done so that often."""


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with federated(tmp_path) as made:
        yield made


def taken(federation: Federation) -> int:
    """How many reports the node has kept, read beside it."""
    with closing(sqlite3.connect(f"file:{federation.fr.home / 'sigfed.db'}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM hit_report").fetchone()[0])


@pytest.mark.threat("hits lost or doubled")
def test_no_spooled_hit_is_lost_or_doubled(federation: Federation, tmp_path: Path) -> None:
    partner = federation.partner
    asked = written(tmp_path / "asked.csv", "\n".join(["sha256,md5,collection", *[row(BOTH)] * HITS]))
    assert partner.run("check", "--hash-from", asked).exit == 1
    found = {str(hit["hit"]) for hit in partner.run("hit", "ls").results}
    assert len(found) == HITS

    federation.fr_node.stop()
    for step, calls in DEATHS:
        before = taken(federation)
        dying = {"DIE_AT": f"node.partners.hits.reports:Reporting.{step} {calls}"}
        federation.fr_node = Running(federation.fr, variables=dying)
        told = partner.run("hit", "report", "--all")
        assert (told.exit, "not told yet" in told.err) == (16, True), told.err
        assert federation.fr_node.process.wait(60) == -signal.SIGKILL
        assert before < taken(federation) < HITS
    federation.fr_node = Running(federation.fr)
    last = partner.run("hit", "report", "--all")
    assert last.exit == 0, last.err
    assert taken(federation) == HITS
    assert {str(hit["hit"]) for hit in federation.fr.run("hit", "ls").results} == found
    assert {str(hit["state"]) for hit in partner.run("hit", "ls").results} == {"reported"}
    assert partner.done("hit", "report", "--all")["reported"] == 0
