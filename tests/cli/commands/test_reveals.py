"""Whoever has hashes of a list shown in the terminal, or asks others about some, is on record as in the console."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from node.cli.command_tree import GroupedByUser
from support.agencies import BOTH, Federation, numbered, table, written
from support.federated import federated
from support.processes import Cli

Words = tuple[str, ...]


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with federated(tmp_path_factory.mktemp("reveals")) as made:
        yield made


def actions(cli: Cli) -> list[object]:
    """What is on record, oldest first."""
    return [each["action"] for each in cli.run("audit", "ls").results]


def hashes(results: Sequence[dict[str, Any]]) -> list[str]:
    """Whatever in results is a hash that was asked for."""
    found = [results[0][name] for name in ("hash",) if results and results[0].get(name)]
    files = results[0].get("outcomes", []) if results else []
    return [*found, *(value for file in files for value in file["hashes"] or ())]


@contextmanager
def unrecordable(cli: Cli) -> Iterator[None]:
    """For a while nothing can be put on record: where an act is noted before it is done, there is a file."""
    notes = cli.home / "audit-gaps"
    away = notes.rename(notes.with_name("away"))
    notes.touch()
    try:
        yield
    finally:  # else the node that runs beside us could never put anything on record again
        notes.unlink()
        away.rename(notes)


def hit(federation: Federation, partner: Cli) -> Words:
    partner.run("check", federation.files["both"])
    partner.done("hit", "report", "--all")
    return ("hit", "show", str(federation.fr.run("hit", "ls").results[0]["hit"])[:8])


def proposal(federation: Federation, partner: Cli) -> Words:
    file = written(partner.home.parent / "new.jpg", numbered("shown on record", 1)[0])
    partner.done("propose", file, "--reason", "found", "--collection", "baseline", "--yes")
    return ("proposal", "show", str(partner.done("proposal", "ls")["proposal"])[:8])


def review(federation: Federation, partner: Cli) -> Words:
    del partner
    first = federation.fr.run("review", "ls").results[0]
    return ("review", "show", f"{first['origin']}:{first['index']}")


MADE: dict[str, Callable[[Federation, Cli], Words]] = {"hit": hit, "proposal": proposal, "review": review}
"""What each command that has `--hashes` is typed with."""


def commands(group: Any, *words: str) -> Iterator[tuple[Words, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *words, name)
        else:
            yield (*words, name), command


def test_every_command_that_shows_hashes_is_tried_here() -> None:
    """So that the next one is not forgotten."""
    shows = {
        words
        for words, command in commands(GroupedByUser())
        if any("--hashes" in parameter.opts for parameter in command.params)
    }
    assert shows == {(noun, "show") for noun in MADE}


@pytest.mark.threat("a leaking text")
@pytest.mark.parametrize("noun", MADE)
def test_hashes_are_shown_on_record_alone(federation: Federation, partner: Cli, noun: str) -> None:
    fr = federation.fr
    words = MADE[noun](federation, partner)
    reveal = f"{noun}.reveal"
    before = actions(fr).count(reveal)  # a node that runs records what it does beside us
    assert fr.run(*words).exit == 0
    assert actions(fr).count(reveal) == before, "what shows no hash is a look"
    shown = fr.run(*words, "--hashes")
    assert shown.exit == 0
    record = fr.run("audit", "ls", "--action", reveal).results[-1]
    assert record["subject"] == words[-1]
    assert actions(fr).count(reveal) == before + 1
    assert hashes(shown.results)
    assert not any(value in str(record) for value in hashes(shown.results))
    with unrecordable(fr):
        refused = fr.run(*words, "--hashes")
        assert refused.exit != 0
        assert not hashes(refused.results), "what cannot be recorded is not shown"
        assert fr.run(*words).exit == 0


@pytest.mark.threat("look-ups between agencies")
def test_whoever_asks_other_agencies_is_on_record(federation: Federation) -> None:
    fr = federation.fr
    asked = written(federation.folder / "asked.csv", table(BOTH))
    before = actions(fr).count("entry.holders")
    assert fr.run("entry", "holders", "--hash-from", asked).exit == 0
    assert actions(fr).count("entry.holders") == before + 1
    with unrecordable(fr):
        assert fr.run("entry", "holders", "--hash-from", asked).exit != 0


@pytest.mark.threat("a leaking text")
def test_files_with_hashes_or_names_are_for_their_owner_alone(federation: Federation, tmp_path: Path) -> None:
    """Other users of the machine read nothing of them, whatever the umask."""
    partner, fr = federation.new_partner(tmp_path / "partner"), federation.fr
    both = federation.files["both"]
    partner.run("check", both)
    found = str(partner.done("hit", "report", "--all")["hit"])
    written_by: dict[str, tuple[Cli, Words]] = {
        "hit.evidence": (partner, ("hit", "evidence", found)),
        "hashes.csv": (fr, ("hash", both)),
        "audit.jsonl": (fr, ("audit", "export")),
    }
    for name, (cli, words) in written_by.items():
        assert cli.run(*words, "-o", str(tmp_path / name)).exit == 0
    modes = {name: oct((tmp_path / name).stat().st_mode & 0o777) for name in written_by}
    assert modes == dict.fromkeys(written_by, "0o600")
    assert "not overwritten" in fr.run("hash", both, "-o", str(tmp_path / "hashes.csv")).err
