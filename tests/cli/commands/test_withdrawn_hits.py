"""A withdrawal reaches the hits that were found and reported before it, at the partner and at the agency."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from node.home import Home
from node.hoster.hits.homes import hit_spool
from node.hoster.hits.instructions import UNDO
from node.partners.hits.instructions import UNDO_REPORT
from support.agencies import LIST, SUBSET, Federation, table, written
from support.federated import federated
from support.processes import Cli
from support.requests_seen import asked


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two agencies and a partner of this module's own: reports and releases stay in them."""
    with federated(tmp_path_factory.mktemp("withdrawn")) as made:
        yield made


@pytest.fixture
def contents(request: pytest.FixtureRequest) -> Sequence[bytes]:
    """Files of this test alone, which both agencies list by mistake."""
    return [f"{request.node.name} {number}".encode() for number in range(2)]


@pytest.fixture
def files(federation: Federation, tmp_path: Path, contents: Sequence[bytes]) -> list[str]:
    """The same on the partner's disk, listed and released."""
    path = written(tmp_path / "listed.csv", table(*contents))
    for cli in (federation.fr, federation.nl):
        cli.done("entry", "import", path, "--list", LIST, "--basis", "own")
        cli.done("publish")
    federation.fr.done("peer", "sync")
    federation.fr.done("subset", "release", SUBSET)
    return [written(tmp_path / f"{number}.bin", content) for number, content in enumerate(contents)]


def withdraw(federation: Federation, tmp_path: Path, contents: Sequence[bytes]) -> None:
    path = written(tmp_path / "withdrawn.csv", table(*contents))
    federation.fr.done("entry", "withdraw", "--list", LIST, "--reason", "error", "--hash-from", path, "--yes")
    federation.fr.done("publish")
    federation.fr.done("subset", "release", SUBSET)


def found(partner: Cli, *files: str) -> list[str]:
    """The ids of the hits of these files, oldest first."""
    partner.done("update")
    assert partner.run("check", *files).exit == 1
    return [str(each["hit"]) for each in partner.run("hit", "ls").results]


def state(cli: Cli, hit: str) -> object:
    return next((each["state"] for each in cli.run("hit", "ls").results if each["hit"] == hit), None)


@pytest.mark.threat("a withdrawn hit reported")
def test_a_hit_that_waits_is_closed_by_the_update_and_not_reported(
    federation: Federation, partner: Cli, files: list[str], contents: Sequence[bytes], tmp_path: Path
) -> None:
    listed, ended = found(partner, *files)
    withdraw(federation, tmp_path, contents[1:])
    updated = partner.told("update")
    assert "1 hit closed" in updated.out
    assert partner.run("check", files[1]).exit == 0
    assert [state(partner, hit) for hit in (listed, ended)] == ["waiting", "withdrawn"]
    assert partner.done("status")["unreported_hits"] == 1
    reported = partner.run("hit", "report", "--all").results
    assert [each["hit"] for each in reported] == [listed]
    assert state(federation.fr, ended) is None
    assert partner.run("hit", "report", ended).results[0]["reported"] is False
    assert state(federation.fr, ended) is None


def test_a_hit_of_an_earlier_version_that_waits_is_closed_as_well(
    federation: Federation, partner: Cli, files: list[str], contents: Sequence[bytes], tmp_path: Path
) -> None:
    """It kept nothing that tells without a question whether a release lists it: the update's batch asks about it."""
    partner.done("update")
    usual = asked(federation, partner, "update")
    listed, ended = found(partner, *files)
    spool = hit_spool(Home(partner.home))
    for hit in spool.ls():
        spool.save(replace(hit, tag=b"", others=()))
    assert asked(federation, partner, "update") == usual, "the node sees no difference"
    assert all(hit.tag for hit in spool.ls())
    for hit in spool.ls():
        spool.save(replace(hit, tag=b""))
    withdraw(federation, tmp_path, contents[1:])
    assert partner.done("update")["hits_closed"] == 1
    assert [state(partner, hit) for hit in (listed, ended)] == ["waiting", "withdrawn"]
    assert state(federation.fr, ended) is None


@pytest.mark.threat("a withdrawn hit reported")
def test_a_report_that_comes_late_is_judged_by_the_newest_release(
    federation: Federation, partner: Cli, files: list[str], contents: Sequence[bytes], tmp_path: Path
) -> None:
    listed, ended = found(partner, *files)
    withdraw(federation, tmp_path, contents[1:])
    done = partner.run("hit", "report", "--all")
    assert [(each["hit"], each["state"]) for each in done.results] == [
        (listed, "reported"),
        (ended, "withdrawn"),
    ]
    shown = partner.done("hit", "show", ended)
    assert (shown["state"], shown["ended_ms"] != 0, shown["received_ms"] != 0) == ("withdrawn", True, True)
    assert state(federation.fr, ended) == "withdrawn"
    assert partner.run("hit", "report", "--all").results == [{"reported": 0}]


def test_of_a_report_whose_answer_was_lost_both_sides_are_told_as_well(
    federation: Federation, partner: Cli, files: list[str], contents: Sequence[bytes], tmp_path: Path
) -> None:
    """The agency took it as listed, and began what it does with a hit, though the partner never heard so."""
    (hit,) = found(partner, files[0])
    partner.killed("report-answered", "hit", "report", hit)
    assert (state(partner, hit), state(federation.fr, hit)) == ("waiting", "open")
    assert "was not answered; the agency may have it" in partner.told("hit", "show", hit).out
    withdraw(federation, tmp_path, contents[:1])
    updated = partner.told("update")
    assert "1 reported hit" in updated.out
    assert UNDO in updated.err
    shown = partner.done("hit", "show", hit)
    assert (shown["state"], shown["reported"]) == ("withdrawn", True)
    assert 0 < shown["received_ms"] < shown["ended_ms"]
    assert partner.done("status")["withdrawn_hits"] == 1


@pytest.mark.threat("a withdrawn hit reported")
def test_both_sides_are_told_of_a_hit_that_was_reported_before(
    federation: Federation, partner: Cli, files: list[str], contents: Sequence[bytes], tmp_path: Path
) -> None:
    (hit,) = found(partner, files[0])
    partner.done("hit", "report", hit)
    partner.done("hit", "resolve", hit, "--action", "removed")
    before = federation.fr.done("status")["withdrawn_hits"]
    withdraw(federation, tmp_path, contents[:1])
    seen = federation.fr.done("hit", "show", hit)
    assert (seen["state"], seen["ended_ms"] != 0) == ("withdrawn", True)
    assert UNDO_REPORT in federation.fr.told("hit", "show", hit).out
    assert federation.fr.done("status")["withdrawn_hits"] == before + 1
    updated = partner.told("update")
    assert "1 reported hit" in updated.out
    assert UNDO in updated.err
    assert state(partner, hit) == "withdrawn"
    assert partner.done("status")["withdrawn_hits"] == 1
    assert partner.done("update")["hits_withdrawn"] == 0, "it was told once"
    partner.done("hit", "resolve", hit, "--action", "false-positive")
    assert state(partner, hit) == "resolved"
    assert partner.done("status")["withdrawn_hits"] == 0
    assert federation.fr.done("hit", "close", hit)["state"] == "closed"
