"""What a command has said is done survives a power cut: the disk was asked to have written it, before and after.

Other tests wait for no disk (`support.machine`); these commands are processes of their own, where nothing is changed.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from support.agencies import import_files, numbered
from support.processes import Cli

FULL = 2
"""SQLite's number for a database that waits for the disk at each commit."""


def asked(cli: Cli, record: Path, *arguments: str) -> list[list[Any]]:
    """What a command asks of the disk, in order."""
    program = (sys.executable, "-P", "-m", "support.recorded_disk", str(record))
    finished = cli.run(*arguments, program=program)
    assert finished.exit == 0, finished.err
    return [json.loads(line) for line in record.read_text().splitlines()]


@pytest.mark.parametrize("command", [("publish",), ("key", "rotate", "auth", "--yes")], ids=" ".join)
def test_what_gets_its_name_is_on_the_disk_and_then_its_name_is(
    agency: Cli, tmp_path: Path, command: tuple[str, ...]
) -> None:
    import_files(agency, numbered("durable", 3))
    events = asked(agency, tmp_path / "record", *command)
    require_durable(events, tmp_path)
    assert len([kind for kind, *_ in events if kind == "named"]) > 1


def test_a_node_that_was_founded_is_on_the_disk(tmp_path: Path) -> None:
    cli, secret = Cli(tmp_path / "above" / "home", cheap_keys=True), tmp_path / "secret"
    cli.home.parent.mkdir()
    secret.touch(mode=0o600)
    secret.write_text("a made-up passphrase\n")
    founding = (
        "--node",
        "fr.example",
        "--country",
        "FR",
        "--url",
        "https://fr.example/",
        "--root-kdf",
        "online",
    )
    passphrases = ("--passphrase-file", str(secret), "--root-passphrase-file", str(secret))
    events = asked(cli, tmp_path / "record", "init", *founding, *passphrases)
    require_durable(events, tmp_path)
    named = {target for kind, *_, target in events if kind == "named"}
    assert {str(cli.home / "sigfed.toml"), str(cli.home / "keys" / "storage-1.json")} <= named
    assert ["made", str(cli.home / "keys")] in events
    assert (cli.home / "sigfed.toml").stat().st_mode & 0o777 == 0o600


def require_durable(events: list[list[Any]], below: Path) -> None:
    """What got a name was written before, and its name was after; so was that of each folder `below`."""
    assert {number for kind, number, *_ in events if kind == "synchronous"} == {FULL}
    written: set[str] = set()
    for at, (kind, *names) in enumerate(events):
        if kind == "named":
            source, target = names
            assert source in written, f"{target} was named before its bytes were there"
            assert ["written", str(Path(target).parent)] in events[at:], (
                f"the name of {target} was not written"
            )
        if kind == "made" and Path(names[0]).is_relative_to(below):
            parent = str(Path(names[0]).parent)
            assert ["written", parent] in events[at:], f"the name of {names[0]} was not written"
        written.update(map(str, names))
