"""Two persons decide, and the audit log tells: as people type it, beside a running node, and after a crash."""

import json
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from node.app import approvals
from node.home import Home
from node.identity import audit
from node.identity.identity import open_identity
from node.rotation.store import write_store
from node.store.accounts.approvals import ApprovalRows
from support.agencies import SUBSET, Federation, import_files, numbered, publish_files, table, written
from support.disclosed import pictures_in
from support.processes import Cli, Finished, contents

PASS = {name: f"the passphrase of {name}\n" for name in ("alice", "bruno", "carla", "david")}


def records(cli: Cli, *arguments: str) -> list[tuple[str, str, str, str]]:
    """What the audit log says: actor, action, subject, outcome."""
    finished = cli.run("audit", "ls", *arguments)
    assert finished.exit == 0, finished.err
    return [(one["actor"], one["action"], one["subject"], one["outcome"]) for one in finished.results]


@pytest.mark.threat("two persons")
def test_a_third_person_takes_the_word_of_two(team: Cli) -> None:
    asked = team.done_as("alice", "person", "add", "carla", "--role", "analyst", typed=2 * PASS["carla"])
    assert [one["person"] for one in team.run("person", "ls").results] == ["alice", "bruno"]
    number = str(asked["approval"])
    team.refused(12, "somebody else decides", "approval", "approve", number, by="alice")
    done = team.done_as("bruno", "approval", "approve", number)
    assert (done["state"], done["decided_by"]) == ("approved", "bruno")
    assert [one["role"] for one in team.run("person", "ls").results] == ["operator", "operator", "analyst"]
    team.refused(2, "was approved by bruno", "approval", "approve", number, by="bruno")
    team.refused(12, "not for that role", "approval", "reject", number, "--reason", "x", by="carla")
    assert records(team, "--actor", "bruno") == [
        ("bruno", "approval.approve", "carla decides here as analyst", "begun"),
        ("bruno", "person.add", "carla decides here as analyst", "ok"),
    ]


def test_what_a_second_person_sees_before_the_passphrase(team: Cli) -> None:
    team.done_as("alice", "person", "add", "carla", typed=2 * PASS["carla"])
    said = team.run_as("bruno", "approval", "approve", "1").err
    assert said.index("carla decides here as operator") < said.index("passphrase of bruno")


@pytest.mark.parametrize(
    ("code", "says", "words", "typed"),
    [
        (2, "say who you are", ("person", "add", "carla"), ""),
        (2, "no person carla", ("person", "remove", "carla", "--as", "alice"), PASS["alice"]),
        (2, "fewer than two", ("person", "remove", "bruno", "--as", "alice"), PASS["alice"]),
        (2, "no request 7", ("approval", "approve", "7", "--as", "alice"), ""),
        (2, "already", ("person", "add", "bruno", "--as", "alice"), PASS["alice"] + 2 * PASS["bruno"]),
        (2, "at least 12", ("person", "add", "carla", "--as", "alice"), PASS["alice"] + "short\nshort\n"),
        (2, "differ", ("person", "add", "carla", "--as", "alice"), PASS["alice"] + PASS["carla"] + "typo\n"),
        (2, "not a peer", ("peer", "grant", "nl.example", "--grant", "baseline"), ""),
        (2, "not a partner", ("partner", "quota", "hoster", "--files-per-day", "1"), ""),
        (2, "no record 99", ("audit", "show", "99"), ""),
    ],
)
def test_what_is_refused_changes_nothing(
    team: Cli, code: int, says: str, words: tuple[str, ...], typed: str
) -> None:
    before = contents(team.home)
    finished = team.run(*words, typed=typed)
    assert (finished.exit, finished.out) == (code, ""), finished.err
    assert says in " ".join(finished.err.split())
    assert contents(team.home) == before


def test_spaces_around_a_passphrase_are_part_of_it_wherever_it_is_said(team: Cli, tmp_path: Path) -> None:
    """Kept from a file and from a browser, they must not be lost from what is typed."""
    file = Path(written(tmp_path / "carla", " a passphrase with spaces \n"))
    file.chmod(0o600)
    coming = ("person", "add", "carla", "--passphrase-file", str(file))
    team.agreed(*coming)
    asks = ("person", "remove", "alice", "--as", "carla")
    assert team.run(*asks, typed="a passphrase with spaces\n").exit == 12
    assert team.run(*asks, typed=file.read_text()).exit == 0


def test_a_wrong_passphrase_is_in_the_audit_log(team: Cli) -> None:
    for _ in range(5):
        assert team.run("person", "remove", "bruno", "--as", "alice", typed=PASS["bruno"]).exit == 12
    finished = team.run_as("alice", "person", "remove", "bruno")
    assert (finished.exit, "try again in" in finished.err) == (15, True)
    assert records(team, "--action", "person.prove") == [("operator", "person.prove", "alice", "refused")] * 6


@pytest.mark.threat("one person")
def test_one_person_is_not_two(agency: Cli) -> None:
    agency.done("person", "add", "alice", typed=2 * PASS["alice"])
    finished = agency.run_as("alice", "person", "remove", "alice")
    assert (finished.exit, finished.out) == (2, "")


def test_a_root_key_resets_a_passphrase_when_nobody_else_can(team: Cli) -> None:
    team.done("person", "reset", "bruno", "--by-root", typed=2 * PASS["carla"])
    assert (
        team.run("person", "add", "carla", "--as", "bruno", typed=PASS["carla"] + 2 * PASS["carla"]).exit == 0
    )
    assert ("root", "person.reset", "bruno", "begun") in records(team)


@pytest.mark.parametrize("place", ["before the act", "after the act"])
def test_an_approval_that_was_cut_off_is_finished_by_typing_it_again(
    team: Cli, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    team.done_as("alice", "person", "add", "carla", typed=2 * PASS["carla"])
    identity = open_identity(Home(team.home))
    with write_store(identity) as store, monkeypatch.context() as patched:
        if place == "before the act":
            patched.setitem(approvals.CHANGES, "person.add", _cut_off)
        else:
            patched.setattr(ApprovalRows, "note_acted", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            approvals.approve(identity, store, 1, by="bruno")
    (waiting,) = team.run("approval", "ls").results
    assert waiting["state"] == "approved, not carried out: approve it again"
    assert team.done_as("bruno", "approval", "approve", "1")["state"] == "approved"
    assert [one["person"] for one in team.run("person", "ls").results] == ["alice", "bruno", "carla"]
    assert records(team, "--action", "person.add")[-1][0] == "bruno"


def _cut_off(*_: object, **__: object) -> str:
    raise KeyboardInterrupt


def _approve_cut_off(cli: Cli, number: str) -> None:
    """Bruno approves it, and it is cut off before it is written down that it was carried out."""
    with write_store(open_identity(Home(cli.home))) as store, pytest.MonkeyPatch.context() as patched:
        patched.setattr(ApprovalRows, "note_acted", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            approvals.approve(open_identity(Home(cli.home)), store, int(number), by="bruno")


def test_of_two_that_approve_at_once_one_acts(team: Cli) -> None:
    for name in ("carla", "david"):
        team.done_as("alice", "person", "add", name, typed=2 * PASS[name])
    team.done_as("bruno", "approval", "approve", "1")

    def approve(name: str) -> int:
        return team.run_as(name, "approval", "approve", "2").exit

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(approve, ("bruno", "carla"))) == [0, 2]
    added = [
        record for record in records(team) if record[1:3] == ("person.add", "david decides here as operator")
    ]
    assert len(added) == 1
    assert team.done("audit", "verify")["records"] == len(records(team))


@pytest.mark.threat("one person")
def test_a_wider_grant_and_a_larger_quota_take_two(team: Cli, federation: Federation) -> None:
    fr = _with_two(federation, team.home.parent / "federated")
    asked = fr.done_as("alice", "peer", "grant", "nl.example", "--grant", "baseline,national")
    assert _granted(fr) == ["baseline"]
    fr.done_as("bruno", "approval", "approve", str(asked["approval"]))
    assert _granted(fr) == ["baseline", "national"]
    fr.done("peer", "grant", "nl.example", "--grant", "national")
    assert _granted(fr) == ["national"]
    fewer = ("peer", "grant", "nl.example", "--grant", "national", "--algorithms")
    assert fr.done(*fewer, "md5,sha256")["algorithms"] == "md5,sha256"
    assert fr.done("grant", "ls")["algorithms"] == ["md5", "sha256"]
    fr.refused(2, "hashes are:", *fewer, "md6")
    asked = fr.done_as("alice", *fewer, "md5,sha1")
    assert "national (md5, sha1 only)" in asked["subject"]
    fr.done("peer", "remove", "nl.example")
    asked = fr.done_as("alice", "peer", "add", "nl.example", "--grant", "baseline,national")
    assert (asked["kind"], _granted(fr)) == ("peer.grant", ["baseline"])

    before = _partner(fr)["evaluations_per_day"]
    asked = fr.done_as("alice", "partner", "quota", "hoster", "--files-per-day", "100000000")
    assert _partner(fr)["evaluations_per_day"] == before
    fr.done_as("bruno", "approval", "approve", str(asked["approval"]))
    raised = _partner(fr)["evaluations_per_day"]
    assert raised > before
    lowered = fr.done("partner", "quota", "hoster", "--files-per-day", "1")["evaluations_per_day"]
    assert _partner(fr)["evaluations_per_day"] == lowered < raised

    def shown() -> object:
        return _partner(fr)["disclosed"]["values_per_day"]

    some = ("partner", "disclose", "hoster", "--values-per-day")
    fr.refused(2, "has no PDQ values", *some, "50", "--as", "alice")
    with pictures_in(fr, SUBSET):
        asked = fr.done_as("alice", *some, "50")
        assert (asked["kind"], shown()) == ("partner.disclose", 0)
        fr.done_as("bruno", "approval", "approve", str(asked["approval"]))
        assert shown() == 50
        assert fr.done(*some, "0")["values_per_day"] == shown() == 0
        fr.refused(2, "at most 1,000", *some, "1001")


@pytest.mark.threat("one person")
def test_what_was_taken_away_comes_back_by_no_request_from_before(
    federation: Federation, tmp_path: Path
) -> None:
    """Nor does what came back under the same name get what another was to have."""
    fr = _with_two(federation, tmp_path / "fr")
    until, sooner = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" for days in (90, 30))

    def asked(*words: str) -> str:
        return str(fr.done_as("alice", *words)["approval"])

    def approve(number: str) -> Finished:
        return fr.run_as("bruno", "approval", "approve", number)

    def given() -> object:
        return _granted(fr), _partner(fr)["evaluations_per_day"], fr.run("recipient", "ls").results

    assert approve(asked("recipient", "add", "hotline", "--grant", "baseline", "--until", until)).exit == 0
    before: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = [
        (
            ("peer", "grant", "nl.example", "--grant", "baseline,national", "--until", sooner),
            [("peer", "remove", "nl.example"), ("peer", "add", "nl.example", "--grant", "baseline")],
        ),
        (
            ("peer", "grant", "nl.example", "--grant", "baseline,national"),
            [("peer", "grant", "nl.example", "--grant", "baseline", "--until", sooner)],
        ),
        (("partner", "quota", "hoster", "--files-per-day", "100000000"), [("partner", "suspend", "hoster")]),
        (
            ("partner", "quota", "hoster", "--files-per-day", "200000000"),
            [("partner", "quota", "hoster", "--files-per-day", "1")],
        ),
        (
            ("recipient", "grant", "hotline", "--grant", "baseline,national", "--until", until),
            [("recipient", "grant", "hotline", "--grant", "baseline", "--until", sooner)],
        ),
    ]
    for wider, less in before:
        number = asked(*wider)
        for words in less:
            fr.done(*words)
        standing = given()
        late = approve(number)
        assert (late.exit, late.out) == (2, ""), wider
        assert "was changed since it was asked for" in late.err
        assert given() == standing
        fr.done_as("bruno", "approval", "reject", number, "--reason", "old")
        assert approve(asked(*wider)).exit == 0, "asked anew, it is given"
    assert _granted(fr) == ["baseline", "national"]
    some = ("partner", "disclose", "hoster", "--values-per-day")
    with pictures_in(fr, SUBSET):
        assert approve(asked(*some, "50")).exit == 0
        number = asked(*some, "60")
        _stop_hoster(fr)
        assert "was changed since it was asked for" in approve(number).err
        assert _partner(fr)["disclosed"]["stopped_ms"] == 1


@pytest.mark.threat("one person")
def test_what_is_cut_off_before_it_is_written_down_is_not_done_at_all(
    federation: Federation, tmp_path: Path
) -> None:
    """Else approving it again would give a second time what one person took away meanwhile."""
    fr = _with_two(federation, tmp_path / "fr")
    until = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"

    def given() -> object:
        people = [one["person"] for one in fr.run("person", "ls").results]
        return _granted(fr), _partner(fr)["evaluations_per_day"], fr.run("recipient", "ls").results, people

    for words, typed in (
        (("peer", "grant", "nl.example", "--grant", "baseline,national"), ""),
        (("partner", "quota", "hoster", "--files-per-day", "100000000"), ""),
        (("recipient", "add", "hotline", "--grant", "baseline", "--until", until), ""),
        (("recipient", "grant", "hotline", "--grant", "baseline,national", "--until", until), ""),
        (("person", "add", "carla"), 2 * PASS["carla"]),
        (("person", "remove", "carla"), ""),
    ):
        before = given()
        number = str(fr.done_as("alice", *words, typed=typed)["approval"])
        _approve_cut_off(fr, number)
        assert given() == before, words
        assert _approve(fr, "bruno", number).exit == 0
        assert given() != before, words


def _stop_hoster(cli: Cli) -> None:
    """As its seventeenth value about one entry does."""
    with write_store(open_identity(Home(cli.home))) as store, store.write() as unit:
        held = unit.disclosure.lock("hoster")
        assert held is not None
        unit.disclosure.put(replace(held, stopped_ms=1))


@pytest.mark.threat("one person")
def test_what_was_cut_off_is_finished_as_it_was_asked_for_or_ends(
    federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it give what was taken away since."""
    fr = _with_two(federation, tmp_path / "fr")
    quota, some = ("partner", "quota", "hoster", "--files-per-day"), ("partner", "disclose", "hoster")

    def asked(*words: str) -> str:
        return str(fr.done_as("alice", *words)["approval"])

    def ended(number: str) -> None:
        fr.refused(12, "somebody else decides", "approval", "approve", number, by="alice")
        late = fr.run_as("bruno", "approval", "approve", number)
        assert (late.exit, late.out) == (2, "")
        assert f"request {number} is not finished: what this is about was changed" in " ".join(
            late.err.split()
        )
        assert fr.run("approval", "ls").results == [], "nobody is told to approve it again"
        assert "is not finished" in fr.run("approval", "show", number).first["result"]

    number = asked(*quota, "100000000")
    _approve_cut_off(fr, number)
    fr.done("partner", "suspend", "hoster")
    ended(number)
    fr.done("partner", "resume", "hoster")
    assert records(fr, "--action", "partner.quota")[-1][3] == "refused"
    number = asked(*quota, "200000000")
    begin = audit.begin

    def lowered(*given: Any, **named: Any) -> None:
        with write_store(open_identity(Home(fr.home))) as store, store.write() as unit:
            unit.partners.set_quota("hoster", 7)
        begin(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(audit, "begin", lowered)
        late = fr.run_as("bruno", "approval", "approve", number)
    assert "was changed since" in late.err, "somebody was faster than who approved it"
    assert _partner(fr)["evaluations_per_day"] == 7
    ended(number)
    with pictures_in(fr, SUBSET):
        fr.done_as("bruno", "approval", "approve", asked(*some, "--values-per-day", "40"))
        number = asked(*some, "--values-per-day", "50")
        _approve_cut_off(fr, number)
        _stop_hoster(fr)
        ended(number)
        assert _partner(fr)["disclosed"]["stopped_ms"] == 1
        number = asked(*some, "--values-per-day", "50")
        _approve_cut_off(fr, number)
        fr.done_as("bruno", "approval", "approve", number)
        assert _partner(fr)["disclosed"]["stopped_ms"] is None


@pytest.mark.threat("one person")
def test_what_an_earlier_version_asked_for_is_asked_anew(federation: Federation, tmp_path: Path) -> None:
    """It kept nothing of how things stood, and left the requests of whoever was removed open."""
    fr = _with_two(federation, tmp_path / "fr")
    number = str(
        fr.done_as("alice", "partner", "quota", "hoster", "--files-per-day", "100000000")["approval"]
    )
    with closing(sqlite3.connect(fr.home / "sigfed.db")) as database, database:
        database.execute(
            "UPDATE approval SET payload = CAST(json_remove(payload, '$.held') AS BLOB) WHERE id = ?",
            (number,),
        )
    late = " ".join(fr.run_as("bruno", "approval", "approve", number).err.split())
    assert "an earlier version of sigfed did not keep how this stood when it was asked for" in late
    assert _approve(fr, "bruno", _asked(fr, "alice", "add", "carla", new=PASS["carla"])).exit == 0
    number = _asked(fr, "alice", "reset", "carla", new=PASS["carla"])
    _approve_cut_off(fr, number)
    with closing(sqlite3.connect(fr.home / "sigfed.db")) as database, database:
        database.execute("DELETE FROM person WHERE name = 'carla'")
    late = " ".join(_approve(fr, "bruno", number).err.split())
    assert f"request {number} is not finished: there is no person carla" in late


def _asked(team: Cli, by: str, *words: str, new: str = "") -> str:
    """The number of a request about a person."""
    return str(team.done_as(by, "person", *words, typed=2 * new)["approval"])


def _approve(team: Cli, by: str, number: str) -> Finished:
    return team.run_as(by, "approval", "approve", number)


@pytest.mark.threat("one person")
def test_what_a_person_asked_for_ends_with_that_person(team: Cli) -> None:
    """Whoever has the name next asked for nothing, and gets no passphrase that was typed for another."""

    assert _approve(team, "bruno", _asked(team, "alice", "add", "carla", new=PASS["carla"])).exit == 0
    hers = _asked(team, "carla", "add", "david", new=PASS["david"])
    about = _asked(team, "alice", "reset", "carla", new="another passphrase of carla\n")
    assert _approve(team, "bruno", _asked(team, "alice", "remove", "carla")).exit == 0
    viewer = _asked(team, "alice", "add", "carla", "--role", "viewer", new=PASS["carla"])
    assert _approve(team, "bruno", viewer).exit == 0
    for number in (hers, about):
        assert "was rejected by bruno" in _approve(team, "bruno", number).err
    assert team.run("approval", "ls").results == []
    ended = {str(one["approval"]): one for one in team.run("approval", "ls", "--all").results}
    assert [ended[number]["reason"] for number in (hers, about)] == ["carla no longer decides here"] * 2
    assert [one["person"] for one in team.run("person", "ls").results] == ["alice", "bruno", "carla"]


@pytest.mark.threat("one person")
def test_what_was_cut_off_does_not_bring_back_who_left(team: Cli) -> None:
    """The old request would give the name, and the passphrase typed for it, to who was taken out by two since."""
    added, again = (_asked(team, "alice", "add", "carla", new=PASS["carla"]) for _ in range(2))
    _approve_cut_off(team, added)
    assert _approve(team, "bruno", again).exit == 0
    reset = _asked(team, "alice", "reset", "carla", new="another passphrase of carla\n")
    _approve_cut_off(team, reset)
    assert _approve(team, "bruno", _asked(team, "alice", "remove", "carla")).exit == 0
    for number in (added, reset):
        assert "was approved by bruno" in _approve(team, "bruno", number).err
    assert [one["person"] for one in team.run("person", "ls").results] == ["alice", "bruno"]
    assert team.run("approval", "ls").results == [], "nobody is told to approve it again"
    assert team.run("approval", "show", added).first["result"] == "carla no longer decides here"


@pytest.mark.threat("one person")
def test_a_passphrase_comes_back_by_no_request_from_before(team: Cli) -> None:
    """It may be why there is another one."""
    assert _approve(team, "bruno", _asked(team, "alice", "add", "carla", new=PASS["carla"])).exit == 0
    cut_off, waits, last = (
        _asked(team, "alice", "reset", "carla", new=f"a passphrase of carla {at}\n") for at in range(3)
    )
    _approve_cut_off(team, cut_off)
    assert _approve(team, "bruno", last).exit == 0
    assert "was approved by bruno" in _approve(team, "bruno", cut_off).err
    assert "was rejected by bruno" in _approve(team, "bruno", waits).err
    assert team.run("approval", "ls").results == []
    assert team.run("person", "remove", "alice", "--as", "carla", typed="a passphrase of carla 2\n").exit == 0


@pytest.mark.threat("one person")
def test_what_was_cut_off_does_not_bring_back_a_recipient(team: Cli) -> None:
    def asked(verb: str, grant: str) -> str:
        words = ("recipient", verb, "hotline", "--grant", grant, "--until", until)
        return str(team.done_as("alice", *words)["approval"])

    until = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"
    added, again = (asked("add", "baseline") for _ in range(2))
    _approve_cut_off(team, added)
    assert _approve(team, "bruno", again).exit == 0
    wider = asked("grant", "baseline,national")
    team.done("recipient", "remove", "hotline")
    assert "was approved by bruno" in _approve(team, "bruno", added).err
    assert "was rejected by operator" in _approve(team, "bruno", wider).err
    assert team.run("recipient", "ls").results == team.run("approval", "ls").results == []


@pytest.mark.threat("one person")
def test_what_cannot_be_done_any_more_is_not_approved(team: Cli) -> None:
    """Nor is it done on a later day by a decision of today, or recorded as what did not happen."""

    operator, viewer = (
        _asked(team, "alice", "add", "carla", "--role", role, new=PASS["carla"])
        for role in ("operator", "viewer")
    )
    assert _approve(team, "bruno", viewer).exit == 0
    twice = _approve(team, "bruno", operator)
    assert (twice.exit, twice.out) == (2, ""), "the log would call her an operator"
    assert "there is a person carla already" in twice.err
    assert _approve(team, "bruno", _asked(team, "alice", "add", "david", new=PASS["david"])).exit == 0
    bruno, alice = _asked(team, "david", "remove", "bruno"), _asked(team, "david", "remove", "alice")
    assert _approve(team, "bruno", alice).exit == 0
    reset = _asked(team, "bruno", "reset", "david", new=PASS["david"])
    fewer = team.run_as("bruno", "approval", "approve", bruno)
    assert (fewer.exit, fewer.out) == (2, "")
    assert "fewer than two would be left" in fewer.err
    states = {str(one["approval"]): one["state"] for one in team.run("approval", "ls").results}
    assert states == dict.fromkeys((bruno, reset), "open")


def _with_two(federation: Federation, folder: Path) -> Cli:
    """A copy of the first agency, at which alice and bruno are known."""
    fr = federation.fr_copied(folder)
    for name in ("alice", "bruno"):
        fr.run("person", "add", name, typed=2 * PASS[name])  # or they are there already
    return fr


def _partner(cli: Cli) -> dict[str, Any]:
    """The hoster, among the partners that others invited."""
    (found,) = [row for row in cli.run("partner", "ls").results if row["partner"] == "hoster"]
    return found


def _granted(cli: Cli) -> list[str]:
    granted: list[str] = cli.done("peer", "ls")["grant"]["collections"]
    return granted


def test_nothing_is_widened_where_fewer_than_two_are_known(federation: Federation, tmp_path: Path) -> None:
    fr = federation.fr_copied(tmp_path / "fr")
    with closing(sqlite3.connect(fr.home / "sigfed.db")) as database, database:
        database.execute("DELETE FROM person")  # whom another test may have named
    for words in (
        ("peer", "grant", "nl.example", "--grant", "baseline,national"),
        ("partner", "quota", "hoster", "--files-per-day", "100000000"),
    ):
        fr.refused(2, "this takes two persons", *words)
    with pictures_in(fr, SUBSET):
        some = ("partner", "disclose", "hoster", "--values-per-day", "1")
        fr.refused(2, "this takes two persons", *some)


# ----------------------------------------------------------------------------------------------- audit


def test_commands_that_change_something_are_recorded_and_others_are_not(agency: Cli) -> None:
    before = records(agency)
    assert before[0] == ("operator", "node.init", "fr.example", "ok")
    assert ("operator", "list.create", "csam", "ok") in before
    for words in (("list", "ls"), ("status",), ("doctor",), ("audit", "ls"), ("audit", "verify")):
        agency.run(*words)
    assert records(agency) == before
    publish_files(agency, numbered("more", 2))
    assert [action for _, action, _, _ in records(agency)[len(before) :]] == ["entry.import", "list.publish"]
    imported = agency.run("audit", "ls", "--action", "entry").results[-1]
    assert imported["details"]["accepted"] == "2"


def test_an_export_is_verified_elsewhere_and_an_altered_one_is_not(agency: Cli, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    exported = agency.done("audit", "export", "-o", str(file))
    agency.refused(2, "not overwritten", "audit", "export", "-o", str(file))
    words = agency.done("member", "ls")["fingerprint"]
    stranger = Cli(tmp_path / "stranger")
    verified = stranger.done("audit", "verify", str(file), "--words", words)
    assert verified["records"] == exported["records"]
    lines = file.read_text().splitlines()
    changed = {**json.loads(lines[2]), "actor": "somebody"}
    file.write_text("\n".join([*lines[:2], json.dumps(changed, separators=(",", ":")), *lines[3:]]) + "\n")
    finished = stranger.run("audit", "verify", str(file), "--words", words)
    assert (finished.exit, finished.out) == (14, "")
    assert "record 1 is not what its line says" in finished.err


def test_a_node_from_before_begins_its_audit_log(agency: Cli) -> None:
    assert agency.done("audit", "start") == {"started": False}
    _forget_audit(agency)
    assert _audit_findings(agency) == ["what is done here is not recorded yet"]
    assert agency.run("list", "create", "unrecorded").exit == 0
    assert agency.run("audit", "ls").exit == 2
    assert agency.done("audit", "start") == {"started": True}
    assert agency.done("audit", "start") == {"started": False}
    agency.done("list", "create", "another")
    assert [record[1:] for record in records(agency)] == [
        ("audit.start", "fr.example", "begun"),
        ("key.create", "lists-another-1", "ok"),
        ("list.create", "another", "ok"),
    ]
    assert agency.done("audit", "verify")["records"] == 3


def _forget_audit(cli: Cli) -> None:
    """Make a home look as if it was founded by an earlier version."""
    identity = open_identity(Home(cli.home))
    identity.trust.revise_document(
        lambda old: replace(old, logs=tuple(log for log in old.logs if "/audit/" not in log.origin)),
        signers=identity.targets_signers(),
    )
    (cli.home / "keys" / "log-audit-main-1.json").unlink()
    for path in (cli.home / "signer").glob("*.json"):
        if "/audit/" in json.loads(path.read_text())["origin"]:
            path.unlink()
    with closing(sqlite3.connect(cli.home / "sigfed.db")) as database:
        database.execute("DELETE FROM log WHERE kind = 'own_audit'")
        database.commit()


def test_an_act_that_was_cut_off_shows_as_a_gap(agency: Cli) -> None:
    gaps = agency.home / "audit-gaps"
    gaps.mkdir(mode=0o700, exist_ok=True)
    note = gaps / "1-00000000.json"
    note.touch(mode=0o600)
    note.write_text(json.dumps({"action": "list.create", "subject": "lost", "time_ms": 1}))
    assert _audit_findings(agency) == ["1 acts were cut off or not recorded"]
    import_files(agency, numbered("more", 1))
    assert ("operator", "audit.gap", "lost", "ok") in records(agency)
    assert not note.exists()


def test_a_record_that_was_signed_and_is_not_published_yet_is_not_missing(agency: Cli) -> None:
    agency.killed("signature", "key", "advance")
    assert agency.done("audit", "verify")


def test_a_log_that_grows_while_it_is_verified_is_whole(agency: Cli) -> None:
    begun = agency.begin("audit", "verify", stops_at="node.audit.reader:_check_sizes 0")
    agency.done("key", "advance")
    begun.send_signal(signal.SIGCONT)
    _, said = begun.communicate()
    assert begun.returncode == 0, said


def _audit_findings(cli: Cli) -> list[str]:
    return [one["words"] for one in cli.run("doctor").results if one["check"] == "audit"]


@pytest.mark.threat("the audit log")
def test_an_audit_key_that_is_gone_stops_what_cannot_be_undone_and_no_withdrawal(agency: Cli) -> None:
    assert _audit_findings(agency) == []
    (agency.home / "keys" / "log-audit-main-1.json").unlink()
    assert _audit_findings(agency) == ["the key of the audit log is gone"]
    asked = written(agency.home.parent / "withdrawn.csv", table(*numbered("published", 1)))
    agency.done("entry", "withdraw", "--list", "csam", "--hash-from", asked, "--yes")
    agency.done("publish")
    finished = agency.run("list", "create", "another")
    assert (finished.exit, finished.out) == (2, "")
    assert "log-audit-main-1.json" in finished.err
    assert [one["origin"] for one in agency.run("list", "ls").results] == ["fr.example/lists/csam"]


def test_a_running_node_and_commands_beside_it_write_one_history(federation: Federation) -> None:
    fr = federation.fr
    fr.done("partner", "suspend", "hoster")  # signs what the running node has queued as well
    fr.done("partner", "resume", "hoster")
    before = records(fr)
    assert ("node", "partner.enrol", "hoster", "ok") in before
    for number in range(3):
        fr.done("partner", "suspend", "hoster")
        fr.done("partner", "resume", "hoster")
        assert len(records(fr)) == len(before) + 2 * (number + 1)
    verified = fr.done("audit", "verify")
    assert {"node", "operator"} <= set(verified["actors"])
    signer = open_identity(Home(fr.home)).log_signer()
    assert signer.size("fr.example/audit/main") == verified["records"]
