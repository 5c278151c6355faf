"""One home that follows two subsets: both are asked, each with its own cover, and what is found shows at neither."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.sdk import Client
from support.agencies import BOTH, SUBSET, UNLISTED, Federation, written
from support.federated import federated
from support.processes import Cli
from support.requests_seen import asked, evaluations

SECOND = "second"


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Of this module alone: the agency makes a second subset."""
    with federated(tmp_path_factory.mktemp("federation")) as made:
        made.fr.done("subset", "create", SECOND)
        made.fr.done("subset", "release", SECOND)
        yield made


@pytest.fixture
def partner(federation: Federation, tmp_path: Path) -> Cli:
    """A partner that follows both."""
    made = federation.new_partner(tmp_path / "partner")
    name = f"hoster-{tmp_path.name[-12:].strip('_').replace('_', '-')}"
    text = federation.fr.done("partner", "invite", name, "--subset", SECOND)["invitation"]
    assert made.done("enroll", "--stdin", "--also", typed=f"{text}\n")["subset"] == SECOND
    return made


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """One that is listed, and one that is not."""
    (tmp_path / "files").mkdir()
    written(tmp_path / "files/listed", BOTH)
    written(tmp_path / "files/clean", UNLISTED)
    return tmp_path / "files"


def test_as_much_is_asked_of_both_whatever_is_found(
    federation: Federation, partner: Cli, files: Path
) -> None:
    hit = asked(federation, partner, "check", str(files / "listed"), codes=[1])
    miss = asked(federation, partner, "check", str(files / "clean"))
    assert (evaluations(hit), hit) == (2, miss)
    partner.run("update")
    nothing = asked(federation, partner, "update")
    assert asked(federation, partner, "scan", str(files), codes=[1]) == hit
    assert evaluations(nothing) == 2
    assert asked(federation, partner, "update") == nothing


def test_every_subset_says_what_it_found(partner: Cli, files: Path) -> None:
    told = partner.run("check", str(files / "listed"))
    assert [(each["subset"], each["verdict"]) for each in told.results] == [(SUBSET, "hit"), (SECOND, "hit")]
    assert [each["subset"] for each in partner.run("hit", "ls").results] == [SUBSET, SECOND]
    assert [each["subset"] for each in partner.run("status").results] == [SUBSET, SECOND]
    assert partner.run("hit", "report", "--all").exit == 0
    assert [each["state"] for each in partner.run("hit", "ls").results] == ["reported"] * 2


def test_what_is_done_for_one_names_it(partner: Cli, files: Path) -> None:
    assert partner.run("--subset", SECOND, "check", str(files / "listed")).exit == 1
    [hit] = partner.run("hit", "ls").results
    assert hit["subset"] == SECOND
    for command in (
        ["hit", "show", hit["hit"]],
        ["hit", "report", hit["hit"]],
    ):
        partner.refused(2, "this home follows several subsets", *command)
    assert partner.run("--subset", SECOND, "hit", "show", hit["hit"]).exit == 0
    partner.refused(2, "follows 0 subsets named third", "--subset", "third", "status")
    with Client(partner.home) as sigfed:
        assert sigfed.hits() == []
    assert "only the first is served here" in partner.refused(2, "nothing to listen on", "agent").err
    with Client(partner.home, subset=SECOND) as sigfed:
        assert [each.id for each in sigfed.hits()] == [hit["hit"]]


def test_one_that_fails_keeps_the_other_from_nothing(
    federation: Federation, partner: Cli, files: Path
) -> None:
    [name] = {each["partner"] for each in partner.run("--subset", SECOND, "status").results}
    federation.fr.done("partner", "suspend", name)
    told = partner.run("update")
    assert (told.exit, [each["subset"] for each in told.results]) == (12, [SUBSET])
    assert partner.run("check", str(files / "listed")).exit == 1


def test_a_subset_is_followed_once(federation: Federation, partner: Cli) -> None:
    text = federation.fr.done("partner", "invite", "twice", "--subset", SUBSET)["invitation"]
    partner.refused(2, "a partner is enrolled in", "enroll", "--stdin", typed=f"{text}\n")
    partner.refused(2, "follows fr.example/subsets", "enroll", "--stdin", "--also", typed=f"{text}\n")
    assert len(partner.run("status").results) == 2
