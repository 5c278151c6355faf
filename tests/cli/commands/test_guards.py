"""The guards, as an operator uses them: lawful files kept off the list, a release stopped, a day's limit."""

from dataclasses import replace
from hashlib import md5, sha1, sha256
from pathlib import Path

import pytest

from node.home import Home
from node.identity.identity import open_identity
from support.agencies import (
    LIST,
    SUBSET,
    cheapen,
    import_files,
    lawful_table,
    publish_files,
    report,
    table,
    written,
)
from support.processes import Cli

LOGO = b"the logo of the agency"
OTHER = b"a file that belongs on the list"
NSRL = '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"'


@pytest.fixture
def alone(agency: Cli) -> Cli:
    """An agency whose word is enough, with a release of its three files."""
    identity = open_identity(Home(agency.home))
    identity.trust.revise_members(lambda old: replace(old, k=1), signers=identity.targets_signers())
    agency.done("subset", "create", SUBSET)
    cheapen(agency)
    assert agency.done("subset", "release", SUBSET)["entries"] == 6
    return agency


def hashes(*contents: bytes) -> str:
    return table(*contents)


@pytest.mark.threat("k countries together", "a lawful file listed", "stock pictures of a CMS")
def test_a_release_that_would_list_the_logo_is_refused(alone: Cli, tmp_path: Path) -> None:
    path = written(tmp_path / "logo.csv", hashes(LOGO))
    assert alone.done("guard", "tripwire", "add", "--hash-from", path, "--note", "our logo") == {
        "added": 2,
        "known": 0,
    }
    shown = alone.run("guard", "tripwire", "ls").results
    assert [(one["tripwire"], one["algorithm"], one["note"]) for one in shown] == [
        (1, "md5", "our logo"),
        (2, "sha256", "our logo"),
    ]
    publish_files(alone, [OTHER, LOGO])
    refused = alone.run("subset", "release", SUBSET)
    assert (refused.exit, refused.out) == (14, "")
    assert f"entry 8 of fr.example/lists/{LIST}, entry 9 of fr.example/lists/{LIST}" in refused.err
    assert "sigfed guard tripwire remove" in refused.err
    assert not any(hash_(LOGO).hexdigest() in refused.err for hash_ in (md5, sha256))
    [subset] = alone.run("subset", "ls").results
    assert (subset["version"], subset["entries"]) == (1, 6)

    withdrawn = written(tmp_path / "withdrawn.csv", hashes(LOGO))
    alone.done("entry", "withdraw", "--list", LIST, "--hash-from", withdrawn, "--reason", "error", "--yes")
    alone.done("publish")
    assert alone.done("subset", "release", SUBSET)["entries"] == 8

    alone.done("guard", "tripwire", "remove", "2")
    alone.done("guard", "tripwire", "add", "--hash-from", path)
    assert "no tripwire 2" in alone.run("guard", "tripwire", "remove", "2").err, "typed once more"
    said = alone.told("guard", "tripwire", "remove", "1", "3").out
    assert said == "Tripwires 1, 3 are gone: their hashes may be released again\n"
    assert alone.run("guard", "tripwire", "ls").results == []
    assert "no tripwire 1" in alone.run("guard", "tripwire", "remove", "1").err


@pytest.mark.threat("a lawful file listed")
def test_what_is_known_to_be_lawful_is_set_aside_until_two_persons_let_it_in(
    agency: Cli, tmp_path: Path
) -> None:
    rows = [
        f'"{sha1(LOGO).hexdigest().upper()}","{md5(LOGO).hexdigest().upper()}","7A5407CA","a, b.png",3,1,"358",""'
    ]
    path = written(tmp_path / "NSRL File.txt", "\r\n".join([NSRL, *rows, '"","","","",1,1,"",""', ""]))
    added = agency.run("guard", "benign", "add", path)
    assert (added.exit, added.first["hashes"], added.first["refused"]) == (3, 2, 1)
    assert added.first["refused_rows"] == [{"line": 3, "reason": "the row has no hash"}]
    [known] = agency.run("guard", "benign", "ls").results
    assert (known["set"], known["hashes"]) == ("nsrl-file", 2)
    agency.refused(2, "there is a known-benign set nsrl-file", "guard", "benign", "add", path)

    unnamed = written(tmp_path / "lawful (2).csv", table(OTHER))
    assert (
        "give it one with --name"
        in agency.refused(2, "a set is named", "guard", "benign", "add", unnamed).err
    )

    source = written(tmp_path / "new.csv", table(OTHER, LOGO))
    arguments = ["entry", "import", source, "--list", LIST, "--basis", "own"]
    preview = agency.done(*arguments, "--dry-run")
    imported = agency.done(*arguments)
    for done in (preview, imported):
        assert (done["accepted"], done["quarantined"]) == (1, 1)
    [aside] = agency.run("quarantine", "ls").results
    assert aside["reason"] == "it is in the known-benign set nsrl-file"

    agency.add_persons("alice", "bruno")
    release = agency.run_as("alice", "quarantine", "release", aside["id"], "--reason", "looked at it")
    number = str(release.first["approval"])
    assert agency.done(*arguments)["accepted"] == 0, "one person is not two"
    assert agency.run_as("bruno", "approval", "approve", number).exit == 0
    assert agency.done(*arguments)["accepted"] == 1
    agency.done("guard", "benign", "remove", "nsrl-file")
    assert agency.run("guard", "benign", "ls").results == []


@pytest.mark.threat("a bad import")
def test_more_than_a_day_is_published_only_on_purpose(agency: Cli, tmp_path: Path) -> None:
    identity = open_identity(Home(agency.home))
    identity.trust.revise_document(
        lambda old: replace(old, serial=old.serial + 1, limits=replace(old.limits, max_adds_per_day=2)),
        signers=identity.targets_signers(),
    )
    import_files(agency, [LOGO, OTHER])
    refused = agency.run("publish")
    assert refused.exit == 2
    assert "4 additions with 0 in the last 24 hours, and 2 a day are announced" in refused.err
    assert report(agency).waiting == 4
    assert agency.done("publish", "--beyond-limits")["adds"] == 4


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param("name,size\n", "the header names no hash column", id="no hashes"),
        pytest.param("{}", "there is no array value in it", id="no array"),
        pytest.param("", "empty", id="empty"),
    ],
)
def test_a_file_that_is_no_such_set_is_refused(agency: Cli, tmp_path: Path, content: str, says: str) -> None:
    agency.refused(2, says, "guard", "benign", "add", written(tmp_path / "x.csv", content))


def test_of_sets_that_were_half_added_or_removed_when_killed_no_file_is_left(
    agency: Cli, tmp_path: Path
) -> None:
    words = ("guard", "benign", "add", written(tmp_path / "site.csv", lawful_table(LOGO)))

    def files() -> int:
        return len([*(agency.home / "filters").iterdir()])

    agency.killed("node.lists.guards.Guards:_keep 0", *words)
    assert files() == 2
    agency.done(*words)
    assert files() == 2, "the hashes and their sum, once"
    agency.killed("node.objects.filters.FolderFilters:delete 0", "guard", "benign", "remove", "site")
    assert files() == 2
    assert "no known-benign set site" in agency.run("guard", "benign", "remove", "site").err
    assert files() == 0
