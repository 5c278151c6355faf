"""Two agencies that no network joins: what is carried between them, from the introduction to a withdrawal."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.agencies import LIST, found_agency, list_files, numbered, publish_files, written
from support.processes import Cli


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cli, Cli]:
    """Two agencies that never run, each a member and peer of the other by a folder that was carried."""
    folder = tmp_path_factory.mktemp("apart")
    fr = found_agency(folder, name="fr", country="FR")
    nl = found_agency(folder, name="nl", country="NL")
    list_files(fr, numbered("carried", 150))
    for one, other, country in ((fr, nl, "FR"), (nl, fr, "NL")):
        medium = folder / f"introduces-{country}"
        introduced = one.done("transfer", "introduce", str(medium))
        words = ("--words", introduced["fingerprint"], "--country", country)
        other.done("member", "add", str(medium), *words)
        other.done("peer", "add", introduced["node"], "--grant", "baseline")
    return fr, nl


def test_a_list_is_carried_and_the_next_medium_is_small(apart: tuple[Cli, Cli], tmp_path: Path) -> None:
    fr, nl = apart
    first, second = tmp_path / "first", tmp_path / "second"
    exported = fr.done("transfer", "export", "--for", "nl.example", "--to", str(first))
    [listed] = exported["lists"]
    assert (listed["size"], listed["bundles"], listed["held"]) == (300, 2, 0)
    taken = nl.done("transfer", "import", str(first), "--from", "fr.example")
    assert (taken["old"], taken["new"], taken["adds"]) == (0, 300, 300)

    fr.done("entry", "withdraw", "--list", LIST, "--index", "3", "--reason", "legal", "--yes")
    fr.done("publish")
    held = written(tmp_path / "held.json", json.dumps(nl.done("transfer", "held", "fr.example")))
    again = fr.done("transfer", "export", "--for", "nl.example", "--to", str(second), "--held", held)
    [listed] = again["lists"]
    assert (listed["size"], listed["bundles"], listed["held"], listed["reopened"]) == (302, 1, 300, 0)
    assert again["bytes"] < exported["bytes"] / 2
    taken = nl.done("transfer", "import", str(second), "--from", "fr.example")
    assert (taken["old"], taken["new"], taken["withdrawals"]) == (300, 302, 2)

    old = nl.run("transfer", "import", str(first), "--from", "fr.example")
    assert (old.exit, "older than what is held" in old.err) == (2, True)


@pytest.mark.parametrize("words", [("introduce",), ("export", "--for", "nl.example", "--to")], ids=" ".join)
def test_of_one_that_was_killed_no_half_file_stays_on_the_medium(
    apart: tuple[Cli, Cli], tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Another peer may get the medium next, on which nobody sees it."""
    fr, _ = apart
    medium = tmp_path / "medium"
    fr.killed("node.objects.folder:_send 1", "transfer", *words, str(medium))
    assert [*medium.rglob(".*")]
    fr.done("transfer", *words, str(medium))
    assert not [*medium.rglob(".*")]


def test_mistakes_are_explained(apart: tuple[Cli, Cli], tmp_path: Path) -> None:
    fr, nl = apart
    medium = tmp_path / "medium"
    medium.mkdir()
    nl.refused(2, "no finished transfer", "transfer", "import", str(medium), "--from", "fr.example")
    (medium / "holiday.txt").write_text("somebody's")
    export = ("transfer", "export", "--for", "nl.example", "--to")
    fr.refused(2, "not empty", *export, str(medium))
    assert (medium / "holiday.txt").read_text() == "somebody's"
    fr.refused(
        2, "is not a peer", "transfer", "export", "--for", "xx.example", "--to", str(tmp_path / "other")
    )
    for text in (
        "",
        "[]",
        '{"lists": 3}',
        '{"lists": {"nl.example/lists/main": 1}}',
        '{"lists": {"a": "b"}}',
        '{"lists": {"fr.example/lists/main": 1}, "opened": 3}',
    ):
        held = written(tmp_path / "held.json", text)
        fr.refused(
            2,
            held if "nl.example" not in text else "is not about",
            *export,
            str(tmp_path / "x"),
            "--held",
            held,
        )


def test_a_medium_is_for_one_agency(apart: tuple[Cli, Cli], tmp_path: Path) -> None:
    fr, _ = apart
    medium = tmp_path / "medium"
    fr.done("transfer", "export", "--for", "nl.example", "--to", str(medium))
    fr.refused(14, "", "transfer", "import", str(medium), "--from", "nl.example")


def test_a_wider_grant_opens_what_was_carried_closed(apart: tuple[Cli, Cli], tmp_path: Path) -> None:
    """What is held says under which grant it is opened, so the next medium brings what is lacking."""
    fr, nl = apart

    def carry(name: str) -> dict[str, Any]:
        held = written(tmp_path / f"{name}.json", json.dumps(nl.done("transfer", "held", "fr.example")))
        medium = str(tmp_path / name)
        fr.done("transfer", "export", "--for", "nl.example", "--to", medium, "--held", held)
        return nl.done("transfer", "import", medium, "--from", "fr.example")

    carry("everything")
    fr.done("peer", "grant", "nl.example", "--grant", "baseline", "--algorithms", "md5")
    publish_files(fr, numbered("closed", 3))
    taken = carry("fewer")
    assert (taken["adds"], taken["opened"]) == (6, 0)

    fr.add_persons("alice", "bruno")
    fr.agreed("peer", "grant", "nl.example", "--grant", "baseline")
    taken = carry("more")
    assert (taken["adds"], taken["opened"]) == (0, 3)
    assert carry("again")["opened"] == 0
