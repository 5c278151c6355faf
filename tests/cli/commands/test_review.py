"""What an analyst does: review what waits, dispute, resolve, overrule, amend; each over real processes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest

from support.agencies import BOTH, LIST, SINGLE, SUBSET, Federation
from support.federated import federated
from support.processes import Cli

NL_LIST = f"nl.example/lists/{LIST}"
FR_LIST = f"fr.example/lists/{LIST}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two running agencies of their own: these tests change what they list."""
    with federated(tmp_path_factory.mktemp("reviewing")) as made:
        yield made


@pytest.fixture
def fr(pair: Federation, tmp_path: Path) -> Cli:
    """A copy of the French agency, for what needs no network."""
    return pair.fr_copied(tmp_path / "fr")


def explained(cli: Cli, content: bytes) -> dict[str, Any]:
    """What the agency says about a made-up file, by its SHA-256."""
    return cli.done("entry", "explain", "--hash-from", "-", typed=sha256(content).hexdigest())


def typed(content: bytes) -> str:
    return f"{sha256(content).hexdigest()}\n"


def test_blanks_around_a_typed_hash_do_not_count(fr: Cli) -> None:
    typed = fr.done("entry", "explain", typed=f" {sha256(BOTH).hexdigest()}\t \n")
    assert typed == explained(fr, BOTH)


class TestQueue:
    def test_shows_what_one_more_country_would_settle(self, fr: Cli) -> None:
        (waiting,) = fr.run("review", "ls").results
        assert waiting == {
            "origin": NL_LIST,
            "index": 2,
            "node": "nl.example",
            "hashes": 2,
            "collection": "baseline",
            "basis": "own",
            "time_ms": waiting["time_ms"],
            "countries": ["NL"],
            "missing": 1,
            "others": ["FR"],
            "legality": [],
        }
        for nothing in (("--country", "fr"), ("--collection", "national"), ("--from", "fr.example")):
            assert fr.run("review", "ls", *nothing).results == []

    def test_one_file_is_shown_and_its_hashes_only_when_asked_for(self, fr: Cli) -> None:
        shown = fr.run("review", "show", f"{NL_LIST}:2").results
        assert {(one["algorithm"], one["hash"]) for one in shown} == {("sha256", None), ("md5", None)}
        assert {one["index"] for one in shown} == {2, 3}
        hashes = {one["hash"] for one in fr.run("review", "show", f"{NL_LIST}:2", "--hashes").results}
        assert hashes == {sha256(SINGLE).hexdigest(), md5(SINGLE, usedforsecurity=False).hexdigest()}
        fr.refused(2, "has no active entry 99", "review", "show", f"{NL_LIST}:99")

    def test_people_read_it_in_eighty_columns_and_find_no_hash(self, fr: Cli) -> None:
        out = "".join(
            fr.told(*words, typed=typed(SINGLE)).out
            for words in (
                ("review", "ls"),
                ("review", "show", f"{NL_LIST}:2"),
                ("entry", "explain", "--hash-from", "-"),
            )
        )
        assert "listed by NL; 1 more of FR" in out
        assert max(map(len, out.splitlines())) < 80
        assert sha256(SINGLE).hexdigest() not in out

    def test_one_entry_is_endorsed_with_its_whole_file(self, fr: Cli) -> None:
        endorse = ("endorse", "--only", f"{NL_LIST}:2", "--list", LIST, "--basis", "reviewed", "--yes")
        done = fr.done(
            *endorse, "--review-by", "2030-01-31", "--legality", "nl=illegal", "--legality", "FR=illegal"
        )
        assert (done["endorsed"], done["entries"]) == (1, 2)
        fr.done("publish", LIST)
        assert fr.run("review", "ls").results == []
        found = explained(fr, SINGLE)
        assert found["effective_in"] == ["baseline"]
        (own,) = [one for one in found["listed"] if one["origin"] == FR_LIST]
        assert (own["basis"], own["review_by"], own["legality"]) == ("reviewed", "2030-01-31", ["FR", "NL"])

    def test_an_entry_that_is_gone_is_named(self, fr: Cli) -> None:
        common = ("--list", LIST, "--basis", "reviewed", "--yes")
        fr.run("endorse", "--only", f"{NL_LIST}:2", "--only", f"{NL_LIST}:77", *common)
        finished = fr.run("endorse", "--only", f"{NL_LIST}:77", *common)
        assert finished.exit == 2
        assert f"not active (any more): {NL_LIST}:77" in finished.err
        fr.refused(2, "whose entries?", "endorse", *common)
        fr.refused(2, "an entry is named by its list and index", "endorse", "--only", "nl:2", *common)


class TestOwnEntries:
    def test_amended_entries_say_it_and_keep_the_rest(self, fr: Cli) -> None:
        amend = ("entry", "amend", "--list", LIST)
        until = ("--review-by", "2031-05-01", "--legality", "FR=illegal")
        done = fr.done(*amend, "--hash-from", "-", *until, typed=typed(BOTH))
        assert done["amended"] == 2
        fr.done("publish", LIST)
        (index, *_) = done["positions"]
        fr.done(*amend, "--index", str(index), "--legality", "FR=unclear", "--criteria", "2")
        fr.done("publish", LIST)
        said = {
            (one["index"], one["review_by"], tuple(one["legality"]), one["criteria"], one["basis"])
            for content in (sha256(BOTH).hexdigest(), md5(BOTH, usedforsecurity=False).hexdigest())
            for one in fr.done("entry", "explain", "--hash-from", "-", typed=content)["listed"]
            if one["origin"] == FR_LIST
        }
        assert said == {(index, "2031-05-01", (), 2, "own"), (index + 1, "2031-05-01", ("FR",), 1, "own")}

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ([], "nothing to change was named"),
            (["--legality", "FR=legal"], "an entry says where material is known to be illegal"),
            (["--legality", "FR"], "legality is written like this"),
            (["--legality", "FR=illegal", "--legality", "fr=unclear"], "a country is named twice"),
            (["--review-by", "soon"], "a day is written YYYY-MM-DD"),
            (["--basis", "sure"], "the basis is one of"),
            (["--review-by", "2031-05-01", "--index", "99"], "has no entry 99"),
        ],
        ids=["nothing", "legal", "no word", "twice", "no day", "no basis", "no entry"],
    )
    def test_what_makes_no_sense_is_refused(self, fr: Cli, options: list[str], says: str) -> None:
        fr.refused(2, says, "entry", "amend", "--list", LIST, "--index", "0", *options)

    def test_what_is_due_is_told_and_remembered(self, fr: Cli) -> None:
        assert fr.run("review", "due").results == []
        soon = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
        for day, index in (("2020-01-31", 0), (soon, 1)):
            fr.done("entry", "amend", "--list", LIST, "--index", str(index), "--review-by", day)
        fr.done("publish", LIST)
        assert fr.run("review", "due").results == [
            {"origin": FR_LIST, "index": 0, "review_by": "2020-01-31", "past": True},
            {"origin": FR_LIST, "index": 1, "review_by": soon, "past": False},
        ]
        assert len(fr.run("review", "due", "--days", "0").results) == 1
        assert fr.done("status")["to_review"] == 2
        (storage_key,) = fr.home.glob("keys/storage*")
        away = storage_key.rename(fr.home / "away")
        assert fr.done("status")["to_review"] == 2, "it needs no secret"
        assert "2 entries to look at again within 30 days, 1 overdue" in fr.told("status").out
        away.rename(storage_key)
        fr.done("entry", "amend", "--list", LIST, "--index", "0", "--review-by", "never")
        fr.done("publish", LIST)
        assert fr.done("status")["to_review"] == 1


@pytest.mark.parametrize("verb", ["dispute", "resolve", "amend", "withdraw"])
def test_of_a_list_that_is_not_there_that_is_said(fr: Cli, verb: str) -> None:
    more = ("--criteria", "2") if verb == "amend" else ("--yes",)
    correct = ("entry", verb, "--list", "none", "--hash-from", "-", *more)
    fr.refused(2, "there is no list fr.example/lists/none", *correct, typed=typed(BOTH))


class TestDispute:
    def test_needs_no_entry_of_its_own_and_ends_with_a_resolve(self, fr: Cli) -> None:
        dispute = ("entry", "dispute", "--list", LIST, "--hash-from", "-", "--yes")
        resolve = ("entry", "resolve", "--list", LIST, "--hash-from", "-", "--yes")
        first = fr.run("review", "ls").results[0]
        shown = ("review", "show", f"{first['origin']}:{first['index']}")
        assert any("endorse" in step for step in explained(fr, SINGLE)["next"])
        assert "sigfed endorse" in fr.told(*shown).err
        done = fr.done(*dispute, typed=typed(SINGLE))
        assert (done["disputed"], len(done["positions"])) == (2, 2), "with the other hashes of the file"
        assert not any("endorse" in step for step in explained(fr, SINGLE)["next"]), (
            "before it is published, too"
        )
        again = fr.run(*dispute, typed=typed(SINGLE))
        assert again.exit == 2
        assert f"{FR_LIST} blocks already: line 1" in again.err
        assert explained(fr, SINGLE)["waiting"] != []
        fr.done("publish", LIST)
        (block,) = explained(fr, SINGLE)["blocks"]
        assert (block["node"], block["kind"], block["standing"]) == ("fr.example", "dispute", "applies")
        assert fr.run("review", "ls").results == []
        assert not any("endorse" in step for step in explained(fr, SINGLE)["next"])
        assert "sigfed endorse" not in fr.told(*shown).err
        refused = fr.done("endorse", "--from", "nl.example", "--list", LIST, "--basis", "reviewed", "--yes")
        assert refused["quarantined"] == 1, "what is disputed here is not listed here"
        assert fr.done(*resolve, typed=typed(SINGLE))["resolved"] == 2
        fr.done("publish", LIST)
        assert explained(fr, SINGLE)["blocks"] == []
        finished = fr.run(*resolve, typed=typed(SINGLE))
        assert finished.exit == 2
        assert "does not dispute (any more): line 1" in finished.err

    @pytest.mark.parametrize("verb", ["dispute", "resolve", "reaffirm"])
    def test_asks_first(self, fr: Cli, verb: str) -> None:
        more = ["--basis", "reviewed"] if verb == "reaffirm" else []
        finished = fr.run(
            "entry", verb, "--list", LIST, *more, "--hash-from", str(fr.home / "none"), typed="n\n"
        )
        assert finished.exit == 130
        assert "nothing was changed" in finished.err


def test_a_dispute_travels_and_is_overruled_by_enough_countries(pair: Federation) -> None:
    """The Dutch agency withdraws for error; the French one alone, with k = 2, does not overrule it."""
    fr, nl = pair.fr, pair.nl
    assert explained(fr, BOTH)["releases"] == [
        {"subset": SUBSET, "version": 1, "in_it": True, "since": 1, "since_exact": True, "in_next": True}
    ]
    nl.done("entry", "dispute", "--list", LIST, "--hash-from", "-", "--yes", typed=typed(BOTH))
    nl.done("publish", LIST)
    fr.done("peer", "sync")
    found = explained(fr, BOTH)
    assert found["effective_in"] == []
    (block,) = found["blocks"]
    assert (block["node"], block["standing"], block["overruled_by"]) == ("nl.example", "applies", [])
    assert found["releases"][0]["in_next"] is False
    reaffirm = ("entry", "reaffirm", "--list", LIST, "--hash-from", "-", "--yes")
    fr.refused(
        2, "a block is overruled on own knowledge alone", *reaffirm, "--basis", "relies-on", typed=typed(BOTH)
    )
    named = (*reaffirm, "--basis", "own", "--block", f"{NL_LIST}:{block['index']}")
    assert fr.done(*named, typed=typed(BOTH))["amended"] == 1
    assert fr.done(*reaffirm, "--basis", "own", typed=typed(BOTH)) == {
        "origin": FR_LIST,
        "added": 0,
        "amended": 1,
        "unchanged": 1,
    }
    fr.done("publish", LIST)
    (block,) = explained(fr, BOTH)["blocks"]
    assert (block["standing"], block["overruled_by"]) == ("applies", ["FR"])
    finished = fr.run(*reaffirm, "--basis", "own", typed=typed(SINGLE))
    assert finished.exit == 2
    assert "no other agency blocks (any more): line 1" in finished.err
    assert fr.done("subset", "release", SUBSET)["removed"] == 2
    nl.done("entry", "resolve", "--list", LIST, "--hash-from", "-", "--yes", typed=typed(BOTH))
    nl.done("publish", LIST)
    fr.done("peer", "sync")
    assert explained(fr, BOTH)["effective_in"] == ["baseline"]
    assert fr.done("subset", "release", SUBSET)["added"] == 2


def test_a_block_of_what_nobody_lists_is_overruled_in_a_collection_that_is_named(pair: Federation) -> None:
    fr, nl = pair.fr, pair.nl
    asked, elsewhere = typed(b"blocked, and listed nowhere"), ("--collection", "baseline")
    nl.done("entry", "dispute", "--list", LIST, "--hash-from", "-", "--yes", *elsewhere, typed=asked)
    nl.done("publish", LIST)
    fr.done("peer", "sync")
    reaffirm = ("entry", "reaffirm", "--list", LIST, "--hash-from", "-", "--yes", "--basis", "own")
    fr.refused(2, "name the collection with --collection", *reaffirm, typed=asked)
    assert fr.done(*reaffirm, *elsewhere, typed=asked)["added"] == 1


def test_a_withdrawal_tells_who_has_not_applied_it(pair: Federation) -> None:
    nl = pair.nl
    withdraw = ("entry", "withdraw", "--list", LIST, "--hash-from", "-", "--reason", "error", "--yes")
    nl.done(*withdraw, typed=typed(SINGLE))
    (waits,) = explained(nl, SINGLE)["withdrawn"]
    assert (waits["reason"], waits["time_ms"]) == ("error", 0)
    nl.done("publish", LIST)
    (ended,) = explained(nl, SINGLE)["withdrawn"]
    assert ended["time_ms"] > 0
    assert [one["peer"] for one in ended["not_applied"]] == ["fr.example"]
    finished = nl.run("entry", "dispute", "--list", LIST, "--hash-from", "-", "--yes", typed=typed(SINGLE))
    assert finished.exit == 2, "an error that was withdrawn blocks already"
