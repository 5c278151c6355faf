"""Two nodes as witnesses of each other, over real HTTPS, by the commands that operators type."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.agencies import LIST, SUBSET, Federation, import_files, numbered, publish_files
from support.federated import federated
from support.processes import Cli, Running

LISTED, RELEASED = f"fr.example/lists/{LIST}", f"fr.example/subsets/{SUBSET}"


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with federated(tmp_path_factory.mktemp("witnesses")) as made:
        yield made


def standings(cli: Cli) -> dict[str, dict[str, Any]]:
    """What `sigfed witness ls` says, by origin."""
    return {one["origin"]: one for one in cli.run("witness", "ls").results}


def test_a_release_is_cosigned_when_it_is_made(federation: Federation) -> None:
    found = standings(federation.fr)
    for origin in (LISTED, RELEASED):
        assert (found[origin]["cosigned"], found[origin]["missing"]) == (1, 0)
        (witness,) = found[origin]["witnesses"]
        assert (witness["witness"], witness["outcome"], witness["alarm"]) == ("nl.example", "cosigned", False)
        assert witness["since_ms"] > 0


def test_what_was_published_before_anybody_knew_it_is_cosigned_on_request(federation: Federation) -> None:
    origin = f"nl.example/lists/{LIST}"
    assert standings(federation.nl)[origin]["missing"] == 1
    federation.nl.done("witness", "ask")
    assert standings(federation.nl)[origin]["missing"] == 0


def test_a_list_is_cosigned_when_it_is_published(federation: Federation) -> None:
    import_files(federation.fr, numbered("published", 3))
    done = federation.fr.run("publish")
    (published,) = done.results
    assert (published["cosigned"], published["missing"]) == (1, 0)
    assert "cosigned by 1 of 1" in done.err
    synced = federation.nl.run("peer", "sync").first
    assert (synced["new"], synced["outcome"].endswith("verified")) == (published["size"], True)


def test_a_witness_that_is_down_stops_no_publication(federation: Federation) -> None:
    federation.nl_node.stop()
    try:
        import_files(federation.fr, numbered("unwitnessed", 3))
        done = federation.fr.run("publish")
        assert done.exit == 0
        assert (done.first["cosigned"], done.first["missing"]) == (0, 1)
        assert "nl.example cannot be reached" in done.err
        status = federation.fr.run("status").first
        assert status["uncosigned"] == {LISTED: 1}
        # Its own witness is a member, and enough in a federation of two.
        assert federation.nl.run("peer", "sync").first["new"] == done.first["size"]
    finally:
        federation.nl_node = Running(federation.nl)
    federation.fr.done("witness", "ask")
    assert federation.fr.run("status").first["uncosigned"] == {}


def test_more_witnesses_than_there_are_is_never_met(federation: Federation) -> None:
    federation.nl.edit("sigfed.toml", "quorum = -1", "quorum = 2")
    try:
        publish_files(federation.fr, numbered("too few", 1))
        refused = federation.nl.run("peer", "sync")
        assert refused.exit == 14
        assert refused.first["outcome"] == "1 more witnesses must cosign; withdrawals applied"
        assert refused.first["new"] == refused.first["old"]
    finally:
        federation.nl.edit("sigfed.toml", "quorum = 2", "quorum = -1")
    assert federation.nl.run("peer", "sync").exit == 0


def test_who_does_not_know_the_log_says_so(federation: Federation) -> None:
    federation.nl.done("peer", "remove", "fr.example")
    try:
        import_files(federation.fr, numbered("unknown", 1))
        done = federation.fr.run("publish")
        assert "does not witness this log" in done.err
    finally:
        federation.nl.done("peer", "add", "fr.example", "--grant", "baseline")


def test_whose_clock_is_ahead_cosigns_nothing_that_counts_and_that_is_said(
    federation: Federation, tmp_path: Path
) -> None:
    """It goes on with that time once its clock is right: no cosignature is dated before an earlier one."""
    clock = tmp_path / "clock"
    clock.write_text("+3600")
    federation.nl_node.stop()
    try:
        with Running(replace(federation.nl, clock_file=clock)):
            for ahead in ("+3600", "+0"):
                clock.write_text(ahead)
                import_files(federation.fr, numbered(f"when it is {ahead}", 1))
                said = federation.fr.told("publish")
                assert said.exit == 0
                assert "cosigned by 0 of 1, 1 more must cosign" in said.err
                assert re.search(r"nl\.example: cosigned, but dated 3\d{3} s ahead", said.err), said.err
    finally:
        federation.nl_node = Running(federation.nl)
