"""The large world is what it says, in small: counts add up, and what it holds can be opened and verified."""

from pathlib import Path

import pytest

from node.app.judged import Judge
from node.audit.reader import read_audit
from node.lists.catalogue import report_lists
from node.objects.taken_reports import taken
from node.store.lists.records import LogKind
from support.large_world import FULL, large_world

SMALL = FULL.smaller(200)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    return large_world(tmp_path_factory.mktemp("large") / "world", SMALL)


def test_it_has_what_it_promises(world) -> None:  # type: ignore[no-untyped-def]
    with world.opened() as (identity, store):
        with store.read() as unit:
            assert len(unit.partners.ls()) == SMALL.partners
            assert len(unit.peers.ls()) == 2
        reports = report_lists(store)
        active = sum(sum(report.active.values()) for report in reports)
        assert SMALL.entries - 8 * SMALL.few <= active <= SMALL.entries
        assert [report.log.kind for report in reports].count(LogKind.PEER_LIST) == 2
        assert len(list(read_audit(store))) >= SMALL.audited
        judged = Judge.of(identity, store).now()
        assert judged.current.decision.effective
        assert judged.waiting
        assert judged.current.decision.blocks


def test_its_reports_open(world) -> None:  # type: ignore[no-untyped-def]
    from node.partners.hits.overview import reported_hits

    with world.opened() as (_, store):
        hits = list(reported_hits(store))
        assert len(hits) == SMALL.hits
        assert {hit.disputed for hit in hits} == {True, False}
        assert taken(store, hits[0].record).report().partner == hits[0].record.partner


def test_copies_are_apart(world, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    other = large_world(tmp_path / "other", SMALL)
    with other.opened() as (identity, store):
        assert str(tmp_path) in str(identity.home.folder)
        with store.write() as unit:
            for peer in unit.peers.ls():
                unit.peers.remove(peer.name)
    with world.opened() as (_, store), store.read() as unit:
        assert len(unit.peers.ls()) == 2
