"""A holder whose keys lie in an ssh-agent or a token: he makes no key file, and does all that the others do."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keys.trust.envelope import open_envelope
from node.home import Home
from node.identity.identity import open_identity
from support.agencies import written
from support.agents import running_agent
from support.key_holders import KeyHolder
from support.processes import Cli
from support.tokens import new_token

MakeKey = Callable[[str], str]
"""Makes a key of this name, and gives its URI."""


@pytest.fixture(params=["ssh-agent", "token"])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeKey]:
    if request.param == "token":
        token = new_token(tmp_path / "t", monkeypatch)
        yield lambda name: (token.make(name), token.uri(name))[1]
        return
    with running_agent(tmp_path, monkeypatch) as agent:
        yield lambda name: f"sshagent:{agent.make(name)}"


@pytest.fixture
def holder(tmp_path: Path) -> KeyHolder:
    """Nobody can ask him for a passphrase: he has none."""
    made = KeyHolder(tmp_path, "2")
    made.passphrase.unlink()
    return made


def brought(make: MakeKey, *names: str) -> list[str]:
    return [
        word
        for option, name in zip(("--root", "--targets"), names, strict=True)
        for word in (option, make(name))
    ]


def in_force(office: Cli, holder: KeyHolder, proposal: Path) -> int:
    """Holder 1, whose key files are at home, and this one sign in turn; the version of the root afterwards."""
    at_home = "--keys", str(office.home / "keys/offline")
    secret = "--passphrase-file", str(office.home.with_name("fr-root-passphrase"))
    for _ in range(3):
        office.run("key", "sign", str(proposal), *at_home, *secret, "--yes")
        holder.signs_if_asked(proposal)
    version = office.done("key", "publish", str(proposal), "--yes")["root"]
    assert isinstance(version, int)
    return version


def test_he_signs_the_next_root_and_every_trust_file(
    office: Cli, holder: KeyHolder, make: MakeKey, tmp_path: Path
) -> None:
    first = tmp_path / "first"
    card = holder.makes_keys(*brought(make, "root", "targets"))
    both = "--threshold", "2", "--targets-threshold", "2"
    office.done("key", "propose", str(first), "--holder", card, *both)
    assert in_force(office, holder, first) == 2

    listed = tmp_path / "list"
    office.done("--proposal", str(listed), "list", "create", "national")
    office.refused(14, "targets: 0 of the required 2", "key", "publish", str(listed), "--yes")
    assert in_force(office, holder, listed) == 2

    # He replaces his own keys: those before sign, and those that follow.
    replaced = tmp_path / "next"
    card = holder.makes_keys(*brought(make, "root-b", "targets-b"))
    office.done("key", "propose", str(replaced), "--holder", card)
    assert in_force(office, holder, replaced) == 3


SCRIPT = """
title = "Holder 2 brings his keys"

[[holder]]
name = "1"
who = "A. Martin"
keys = "{home}"
passphrase_file = "{passphrase}"

[[holder]]
name = "2"
who = "B. Durand"
keys = "{stick}"
root = "{root}"
targets = "{targets}"

[[step]]
do = "make"
holder = "2"

[[step]]
do = "propose"
threshold = 2
targets_threshold = 2

[[step]]
do = "sign"
holder = "1"

[[step]]
do = "sign"
holder = "2"

[[step]]
do = "sign"
holder = "1"

[[step]]
do = "publish"
"""


def test_he_takes_part_in_a_ceremony(office: Cli, holder: KeyHolder, make: MakeKey, tmp_path: Path) -> None:
    filled = SCRIPT.format(
        home=office.home / "keys/offline",
        passphrase=office.home.with_name("fr-root-passphrase"),
        stick=holder.stick,
        root=make("root"),
        targets=make("targets"),
    )
    file = written(tmp_path / "ceremony.toml", filled)
    rehearsed = office.run("key", "ceremony", file, "--rehearse", typed="y\n" * 7)
    assert (rehearsed.exit, holder.stick.exists()) == (0, False), rehearsed.err
    assert "B. Durand brings his root key at " in rehearsed.err
    done = office.done("key", "ceremony", file, typed="y\n" * 7)
    root = open_identity(Home(office.home)).trust.root()
    assert root.version == 2
    envelope = json.loads(Path(done["transcript"]).read_bytes())
    assert len(envelope["signatures"]) == 2, "both signed what was done"
    assert open_envelope(Path(done["transcript"]).read_bytes(), "transcript", root)
    assert {path.suffix for path in holder.stick.iterdir()} == {".json", ".card"}
    assert all(b'"uri"' in path.read_bytes() for path in holder.stick.glob("*.json"))


@pytest.mark.parametrize("named", ['root = ""', "root = 7", 'targets = "\\u00e9"'])
def test_scripts_that_name_no_place_are_refused(office: Cli, tmp_path: Path, named: str) -> None:
    script = '[[holder]]\nname = "1"\nwho = "A"\nkeys = "x"\n' + named + '\n[[step]]\ndo = "publish"\n'
    file = written(tmp_path / "c.toml", 'title = "t"\n' + script)
    office.refused(2, "and perhaps passphrase_file, root, targets", "key", "ceremony", file)
