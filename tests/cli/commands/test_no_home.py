"""A folder where nothing lives: said at once, before anything is loaded, and nothing is left there."""

from pathlib import Path

import pytest

from support.loaded import LIBRARIES, loaded
from support.processes import Cli

NODE, PARTNER = "no node lives in", "no partner is enrolled in"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("list ls", NODE),
        ("status", NODE),
        ("hit ls", NODE),
        ("hit show abcd", NODE),
        ("proposal ls", NODE),
        ("case ls", NODE),
        ("guard benign ls", NODE),
        ("publish", NODE),
        ("run", NODE),
        ("hit report --all", PARTNER),
        ("hit resolve abcd --action removed", PARTNER),
        ("proposal send --all", PARTNER),
        ("check {file}", PARTNER),
        ("scan {file}", PARTNER),
        ("update", PARTNER),
        ("agent", PARTNER),
    ],
)
def test_a_command_says_that_nothing_lives_there(tmp_path: Path, words: str, says: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a file")
    home = tmp_path / "home"

    Cli(home).refused(10, f"{says} {home}", *words.format(file=path).split())

    assert not home.exists()


@pytest.mark.parametrize("words", ["list ls", "status", "hit ls", "check {file}", "update"])
def test_it_loads_nothing_to_say_so(tmp_path: Path, words: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a file")

    modules = loaded(["--home", str(tmp_path / "home"), *words.format(file=path).split()])

    assert modules & LIBRARIES == set()


def test_a_holder_makes_keys_where_no_node_lives(tmp_path: Path) -> None:
    made = Cli(tmp_path / "machine", cheap_keys=True).run(
        "key", "holder", "new", "carol", "--node", "fr.example"
    )
    assert NODE not in made.err
