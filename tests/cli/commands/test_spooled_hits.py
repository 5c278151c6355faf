"""Hundreds of hits wait to be reported, and the node dies meanwhile: none is lost, none is there twice."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.agencies import BOTH, Federation, row, written
from support.federated import federated
from support.processes import Running, wait_until
from support.sizes import size

HITS = size(quick=250, thorough=1_000)
DEATHS = (HITS // 8, HITS // 2, HITS * 4 // 5)
"""The node is killed when it has taken so many."""


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """One whose node may be killed."""
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

    for deaths in DEATHS:
        reporting = partner.begin("hit", "report", "--all")
        wait_until(lambda deaths=deaths: taken(federation) >= deaths)  # type: ignore[misc]
        federation.fr_node.process.kill()
        federation.fr_node.process.wait()
        _, told = reporting.communicate()
        assert reporting.returncode == 16, told.decode()
        assert "not told yet" in told.decode()
        federation.fr_node = Running(federation.fr)
    assert DEATHS[-1] <= taken(federation) < HITS

    last = partner.run("hit", "report", "--all")
    assert last.exit == 0, last.err
    assert taken(federation) == HITS
    assert {str(hit["hit"]) for hit in federation.fr.run("hit", "ls").results} == found
    assert {str(hit["state"]) for hit in partner.run("hit", "ls").results} == {"reported"}
    assert partner.done("hit", "report", "--all")["reported"] == 0
