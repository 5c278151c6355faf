"""New material from a hoster's folder to an agency's list, over real HTTPS, typed at two machines."""

from collections.abc import Iterator
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest

from support.agencies import BOTH, LIST, Federation, numbered, table, written
from support.digest_search import DigestSearch
from support.federated import federated
from support.processes import Cli

NEW, NEWER = numbered("found by a moderator", 2)
WORDS = ("--reason", "found by our moderators", "--contact", "abuse@hoster.example")


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with federated(tmp_path_factory.mktemp("proposals")) as made:
        yield made


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two files that nobody lists, and one that both agencies list."""
    contents = {"new.jpg": NEW, "newer.jpg": NEWER, "known.jpg": BOTH}
    return [written(tmp_path / name, content) for name, content in contents.items()]


def proposal(cli: Cli, identity: str) -> dict[str, Any]:
    return cli.done("proposal", "show", identity)


def test_from_a_hosters_folder_to_a_list(federation: Federation, partner: Cli, files: list[str]) -> None:
    fr = federation.fr
    sent = partner.told("propose", *files, *WORDS, "--collection", "baseline", typed="y\n")
    assert sent.exit == 0, sent.err
    assert "in the clear, to fr.example: 9 hashes of 3 files" in sent.err
    assert "3 files proposed, receipt verified" in sent.out
    identity = str(partner.done("proposal", "ls")["proposal"])

    opened = fr.done("status")["open_proposals"]
    assert "of partners to look at: sigfed proposal ls" in fr.told("status").out
    shown = fr.told("proposal", "show", identity[:8])
    assert "proposed by hoster" in shown.out
    assert "found by our moderators (abuse@hoster.example)" in shown.out
    assert "listed in fr.example/lists/csam, baseline" in shown.out
    assert sha256(NEW).hexdigest() not in shown.out + shown.err
    assert sha256(NEW).hexdigest() in fr.told("proposal", "show", identity, "--hashes").out

    where = ("--list", LIST, "--collection", "baseline")
    fr.refused(2, "no basis", "proposal", "take", identity, *where, "--basis", "relies-on", "--yes")
    taken = fr.done("proposal", "take", identity, *where, "--basis", "reviewed", "--file", "1", "--yes")
    assert (taken["taken_up"], taken["entries"], taken["waiting"]) == (1, 3, 0)
    fr.done("proposal", "refuse", identity, "--file", "2", "--reason", "an advertisement")
    known = fr.done("proposal", "take", identity, *where, "--basis", "reviewed", "--yes")
    assert (known["taken_up"], known["entries"]) == (1, 1), "of the listed file its SHA-1 is new"
    fr.done("publish")
    explained = fr.run("entry", "explain", "--hash-from", "-", typed=sha256(NEW).hexdigest())
    assert "fr.example/lists/csam" in explained.out

    seen = proposal(partner, identity)
    assert seen["state"] == "decided"
    assert [(each["state"], each["reason"]) for each in seen["outcomes"]] == [
        ("taken_up", ""),
        ("refused", "an advertisement"),
        ("taken_up", ""),
    ]
    assert [each["file"] for each in seen["outcomes"]] == files
    assert fr.done("proposal", "ls")["closed_ms"] > 0
    assert fr.done("status")["open_proposals"] == opened - 1
    search = DigestSearch(frozenset({sha256(NEW).digest(), md5(NEW, usedforsecurity=False).digest()}))
    for home in (partner.home, fr.home):
        everything = {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}
        assert search.sightings_in(everything) == []
    journal = federation.fr_node.journal
    assert search.sightings_in({"journal": journal.read_bytes()}) == []


def test_nothing_leaves_without_a_yes(federation: Federation, partner: Cli, files: list[str]) -> None:
    before = len(federation.fr.run("proposal", "ls").results)
    said = partner.told("propose", *files, *WORDS, typed="n\n")
    assert said.exit == 130
    assert partner.told("propose", *files, *WORDS).exit == 130, "nobody is there to ask"
    assert partner.run("proposal", "ls").results == []
    assert len(federation.fr.run("proposal", "ls").results) == before


def test_what_could_not_be_sent_waits_and_is_sent_once(
    federation: Federation, partner: Cli, files: list[str]
) -> None:
    with federation.fr_stopped():
        down = partner.told("propose", *files, *WORDS, "--yes")
        assert down.exit == 16
        assert partner.done("status")["unsent_proposals"] == 1
        assert "1 proposal not sent yet: fr.example cannot be reached" in down.err
        again = partner.told("propose", *files, *WORDS, "--yes")
        assert (again.exit, again.err.count("left out, it was proposed before")) == (3, 3)
        assert "next: sigfed proposal ls" in again.err
        assert proposal(partner, str(partner.done("proposal", "ls")["proposal"]))["state"] == "waiting"
    sent = partner.done("proposal", "send", "--all")
    assert (sent["state"], sent["files_waiting"]) == ("sent", 3)
    assert partner.done("proposal", "send", "--all")["sent"] == 0
    received = federation.fr.run("proposal", "ls").results
    assert [each["proposal"] for each in received].count(sent["proposal"]) == 1

    taken_back = partner.done("proposal", "withdraw", sent["proposal"][:8])
    assert (taken_back["state"], taken_back["files_withdrawn"]) == ("decided", 3)
    assert "its hashes were deleted" in federation.fr.told("proposal", "show", sent["proposal"]).out
    federation.fr.refused(
        2, "no file of this proposal waits", "proposal", "refuse", sent["proposal"], "--reason", "x"
    )
    assert partner.told("propose", *files, *WORDS, "--yes").exit == 0, (
        "what was taken back may be proposed anew"
    )


def test_hashes_from_a_table(federation: Federation, partner: Cli, tmp_path: Path) -> None:
    del federation
    source = written(tmp_path / "table.csv", table(*numbered("from a table", 3)))
    done = partner.run("propose", "--from", source, *WORDS, "--yes")
    assert (done.exit, done.first["files"]) == (0, 3)
    piped = partner.run("propose", "--from", "-", *WORDS, typed=sha256(b"piped").hexdigest())
    assert piped.exit == 2, "hashes and the answer cannot both come from standard input"
    piped = partner.run("propose", "--from", "-", *WORDS, "--yes", typed=sha256(b"piped").hexdigest())
    assert (piped.exit, piped.first["files"]) == (0, 1)
    many = written(tmp_path / "many.csv", table(*numbered("many", 300)))
    assert [each["files"] for each in partner.run("propose", "--from", many, *WORDS, "--yes").results] == [
        256,
        44,
    ]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("not a hash\n", 2, "line 1 is not a hash"),
        ("", 2, "there are no hashes in it"),
        (f"{sha256(b'').hexdigest()}\n", 3, "left out, digest of the empty file"),
    ],
)
def test_what_is_not_proposed(partner: Cli, tmp_path: Path, content: str, code: int, says: str) -> None:
    source = written(tmp_path / "hashes", content)
    said = partner.told("propose", "--from", source, *WORDS, "--yes")
    assert said.exit == code
    assert says in said.err
    assert partner.run("proposal", "ls").results == []


def test_words_must_fit_before_anything_is_kept(partner: Cli, files: list[str]) -> None:
    for words in (("--reason", "x" * 501), ("--reason", "a\nb"), (*WORDS, "--collection", "1024")):
        assert partner.told("propose", *files, *words, "--yes").exit == 2
    assert partner.run("proposal", "ls").results == []
