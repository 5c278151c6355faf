"""An investigator asks other agencies who holds a file: one answers, and none learns about what."""

import shutil
import subprocess
from collections.abc import Iterator
from errno import ENOSPC
from pathlib import Path

import pytest

from node.errors import PeerUnreachableError
from node.home import Home
from node.hoster import client
from node.identity.identity import open_identity
from protocol.enrolment import PIN_BYTES
from support.agencies import LIST, SUBSET, Federation, cheapen, row, table, written
from support.federated import federated
from support.processes import PROGRAM, Cli, environment

SECRET = b"held by one agency in an investigation"
HOLDINGS = "holdings"


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with federated(tmp_path_factory.mktemp("holders")) as made:
        yield made


@pytest.fixture(scope="module")
def asking(federation: Federation) -> Cli:
    """The agency that was invited to ask the other about what it alone lists."""
    fr, nl = federation.fr, federation.nl
    export = written(
        federation.folder / "investigative.csv", table(SECRET).replace("baseline", "investigative")
    )
    importing = ("entry", "import", export, "--list", LIST, "--basis", "own")
    nl.done(*importing)
    nl.done("publish")
    nl.done("subset", "create", HOLDINGS, "--holdings", "--collection", "investigative")
    cheapen(nl)
    nl.done("subset", "release", HOLDINGS)
    nl.done("contact", "duty desk, +31 20 000 0000")
    nl.refused(2, "for members", "partner", "invite", "hoster", "--subset", HOLDINGS)
    invited = nl.done("partner", "invite", "fr-asks", "--subset", HOLDINGS, "--agency", "fr.example")
    joined = fr.done("holders", "join", "--stdin", typed=f"{invited['invitation']}\n")
    assert (joined["node"], joined["entries"]) == ("nl.example", 2)
    return fr


@pytest.mark.threat("look-ups between agencies")
def test_the_holder_is_named_with_collection_and_contact(asking: Cli, tmp_path: Path) -> None:
    asked = written(tmp_path / "asked.csv", table(SECRET, b"held by nobody"))
    [answer] = asking.run("entry", "holders", "--hash-from", asked).results
    assert answer["holder"] == "nl.example"
    assert answer["collection"] == "investigative"
    assert answer["contact"] == "duty desk, +31 20 000 0000"
    assert "investigation" not in str(answer)


def test_a_member_is_joined_once(asking: Cli, federation: Federation) -> None:
    again = ("partner", "invite", "fr-twice", "--subset", HOLDINGS, "--agency", "fr.example")
    string = f"{federation.nl.done(*again)['invitation']}\n"
    asking.refused(2, "may ask nl.example already", "holders", "join", "--stdin", typed=string)


@pytest.mark.threat("look-ups between agencies")
def test_nobody_learns_about_what(asking: Cli, federation: Federation, tmp_path: Path) -> None:
    asked = written(tmp_path / "asked.csv", table(SECRET))
    done = asking.run("entry", "holders", "--hash-from", asked)
    digests = row(SECRET).split(",")
    told = federation.nl_node.journal.read_text() + done.err
    assert not any(digest in told for digest in digests if len(digest) >= 32)


@pytest.mark.threat("look-ups between agencies")
def test_what_one_agency_lists_reaches_no_partner(asking: Cli, federation: Federation, partner: Cli) -> None:
    partner.done("update")
    path = Path(written(federation.folder / "secret.bin", SECRET))
    assert partner.run("check", str(path)).results[0]["verdict"] == "clean"


def test_a_partners_string_is_not_for_agencies(asking: Cli, federation: Federation) -> None:
    asking.refused(
        14, "not from a member", "holders", "join", "--stdin", typed="https://127.0.0.1:1/#" + "A" * 52 + "\n"
    )
    invite = ("partner", "invite", "wrong", "--subset", SUBSET, "--agency", "nl.example")
    federation.fr.refused(2, "is for partners", *invite)


@pytest.mark.parametrize(
    ("error", "code"), [(PeerUnreachableError("cut off"), 3), (OSError(ENOSPC, "No space left on device"), 2)]
)
def test_who_joined_stays_joined_where_the_list_does_not_come(
    asking: Cli, federation: Federation, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    """The string is used up by then, and this agency may ask: that is said, and on record."""

    async def cut_off(*_: object, **__: object) -> None:
        raise error

    for home in Home(asking.home).askers:
        shutil.rmtree(home.folder)
    again = ("partner", "invite", f"fr-again-{code}", "--subset", HOLDINGS, "--agency", "fr.example")
    string = f"{federation.nl.done(*again)['invitation']}\n"
    with monkeypatch.context() as cut:
        cut.setattr(client, "update", cut_off)
        joined = asking.run("holders", "join", "--stdin", typed=string)
    assert (joined.exit, joined.results) == (code, [{"node": "nl.example", "subset": HOLDINGS}])
    newest = asking.run("audit", "ls", "--action", "holders").results[-1]
    assert (newest["action"], newest["outcome"]) == ("holders.join", "partly")


def test_a_damaged_enrolment_is_named_and_the_others_are_asked(
    asking: Cli, federation: Federation, tmp_path: Path
) -> None:
    """Of two enrolments one is damaged: a copy of the other, as if this agency could ask itself."""
    home = Home(asking.home)
    [whole] = home.askers
    members = open_identity(home).trust.members().members
    [pin] = [each.root_sha256[:PIN_BYTES] for each in members if each.node == "fr.example"]
    damaged = home.asking(pin).folder
    shutil.copytree(whole.folder, damaged)
    (damaged / "partner/state.db").write_bytes(b"damaged")
    try:
        asked = written(tmp_path / "asked.csv", table(SECRET))
        done = asking.run("entry", "holders", "--hash-from", asked)
        assert (done.exit, [found["holder"] for found in done.results]) == (2, ["nl.example"])
        assert "fr.example could not be asked: " in done.err
        listed = asking.run("holders", "ls")
        assert (listed.exit, [(one["node"], one["subset"]) for one in listed.results]) == (
            0,
            [("fr.example", None), ("nl.example", HOLDINGS)],
        )
        assert f"{damaged / 'partner/state.db'} is damaged" in listed.results[0]["failure"]
        invite = ("partner", "invite", "fr-thrice", "--subset", HOLDINGS, "--agency", "fr.example")
        string = f"{federation.nl.done(*invite)['invitation']}\n"
        asking.refused(2, "may ask nl.example already", "holders", "join", "--stdin", typed=string)
    finally:
        shutil.rmtree(damaged)


@pytest.mark.parametrize("read", [[], [None, None]], ids=["too little", "too much"])
def test_an_answer_to_other_files_is_none(
    asking: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: list[None]
) -> None:
    """Whoever left one out would be taken for an agency that does not hold it."""

    async def other(*_: object) -> list[None]:
        return read

    monkeypatch.setattr("node.app.peers.holders.look_up", other)
    asked = written(tmp_path / "asked.csv", table(SECRET))
    with pytest.raises(AssertionError, match=r"zip\(\) argument 2"):
        asking.run("entry", "holders", "--hash-from", asked)


def test_a_member_that_does_not_answer_is_named(asking: Cli, federation: Federation, tmp_path: Path) -> None:
    asked = written(tmp_path / "asked.csv", table(SECRET))
    federation.nl_node.stop()
    done = asking.run("entry", "holders", "--hash-from", asked)
    assert (done.exit, done.out) == (16, "")
    assert "nl.example could not be asked" in done.err


@pytest.mark.threat("a removed member")
def test_who_was_removed_is_asked_no_more_and_may_be_stopped_from_asking(
    asking: Cli, federation: Federation, tmp_path: Path
) -> None:
    """After the others: the federation of two ends here."""
    command = [*PROGRAM, "--home", str(federation.nl.home), "member", "remove", "fr.example", "--yes"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True, timeout=120)
    assert "sigfed partner suspend fr-asks" in done.stderr
    assert asking.run("member", "remove", "nl.example", "--yes").exit == 0
    assert asking.run("holders", "ls").results == []
    asked = written(tmp_path / "asked.csv", table(SECRET))
    nobody = asking.run("entry", "holders", "--hash-from", asked)
    assert (nobody.exit, nobody.out) == (0, "")
    assert "could not be asked" not in nobody.err
