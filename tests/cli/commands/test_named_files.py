"""Files that whoever types names: whole or not there, whatever kills the command, which can then be typed again."""

from pathlib import Path

import pytest

from support.agencies import written
from support.processes import Cli

SECRET = "made-up words for backups\n"
COMMANDS = {
    "hashes": ("node.formats.hash_table:path_identity 1", ("hash", "{folder}", "--paths", "-o", "{named}")),
    "audit": ("node.audit.reader:_record_line 1", ("audit", "export", "-o", "{named}")),
    "report": (
        "node.app.partners.transparency:as_fields 0",
        ("report", "transparency", "--period", "2026", "-o", "{named}"),
    ),
    "backup": (
        "node.backup.archive.ArchiveWriter:add 1",
        ("backup", "create", "{named}", "--passphrase-file", "{secret}", "--kdf", "online"),
    ),
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = Path(written(tmp_path / "secret", SECRET))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("what", COMMANDS)
def test_a_file_that_was_being_written_when_its_command_was_killed(
    agency: Cli, tmp_path: Path, secret: Path, what: str
) -> None:
    place, words = COMMANDS[what]
    folder, target = tmp_path / "folder", tmp_path / "target"
    folder.mkdir()
    target.mkdir()
    for name in ("one", "two"):
        written(folder / name, f"made up: {name}")
    named = target / "named.json"
    typed = [word.format(folder=folder, named=named, secret=secret) for word in words]
    agency.killed(place, *typed)
    assert not named.exists()
    assert len([*target.iterdir()]) == 1
    assert agency.run(*typed).exit == 0
    assert [*target.iterdir()] == [named], "what was half written is gone"
    assert (agency.run(*typed).exit == 0) == (what == "report"), "it alone replaces what is there"


def test_a_folder_keeps_nothing_of_killed_backups_and_all_that_is_not_theirs(
    agency: Cli, tmp_path: Path, secret: Path
) -> None:
    place, words = COMMANDS["backup"]
    folder = tmp_path / "backups"
    folder.mkdir()
    foreign = folder / ".notes.0123456789abcdef"
    foreign.touch()
    typed = [word.format(folder="", named=folder, secret=secret) for word in words]
    agency.killed(place, *typed)
    assert len([*folder.iterdir()]) == 2
    made = Path(agency.done(*typed)["backup"])
    assert {*folder.iterdir()} == {foreign, made}


@pytest.mark.parametrize("what", ["hashes", "audit", "backup"])
def test_a_folder_that_is_not_there_is_not_made(agency: Cli, tmp_path: Path, secret: Path, what: str) -> None:
    """A medium that nobody mounted must not be taken for one."""
    named = tmp_path / "medium" / "named"
    typed = [word.format(folder=tmp_path, named=named, secret=secret) for word in COMMANDS[what][1]]
    agency.refused(2, "there is no such folder", *typed)
    assert not named.parent.exists()


def test_hashes_that_are_written_beside_their_files_are_not_of_themselves(
    agency: Cli, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    written(folder / "one", "made up")
    named = folder / "named.csv"
    assert agency.run("hash", str(folder), "--paths", "-o", str(named)).exit == 0
    assert [line.partition(",")[0] for line in named.read_text().splitlines()] == ["id", "./one"]
