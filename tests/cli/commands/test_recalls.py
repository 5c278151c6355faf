"""Taking something back, as people type it: withdraw, see who follows, shred with two persons, readmit."""

from collections.abc import Iterator
from hashlib import md5, sha1, sha256

import pytest

from support.agencies import (
    BOTH,
    LIST,
    SINGLE,
    SUBSET,
    Federation,
    import_files,
    numbered,
    publish_files,
    written,
)
from support.digest_search import DigestSearch
from support.federated import federated
from support.processes import Cli

NL_LIST = f"nl.example/lists/{LIST}"
FR_LIST = f"fr.example/lists/{LIST}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two running agencies of their own: these tests change what they list."""
    with federated(tmp_path_factory.mktemp("recalling")) as made:
        yield made


def hash_file(cli: Cli, content: bytes) -> str:
    return written(cli.home.with_name(f"{cli.home.name}-hash.txt"), sha256(content).hexdigest() + "\n")


def shred(cli: Cli, *which: str) -> str:
    """Asked for by one person and approved by the other; what came of it."""
    return str(cli.agreed("entry", "shred", "--list", LIST, *which, "--yes")["result"])


@pytest.mark.threat("a late withdrawal")
def test_a_withdrawal_is_followed_to_its_end(pair: Federation) -> None:
    fr, nl = pair.fr, pair.nl
    done = nl.run("entry", "withdraw", "--list", LIST, "--hash-from", hash_file(nl, SINGLE), "--now", "--yes")
    assert done.exit == 0, done.err
    assert "not applied yet by fr.example" in done.err
    [waiting] = nl.run("withdrawal", "ls", "--open").results
    assert (waiting["origin"], waiting["open"]) == (NL_LIST, True)
    assert waiting["peers"] == [{"peer": "fr.example", "held_ms": None, "released_ms": None}]
    assert nl.done("status")["recall"]["open"] == 1
    fr.done("peer", "sync")
    [held] = nl.run("withdrawal", "ls", "--open").results
    assert held["peers"][0]["held_ms"] >= waiting["published_ms"]
    assert held["peers"][0]["released_ms"] is None, "its release was made before"
    fr.done("subset", "release", SUBSET)
    fr.done("peer", "sync")
    assert nl.run("withdrawal", "ls", "--open").results == []
    recall = nl.done("status")["recall"]
    assert (recall["withdrawals"], recall["open"], recall["released"]["count"]) == (1, 0, 1)
    assert recall["released"]["max_ms"] >= recall["held"]["max_ms"] >= 0


@pytest.mark.threat("a late withdrawal")
def test_what_a_tripwire_takes_out_waits_for_nobody(pair: Federation) -> None:
    """It is more of this short list than may go without witnesses, so they are asked before it is said why."""
    fr, partner = pair.fr, pair.partner
    fr.done("guard", "tripwire", "add", "--hash-from", hash_file(fr, BOTH), "--note", "the logo")
    refused = fr.run("subset", "release", SUBSET)
    assert (refused.exit, refused.out) == (14, "")
    assert "takes out 1 and adds nothing" in refused.err
    assert partner.done("update")["removed"] == 1
    wire = fr.done("guard", "tripwire", "ls")["tripwire"]
    fr.done("guard", "tripwire", "remove", str(wire))
    fr.done("subset", "release", SUBSET)
    assert partner.done("update")["added"] == 1


def test_shredding_takes_two_persons_and_every_node(pair: Federation) -> None:
    fr, nl = pair.fr, pair.nl
    alone = fr.run("entry", "shred", "--list", LIST, "--index", "0", "--yes", "--as", "alice")
    assert (alone.exit, alone.out) == (2, "")
    assert "takes two persons" in alone.err
    for cli in (fr, nl):
        cli.add_persons("alice", "bruno")
    elsewhere = ("entry", "shred", "--list", "none", "--hash-from", hash_file(fr, BOTH), "--yes")
    assert "there is no list fr.example/lists/none" in fr.run(*elsewhere).err
    assert "removed" in shred(fr, "--hash-from", hash_file(fr, BOTH))
    assert pair.partner.done("update")["entries"] == 0, "its witnesses were asked"
    nl.done("peer", "sync")
    assert nl.done("status")["recall"]["shreddings_to_answer"] == 2
    left = nl.run("shredding", "ls", "--open").results
    assert {(each["origin"], each["own"]) for each in left} == {(FR_LIST, False)}
    assert {place["index"] for each in left for place in each["own_standing"]} == {0, 1}
    shred(nl, "--index", "0")
    fr.done("peer", "sync")
    for cli in (fr, nl):
        assert cli.run("shredding", "ls", "--open").results == []
        assert len(cli.run("shredding", "ls").results) == 4
        assert remains(cli) == []
    assert nl.done("status")["recall"]["shreddings_to_answer"] == 0


def remains(cli: Cli) -> list[str]:
    search = DigestSearch([sha256(BOTH).digest(), md5(BOTH, usedforsecurity=False).digest()])
    return [
        sighting.place
        for path in sorted(cli.home.rglob("*"))
        if path.is_file()
        for sighting in search.sightings(path.read_bytes(), str(path))
    ]


def test_a_shredding_deletes_no_more_than_was_asked_for(pair: Federation) -> None:
    """Who asked for it joins another file to it before the second person looks."""
    fr = pair.fr
    if not fr.run("person", "ls").results:
        fr.add_persons("alice", "bruno")
    names = ("a shredded file", "another file")
    one = sha256(names[0].encode()).hexdigest()
    weak = md5(names[0].encode(), usedforsecurity=False).hexdigest()
    other = sha1(names[1].encode(), usedforsecurity=False).hexdigest()
    table = written(fr.home.with_name("grow.csv"), f"sha256,md5,collection\n{one},{weak},national\n")
    joined = written(fr.home.with_name("join.csv"), f"sha1,md5,collection\n{other},{weak},national\n")
    assert fr.run("entry", "import", table, "--list", LIST, "--basis", "own").exit == 0
    fr.done("publish")
    hashes = hash_file(fr, names[0].encode())
    asked = fr.done_as("alice", "entry", "shred", "--list", LIST, "--hash-from", hashes, "--yes")
    number = str(asked["approval"])
    fr.run("entry", "import", joined, "--list", LIST, "--basis", "own")
    late = fr.run_as("bruno", "approval", "approve", number)
    assert (late.exit, late.out) == (2, ""), late.err
    assert "would delete 3" in late.err
    fr.done_as("bruno", "approval", "reject", number, "--reason", "it grew")


def ensure_shredded(cli: Cli) -> None:
    """Shred what both list, where no test before did: tests of one file may run in two processes."""
    if not cli.run("person", "ls").results:
        cli.add_persons("alice", "bruno")
    if not cli.run("shredding", "ls").results:
        shred(cli, "--hash-from", hash_file(cli, BOTH))


@pytest.mark.threat("shredded and back")
def test_it_comes_back_with_two_persons_alone(pair: Federation) -> None:
    fr = pair.fr
    ensure_shredded(fr)
    rows = written(
        fr.home.with_name("again.csv"), f"sha256,collection\n{sha256(BOTH).hexdigest()},baseline\n"
    )
    again = fr.run("entry", "import", rows, "--list", LIST, "--basis", "own")
    assert again.exit == 3
    assert "shredded" in again.results[0]["refused_rows"][0]["reason"]
    never = fr.run("entry", "readmit", "--hash-from", hash_file(fr, b"never"), "--as", "alice")
    assert (never.exit, never.out) == (2, "")
    assert "was not shredded" in never.err
    before, asked = (
        fr.done_as("alice", "entry", "readmit", "--hash-from", hash_file(fr, BOTH)) for _ in range(2)
    )
    number = str(asked["approval"])
    assert asked["kind"] == "entry.readmit"
    approved = fr.run_as("bruno", "approval", "approve", number)
    assert approved.exit == 0
    assert "let what was shredded be listed here again" in approved.err
    assert "what: 1 hash, shredded as " in approved.err
    assert "1 hash may be listed here again" in approved.out + approved.err
    assert f"about: {FR_LIST}:" in approved.err
    assert fr.run("entry", "import", rows, "--list", LIST, "--basis", "own").exit == 0
    shred(fr, "--hash-from", hash_file(fr, BOTH))
    late = fr.run_as("bruno", "approval", "approve", str(before["approval"]))
    assert (late.exit, "was changed since it was asked for" in late.err) == (2, True)
    assert fr.run("entry", "import", rows, "--list", LIST, "--basis", "own").exit == 3


@pytest.mark.threat("a late withdrawal", "a wrong clock")
def test_a_withdrawal_behind_what_a_clock_dated_ahead_reaches_partners(pair: Federation) -> None:
    """All that its agency says from then on is dated ahead, too: a list never goes back in time."""
    fr, nl, partner = pair.fr, pair.nl, pair.partner
    held = partner.done("update")["entries"]
    late = b"listed by both agencies later"
    for cli in (fr, nl):
        publish_files(cli, [late])
    fr.done("peer", "sync")
    fr.done("subset", "release", SUBSET)
    assert partner.done("update")["entries"] > held
    import_files(nl, numbered("dated ahead", 1))
    assert nl.run("--alone", "publish", clock="+8h").exit == 0
    done = nl.run("entry", "withdraw", "--list", LIST, "--hash-from", hash_file(nl, late), "--now", "--yes")
    assert done.exit == 0, done.err
    followed = fr.run("peer", "sync")
    assert followed.exit == 14
    assert "is dated in the future; withdrawals applied" in followed.out
    nl_list = f"nl.example/lists/{LIST}"
    status = fr.done("status")["overlaid"]
    assert (list(status), status[nl_list] >= 3) == ([nl_list], True)
    found = " ".join(fr.run("doctor").out.split())
    assert f"{nl_list}: of {status[nl_list]} newer events only withdrawals and disputes apply" in found
    [told] = [one for one in fr.run("audit", "ls").results if one["action"] == "peer.sync"][-1:]
    assert (told["outcome"], told["details"]["overlaid"]) == ("refused", nl_list)
    fr.done("subset", "release", SUBSET)
    assert partner.done("update")["entries"] == held
