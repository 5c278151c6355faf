"""A ceremony: a yes for each step, a transcript that its holders signed, and a rehearsal that touches nothing."""

import json
from pathlib import Path

import pytest

from keys.trust.envelope import open_envelope
from node.home import Home
from node.identity.identity import open_identity
from support.agencies import written
from support.processes import Cli, contents

SCRIPT = """
title = "Holder 1 replaces his keys"

[[holder]]
name = "1"
who = "A. Martin"
keys = "{keys}"
passphrase_file = "{passphrase}"

[[step]]
do = "say"
text = "Everybody compares the eight words of the first root with his card."

[[step]]
do = "make"
holder = "1"

[[step]]
do = "propose"

[[step]]
do = "sign"
holder = "1"

[[step]]
do = "publish"
"""


def trust_and_keys(office: Cli) -> dict[str, str]:
    """What a ceremony is about."""
    return {
        name: data for name, data in contents(office.home).items() if name.startswith(("keys/", "trust/"))
    }


def script(office: Cli, folder: Path, text: str = SCRIPT) -> Path:
    passphrase = office.home.with_name("fr-root-passphrase")
    filled = text.replace("{keys}", str(office.home / "keys/offline")).replace(
        "{passphrase}", str(passphrase)
    )
    return Path(written(folder / "ceremony.toml", filled))


def test_it_ends_with_a_transcript_that_its_holders_signed(office: Cli, tmp_path: Path) -> None:
    file = script(office, tmp_path)
    before = open_identity(Home(office.home)).trust.root()
    done = office.done("key", "ceremony", str(file), typed="y\n" * 6)
    root = open_identity(Home(office.home)).trust.root()
    assert (done["steps"], root.version) == (5, 2)
    assert [holder.root for holder in before.holders if holder.name == "2"] == [root.holders[1].root]
    assert before.holders[0].keys != root.holders[0].keys
    transcript = json.loads(open_envelope(Path(done["transcript"]).read_bytes(), "transcript", root))
    assert transcript["people"] == [{"name": "1", "who": "A. Martin"}]
    assert [step["do"] for step in transcript["steps"]] == ["say", "make", "propose", "sign", "publish"]
    assert any("replaces the root key of holder 1 by" in line for line in transcript["steps"][2]["lines"])
    office.refused(2, "is not overwritten", "key", "ceremony", str(file))


def test_afterwards_the_targets_key_that_signs_is_the_one_that_stays_here(
    office: Cli, tmp_path: Path
) -> None:
    """Which of the files that is, the root says and not their names: the replaced one comes first by name."""
    office.done("key", "ceremony", str(script(office, tmp_path)), typed="y\n" * 6)
    (found,) = (each for each in office.run("doctor").results if each["check"] == "offline keys")
    assert "targets-1.json" in found["step"]
    assert "targets-1-b.json" not in found["step"]


@pytest.mark.parametrize("yes", range(5))
def test_without_a_yes_it_ends_before_anything_is_in_force(office: Cli, tmp_path: Path, yes: int) -> None:
    said = office.run("key", "ceremony", str(script(office, tmp_path)), typed="y\n" * yes + "n\n")
    assert said.exit == 130
    assert open_identity(Home(office.home)).trust.root().version == 1
    assert f"step {yes + 1} of 5" in said.err


def test_a_rehearsal_changes_nothing(office: Cli, tmp_path: Path) -> None:
    file = script(office, tmp_path)
    before = trust_and_keys(office)
    done = office.done("key", "ceremony", str(file), "--rehearse", typed="y\n" * 6)
    assert done == {"steps": 5, "transcript": ""}
    assert trust_and_keys(office) == before
    assert open_identity(Home(office.home)).trust.root().version == 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("title", "titel", "a script has a title"),
        ("[[holder]]", "[holder]", "at least one [[holder]]"),
        ('who = "A. Martin"', 'who = ""', "says who that is"),
        ('who = "A. Martin"', 'whom = "A. Martin"', "a [[holder]] has name, who, keys"),
        ('name = "1"', 'name = "A. Martin"', "no name of a holder"),
        ('do = "make"', 'do = "burn"', "step 2: it does say, make"),
        ('do = "propose"', 'do = "propose"\nthreshold = "2"', "step 3: thresholds are numbers"),
        ('do = "make"\nholder = "1"', 'do = "make"', "step 2: make needs holder"),
        ('do = "sign"\nholder = "1"', 'do = "sign"\nholder = "2"', "step 4: 2 is no [[holder]]"),
        ("Everybody", "\\u00c9verybody", "step 1: the text"),
        ("[[step]]", "[step", "not TOML"),
    ],
)
def test_scripts_that_are_refused(office: Cli, tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in SCRIPT
    file = script(office, tmp_path, SCRIPT.replace(old, new))
    office.refused(2, says, "key", "ceremony", str(file))


def test_two_of_one_name(office: Cli, tmp_path: Path) -> None:
    twice = SCRIPT + '[[holder]]\nname = "1"\nwho = "B"\nkeys = "x"\n'
    office.refused(2, "of one name", "key", "ceremony", str(script(office, tmp_path, twice)))
    early = SCRIPT.replace('[[step]]\ndo = "propose"\n\n', "")
    said = office.run("key", "ceremony", str(script(office, tmp_path, early)), typed="y\n" * 5)
    assert (said.exit, "before anything is proposed" in said.err) == (2, True)


def test_a_script_that_was_cut_off_is_not_performed(office: Cli, tmp_path: Path) -> None:
    long = SCRIPT + "# and more\n" * 6000
    office.refused(2, "longer than", "key", "ceremony", str(script(office, tmp_path, long)))


AWAY = SCRIPT.replace("[[step]]", '[[holder]]\nname = "2"\nwho = "B. Durand"\nkeys = "{away}"\n\n[[step]]', 1)


def test_a_medium_that_is_away_is_asked_for_before_the_transcript_is_signed(
    office: Cli, tmp_path: Path
) -> None:
    """It was plugged in for its holder's steps only, and the transcript said nothing of who had not signed it."""
    away = tmp_path / "away"
    offline = office.home / "keys/offline"
    file = script(office, tmp_path, AWAY.replace("{away}", str(away)))
    (offline / "targets-2.json").rename(tmp_path / "targets-2.json")
    said = office.run("key", "ceremony", str(file), typed="y\n" * 6)
    assert said.exit == 0, said.err
    assert "plug in the medium of B. Durand before you say yes" in said.err
    assert "B. Durand did not sign the transcript" in said.err
    assert len(json.loads(Path(said.first["transcript"]).read_bytes())["signatures"]) == 1


def test_a_transcript_that_nobody_could_sign_is_none(office: Cli, tmp_path: Path) -> None:
    only_say = AWAY.partition('[[step]]\ndo = "make"')[0].replace("{keys}", "{away}")
    file = script(office, tmp_path, only_say.replace("{away}", str(tmp_path / "away")))
    office.refused(2, "nobody's targets key is here", "key", "ceremony", str(file), typed="y\n" * 2)
