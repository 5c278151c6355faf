"""A hit from the look-up to the proof and the answer to a dispute, typed at three machines."""

import json
import os
import re
import resource
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import md5, sha256
from pathlib import Path

import pytest

from keys.key import StatementPrivateKey
from node.errors import UsageError
from node.home import Home
from node.hoster.hits.homes import hit_spool
from node.hoster.hits.resolutions import Action
from node.hoster.hits.spool import HitSpool
from node.sdk import Client
from protocol.statement.case import CaseAnswer, CaseState, Outcome
from protocol.statement.receipt import kept_receipt
from support.agencies import BOTH, LIST, PARTNER, SUBSET, Federation, table, written
from support.cybertip_host import PASSWORD, USER, Fault, cybertip_host_beside
from support.digest_search import DigestSearch
from support.federated import federated
from support.outside import secret_file
from support.processes import Cli
from support.receiver import Receiver, receiver
from support.spooling import HIT, SENT, recorded

DIGESTS = (sha256(BOTH).hexdigest(), md5(BOTH, usedforsecurity=False).hexdigest())
REASON = "it is our company logo"


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two agencies and a partner of this module's own: reports, cases and releases stay in them."""
    with federated(tmp_path_factory.mktemp("hits")) as made:
        yield made


@pytest.fixture
def hit(federation: Federation, partner: Cli) -> str:
    """The id of a hit that was found and not reported."""
    found = partner.told("check", federation.files["both"])
    assert found.exit == 1, found.err
    assert "1 hit recorded here; nobody was told yet" in found.err
    assert "sigfed hit report --all" in found.err
    return str(partner.done("hit", "ls")["hit"])


def hits_of(spool: HitSpool, count: int, *, finished: int) -> None:
    """Hits of so many files, some of them told, dealt with, and kept longer than is configured."""
    for number in range(count):
        report = replace(SENT.report, report_id=os.urandom(16))
        hit = recorded(
            spool, replace(HIT, report=replace(SENT, report=report)), name=f"customer {number}.jpg"
        )
        if number < finished:
            done = replace(hit, action=Action.REMOVED, resolved_ms=10)
            spool.save(replace(done, receipt=b"signed", acknowledged=b"signed"))


@pytest.mark.parametrize("later", [("hit", "purge"), ("update",)], ids=" ".join)
def test_what_is_purged_on_a_full_disk_is_told_and_written_over_later(
    partner: Cli, later: tuple[str, ...]
) -> None:
    """A limit below the end of the file stands for the disk: rows can go from its first pages, and no more."""
    spool = hit_spool(Home(partner.home))
    hits_of(spool, 60, finished=30)
    recorded(spool, name="a" * 200_000)
    rows = spool._store.path
    before = rows.stat().st_size
    purged = partner.run(
        "hit",
        "purge",
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (before - 100_000, resource.RLIM_INFINITY)),
    )
    assert (purged.results[0]["hits"], len(spool.ls())) == (30, 31)
    assert purged.exit == 2
    assert "was not written anew" in purged.err
    assert rows.stat().st_size == before
    done = partner.done(*later)
    assert done.get("hits", done.get("hits_purged")) == 0
    assert rows.stat().st_size < before


def test_the_answer_to_a_dispute_arrives_by_itself(federation: Federation, partner: Cli, hit: str) -> None:
    partner.done("hit", "report", hit)
    partner.done("hit", "dispute", hit, "--reason", "our own logo")
    assert partner.done("update")["disputes_answered"] == 0
    federation.fr.done("case", "answer", hit, "--outcome", "rejected", "--reason", "two looked", "--yes")
    updated = partner.told("update")
    assert "1 dispute answered by the agency" in updated.out
    assert "dispute answered" in partner.told("hit", "ls").out
    with federation.fr_stopped():
        assert partner.done("hit", "show", hit)["answer_reason"] == "two looked"
    assert partner.done("update")["disputes_answered"] == 0, "once"


def test_what_is_wrong_with_one_hit_keeps_no_other_from_being_told(
    federation: Federation, partner: Cli, hit: str, tmp_path: Path
) -> None:
    """The first names a subset that is not the node's: it is refused, and it is the oldest, so it came first."""
    spool = hit_spool(Home(partner.home))
    [first] = spool.ls()
    report = replace(first.sent.report, subset_id=b"x" * 16)
    wrong = replace(first, sent=replace(first.sent, report=report))
    spool.save(wrong)
    copy = written(tmp_path / "copy.bin", BOTH)
    assert partner.run("check", copy).exit == 1
    done = partner.told("hit", "report", "--all")
    assert done.exit == 3, done.err
    assert f": reported, baseline, receipt verified ({copy})" in done.out
    assert f"{hit[:8]}: not told yet, fr.example refused the request with status 400" in done.err
    assert "1 hit not told yet" in done.err
    again = partner.run("hit", "report", "--all")
    assert (again.exit, [each["hit"] for each in again.results]) == (2, [hit]), "alone, it ends as it did"
    other = next(str(each["hit"]) for each in partner.run("hit", "ls").results if each["file"] == copy)
    partner.done("hit", "dispute", other, "--reason", "our own logo")
    spool.save(replace(wrong, case=spool.get(other).case))
    federation.fr.done("case", "answer", other, "--outcome", "rejected", "--reason", "two looked", "--yes")
    updated = partner.run("update")
    assert updated.first["disputes_answered"] == 1, updated.err
    assert f"{hit[:8]}: fr.example has no such thing" in updated.err


def test_a_folder_is_scanned_and_not_checked(partner: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    told = partner.told("check", str(folder))
    assert told.exit == 3, told.err
    assert "it is a folder" in told.err
    assert f"next: sigfed scan {folder}" in told.err


@pytest.mark.threat("false evidence")
def test_found_reported_proven_and_verified_elsewhere(
    federation: Federation, partner: Cli, hit: str, tmp_path: Path
) -> None:
    short = hit[:8]
    with federation.fr_stopped():
        down = partner.told("hit", "report", "--all")
        assert (down.exit, down.out) == (16, "")
        assert "1 hit not told yet: fr.example cannot be reached" in down.err
    assert partner.done("hit", "ls")["state"] == "waiting"
    reported = partner.told("hit", "report", "--all")
    assert reported.exit == 0, reported.err
    assert f"{short}: reported, baseline, receipt verified ({federation.files['both']})" in reported.out
    again = partner.done("hit", "report", hit)
    assert (again["state"], again["reported"]) == ("reported", True)
    assert partner.done("hit", "report", "--all")["reported"] == 0

    file = tmp_path / "hit.evidence"
    assert partner.done("hit", "evidence", short, "-o", str(file))["hit"] == hit
    words = federation.fr.done("member", "ls")["fingerprint"]
    elsewhere = Cli(tmp_path / "a machine with nothing")
    verified = elsewhere.told("evidence", "verify", str(file), "--words", str(words))
    assert verified.exit == 0, verified.err
    assert "verified: the reported sha256 hash was listed as baseline: release 1" in verified.out
    assert re.search(
        r"fr\.example \(FR\): fr\.example/lists/csam, entry \d+, it holds the material", verified.out
    )
    assert re.search(
        r"nl\.example \(NL\): nl\.example/lists/csam, entry \d+, it holds the material", verified.out
    )
    assert "not proven:" in verified.err
    assert "as fr.example's register has it" in verified.out
    assert "keys that it took back: none is behind this, by a listing that ended on" in verified.out

    judge = ("evidence", "verify", str(file), "--words", str(words), "--member")
    known = elsewhere.done(*judge, f"nl.example={federation.nl.done('member', 'ls')['fingerprint']}")
    assert [each["pinned"] for each in known["backings"]] == [True, True]
    assert "another root of nl.example" in elsewhere.run(*judge, f"nl.example={words}").err
    assert "be.example is not behind this" in elsewhere.run(*judge, f"be.example={words}").err
    assert not elsewhere.home.exists()

    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert elsewhere.run("evidence", "verify", str(file), "--words", str(words)).exit == 14
    for text in (reported.out, reported.err, verified.out, verified.err, down.err):
        assert not any(digest in text for digest in DIGESTS)
    _no_digest(federation.fr_node.journal, partner.home, federation.fr.home)


def _no_digest(*places: Path) -> None:
    """Neither the node's journal at its most talkative, nor either home, spells a hash of the hit in any form."""
    search = DigestSearch(frozenset(map(bytes.fromhex, DIGESTS)))
    for place in places:
        files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        found = search.sightings_in({str(path): path.read_bytes() for path in files})
        assert found == [], [sighting.place for sighting in found]


def test_looked_up_twice_is_one_hit(federation: Federation, partner: Cli, hit: str) -> None:
    partner.run("check", federation.files["both"], federation.files["unlisted"])
    assert [each["hit"] for each in partner.run("hit", "ls").results] == [hit]


def test_disputed_answered_and_withdrawn(
    federation: Federation, partner: Cli, hit: str, tmp_path: Path
) -> None:
    fr, short = federation.fr, hit[:8]
    partner.refused(2, "not reported yet", "hit", "dispute", short, "--reason", REASON)
    partner.done("hit", "report", short)
    assert fr.told("hit", "ls").out.splitlines()[1].split()[:2] == [short, PARTNER]
    opened = partner.done("hit", "dispute", short, "--reason", REASON, "--contact", "abuse@hoster.example")
    assert int(str(opened["due_ms"])) - int(str(opened["opened_ms"])) == 7 * 24 * 60 * 60 * 1000
    assert (
        partner.done("hit", "dispute", short, "--reason", REASON, "--contact", "abuse@hoster.example")
        == opened
    )
    partner.refused(
        2, "disputed before, with other words", "hit", "dispute", short, "--reason", "other words"
    )

    assert fr.done("hit", "show", short)["state"] == "disputed"
    shown = fr.told("case", "show", short)
    assert f"they say: {REASON}" in shown.out
    assert "contact: abuse@hoster.example" in shown.out
    assert "listed: nl.example/lists/csam, entry " in shown.out
    assert fr.done("case", "ls")["state"] == "open"
    waiting = partner.told("hit", "show", short)
    assert "an answer is due by" in waiting.out

    answer = ("case", "answer", short, "--outcome", "rejected", "--reason", "we looked again", "--yes")
    assert fr.done(*answer)["outcome"] == "rejected"
    fr.refused(2, "answered before", *answer)
    seen = partner.done("hit", "show", short)
    assert (seen["answer"], seen["answer_reason"]) == ("rejected", "we looked again")
    with federation.fr_stopped():
        assert partner.done("hit", "show", short)["answer"] == "rejected", (
            "an answer that is held needs no node"
        )
    assert fr.done("case", "ls")["state"] == "rejected"
    assert fr.done("hit", "close", short)["state"] == "closed"
    fr.refused(2, "there is no such id here", "case", "show", "0000")
    fr.refused(2, "4 or more of its digits", "hit", "show", "0")


def test_an_upheld_dispute_withdraws_the_own_entry(
    federation: Federation, partner: Cli, tmp_path: Path
) -> None:
    extra = b"listed by error"
    fr, nl = federation.fr, federation.nl
    path = written(tmp_path / "extra.csv", table(extra))
    for cli in (fr, nl):
        cli.done("entry", "import", path, "--list", LIST, "--basis", "own")
        cli.done("publish")
    fr.done("peer", "sync")
    fr.done("subset", "release", SUBSET)
    partner.done("update")
    file = written(tmp_path / "extra.bin", extra)
    assert partner.run("check", file).exit == 1
    hit = str(partner.done("hit", "ls")["hit"])
    partner.done("hit", "report", "--all")
    partner.done("hit", "dispute", hit, "--reason", REASON)
    answer = ("case", "answer", hit[:8], "--reason", "our mistake", "--yes")
    fr.refused(
        2,
        "--withdraw needs one of your lists",
        *answer,
        "--outcome",
        "rejected",
        "--withdraw",
        "--list",
        LIST,
    )
    upheld, cut_off = (
        (*answer, "--outcome", "upheld", "--withdraw", "--list"),
        federation.fr_copied(tmp_path / "fr"),
    )
    cut_off.killed("node.partners.hits.cases:Casework.answer 0", *upheld, LIST)
    cut_off.done("list", "create", "other")
    cut_off.refused(2, "fr.example/lists/other never listed", *upheld, "other")
    again = cut_off.told(*upheld, LIST)
    assert again.exit == 0, again.err
    assert f"next: sigfed publish {LIST}" in again.err
    done = fr.told(*upheld, LIST)
    assert done.exit == 0, done.err
    assert "2 entries of the file end with the next publication of csam" in done.out
    assert "ask nl.example to withdraw its entry" in done.err
    assert "sigfed entry dispute --list NAME" in done.err
    fr.done("publish")
    fr.done("subset", "release", SUBSET)
    partner.done("update")
    assert partner.run("check", file).exit == 0
    assert partner.done("hit", "show", hit)["answer"] == "upheld"
    resolved = partner.done("hit", "resolve", hit, "--action", "false-positive")
    assert (resolved["state"], resolved["action"]) == ("resolved", "false-positive")


def test_what_became_of_it_is_told_when_the_node_is_back(
    federation: Federation, partner: Cli, hit: str
) -> None:
    fr, short = federation.fr, hit[:8]
    early = partner.told("hit", "resolve", short, "--action", "disabled")
    assert "Nobody was told: the hit is not reported." in early.err
    assert partner.done("status")["unresolved_hits"] == 0
    reported = partner.told("hit", "report", "--all")
    assert f"{short}: told that it was disabled, receipt verified" in reported.out
    seen = fr.done("hit", "show", short)
    assert (seen["state"], seen["action"], seen["overdue"]) == ("resolved", "disabled", False)

    with federation.fr_stopped():
        later = partner.told("hit", "resolve", short, "--action", "removed")
        assert (later.exit, "The agency was not told yet" in later.err) == (0, True)
        assert partner.done("status")["untold_resolutions"] == 1
    assert "not told yet" in partner.told("hit", "ls").out
    updated = partner.told("update")
    assert "  told what became of 1 reported hit" in updated.out
    assert partner.done("update")["resolutions_told"] == 0
    shown = partner.told("hit", "show", short)
    assert re.search(
        r"disabled, recorded .*, corrected since\n  removed, recorded .*; fr\.example was told", shown.out
    )
    seen = fr.done("hit", "show", short)
    assert [one["action"] for one in seen["resolutions"]] == ["disabled", "removed"]
    listed = [one for one in fr.run("hit", "ls", "--list", LIST).results if one["hit"] == hit]
    assert [one["action"] for one in listed] == ["removed"]
    assert fr.run("hit", "ls", "--list", "other").results == []
    (fared,) = [
        one for one in fr.run("hit", "precision").results if one["list"] == f"fr.example/lists/{LIST}"
    ]
    assert (fared["precision"], fared["partners"]) == (None, 1), "a few hits say nothing"


def test_a_partner_may_keep_to_itself_what_it_did(federation: Federation, partner: Cli, hit: str) -> None:
    (partner.home / "partner.toml").write_text("[hits]\ntell_resolutions = false\n")
    partner.done("hit", "report", hit)
    assert partner.done("hit", "resolve", hit, "--action", "removed")["resolution_told"] is False
    partner.done("update")
    assert partner.done("hit", "report", "--all")["reported"] == 0
    assert partner.done("status")["untold_resolutions"] == 0, "nobody is reminded of what is not to be told"
    assert "not told: the settings of this client keep it here" in partner.told("hit", "show", hit).out
    assert federation.fr.done("hit", "show", hit)["action"] is None


def test_each_home_has_its_own_verbs(federation: Federation, partner: Cli) -> None:
    federation.fr.refused(10, "no partner is enrolled", "hit", "report", "--all")
    partner.refused(10, "no node lives in", "hit", "close", "abcd")
    partner.refused(10, "no node lives in", "case", "ls")
    partner.refused(2, "name hits, or --all", "hit", "report")
    partner.refused(2, "there is no such hit here", "hit", "show", "abcd")
    partner.refused(2, "are an agency's", "hit", "ls", "--partner", PARTNER)
    partner.refused(10, "no node lives in", "hit", "precision")


# ------------------------------------------------------------------ told to others as well


@pytest.fixture
def tickets() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def configured(partner: Cli, url: str, *, also: str = "") -> None:
    """The partner with a reporter `tickets`."""
    key = partner.home / "tickets.secret"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text("whsec_" + b64encode(bytes(32)).decode())
    options = f"options = {{ url = {json.dumps(url)}, secret_files = [{json.dumps(str(key))}] }}"
    text = f'[[reporters]]\nname = "tickets"\nkind = "webhook"\n{options}\n{also}\n'
    (partner.home / "partner.toml").write_text(text)


def test_others_are_told_once_after_a_person_agreed(partner: Cli, hit: str, tickets: Receiver) -> None:
    configured(partner, tickets.url)
    asked = partner.run("hit", "report", "--all", "--to", "tickets", typed="n\n")
    assert asked.exit != 0
    assert "What leaves your company with tickets, of each hit that the agency confirmed" in asked.err
    assert partner.done("hit", "ls")["state"] == "waiting", "nobody was told anything, the agency neither"
    assert tickets.heard == []

    partner.done("hit", "report", "--all")
    assert partner.done("status")["untold_hits"] == {"tickets": 1}
    status = partner.told("status")
    assert "1 hit not told to tickets yet" in status.out
    assert "sigfed hit report --all --to tickets" in status.err

    tickets.statuses += [400]
    refused = partner.run("hit", "report", "--all", "--to", "tickets", typed="y\n")
    assert refused.exit == 3, refused.err
    assert [each.get("told") for each in refused.results] == [None, False]
    assert refused.results[0] == {"reported": 0}
    assert "status 400" in str(refused.results[1]["reason"])
    assert partner.done("hit", "show", hit)["told"][0]["failure"]

    done = partner.run("hit", "report", "--all", "--to", "tickets")
    assert (done.exit, "What leaves" in done.err) == (0, False)
    assert partner.done("status")["untold_hits"] == {"tickets": 0}
    assert done.results[-1]["reference"] == f"hit_{hit}"
    again = partner.run("hit", "report", hit, "--to", "tickets")
    assert again.results[-1] == done.results[-1]
    assert partner.run("hit", "report", "--all", "--to", "tickets").results == [{"reported": 0}]
    assert len(tickets.heard) == 2
    assert len({headers["webhook-id"] for headers, _ in tickets.heard}) == 1
    for _, body in tickets.heard:
        assert not any(digest.encode() in body for digest in DIGESTS)
        assert b"both" not in body
    shown = partner.told("hit", "show", hit)
    assert f"told tickets (http://127.0.0.1:{tickets.port}#tickets): hit_{hit}" in shown.out
    disputed = partner.told("hit", "dispute", hit, "--reason", "another picture")
    assert f"tickets was told of it (hit_{hit}): tell them that it is disputed" in disputed.err
    resolved = partner.told("hit", "resolve", hit, "--action", "false-positive")
    assert f"tickets was told of it (hit_{hit}): tell them that it was wrong" in resolved.err


@pytest.mark.parametrize("broken", ["receipt", "case"])
def test_what_does_not_verify_any_more_keeps_no_other_from_being_told_to_others(
    federation: Federation, partner: Cli, hit: str, tickets: Receiver, tmp_path: Path, broken: str
) -> None:
    """The key that signed it was stolen since, and the node document names it no more."""
    configured(partner, tickets.url)
    assert partner.run("check", written(tmp_path / "copy.bin", BOTH)).exit == 1
    partner.run("hit", "report", "--all")
    spool = hit_spool(Home(partner.home))
    old, other = spool.ls()
    assert old.id == hit
    foreign = StatementPrivateKey.from_seed(b"o" * 32)
    if broken == "receipt":
        signed = kept_receipt(old.receipt).signed(foreign)
        spool.save(replace(old, receipt=signed))
    else:
        answer = CaseAnswer(
            partner=PARTNER,
            report_id=bytes.fromhex(hit),
            outcome=Outcome.REJECTED,
            reason="two looked",
            answered_ms=1,
        )
        state = CaseState(opened_ms=1, due_ms=2, answer=answer.signed(foreign))
        spool.save(replace(old, case=state.to_bytes()))
    done = partner.run("hit", "report", "--all", "--to", "tickets", "--yes")
    told = {str(each["hit"]): each["told"] for each in done.results if "told" in each}
    assert told == {hit: False, other.id: True}, done.err
    assert done.exit == (3 if broken == "receipt" else 0)
    shown = partner.run("hit", "show", hit)
    assert (shown.exit, shown.first["hit"], shown.first["file"]) == (14, hit, federation.files["both"])
    assert "does not verify" in partner.told("hit", "show", hit).err
    assert partner.done("hit", "show", other.id)["received_ms"]


@pytest.mark.threat("telling an authority too much")
def test_sending_more_than_was_agreed_to_asks_again(partner: Cli, hit: str, tickets: Receiver) -> None:
    configured(partner, tickets.url)
    first = partner.run("hit", "report", "--all", "--to", "tickets", "--yes")
    assert "What leaves" in first.err
    configured(partner, tickets.url, also="send_hash = true")
    second = partner.run("hit", "report", hit, "--to", "tickets", typed="n\n")
    assert second.exit != 0
    assert "whether it is weak, your name and the agency's, its hash" in second.err


def test_what_the_agency_does_not_confirm_is_told_to_nobody(
    federation: Federation, partner: Cli, hit: str, tickets: Receiver
) -> None:
    configured(partner, tickets.url)
    with federation.fr_stopped():
        down = partner.run("hit", "report", hit, "--to", "tickets", "--yes")
    assert down.exit == 16
    assert down.results[-1]["reason"] == "the agency has not confirmed it"
    assert tickets.heard == []
    partner.done("hit", "report", hit)
    partner.done("hit", "resolve", hit, "--action", "false-positive")
    passed = partner.run("hit", "report", hit, "--to", "tickets")
    assert passed.results[-1]["reason"] == "it was a false positive"
    assert tickets.heard == []


def test_a_program_tells_others_only_after_a_person_agreed(partner: Cli, hit: str, tickets: Receiver) -> None:
    with Client(partner.home, jobs=1) as client:
        with pytest.raises(UsageError, match=r"partner\.toml has no reporter tickets"):
            client.report(to=["tickets"])
        configured(partner, tickets.url)
        with pytest.raises(
            UsageError, match="nobody agreed to what leaves the company with tickets"
        ) as caught:
            client.report(to=["tickets"])
        assert "sigfed hit report --all --to tickets" in (caught.value.hint or "")
        assert (client.hits()[0].state, tickets.heard) == ("waiting", []), "nobody was told anything"

        tickets.statuses += [400]
        partner.run("hit", "report", "--all", "--to", "tickets", "--yes")
        tickets.heard.clear()
        done = client.report(to=["tickets"])
        ((told,), problem) = done.told, done.problem
        assert (told.reporter, told.hit_id, told.reason, problem) == ("tickets", hit, "", "")
        assert told.reference
        assert len(tickets.heard) == 1
        assert client.report(to=["tickets"]).told == (), "once"
        assert client.hits()[0].told == ("tickets",)


def test_a_reporter_that_cannot_be_used_stops_before_anything_is_sent(partner: Cli, hit: str) -> None:
    partner.refused(2, "partner.toml has no reporter tickets", "hit", "report", "--all", "--to", "tickets")
    configured(partner, "http://hooks.example/x")
    partner.refused(2, "must be asked by https", "hit", "report", "--all", "--to", "tickets", "--yes")
    configured(partner, "https://hooks.example/x")
    (partner.home / "tickets.secret").chmod(0o644)
    assert "tickets cannot be told of hits" in partner.told("status").out
    partner.refused(2, "can be read by others", "hit", "report", "--all", "--to", "tickets", "--yes")
    assert partner.done("hit", "ls")["state"] == "waiting"


def test_a_hit_is_one_report_of_the_cybertipline(partner: Cli, hit: str, tmp_path: Path) -> None:
    with cybertip_host_beside(tmp_path) as host:
        options = {
            "test_url": host.url,
            "username": USER,
            "password_file": secret_file(tmp_path, PASSWORD, "cybertip.pass"),
            "first_name": "Jo",
            "last_name": "Desk",
            "email": "abuse@hoster.example",
        }
        lines = ["[[reporters]]", 'name = "ncmec"', 'kind = "ncmec"', f'ca_file = "{host.ca_file}"']
        lines += ["send_hash = true", "[reporters.options]"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in options.items()]
        (partner.home / "partner.toml").write_text("\n".join(lines))
        host.faults.append(Fault("/finish", status=401, done_first=True))
        lost = partner.run("hit", "report", "--all", "--to", "ncmec", "--yes")
        assert lost.exit == 12
        assert "the name and address of Jo Desk" in lost.err
        assert "no file is sent" in lost.err
        done = partner.run("hit", "report", "--all", "--to", "ncmec")
        assert (done.exit, done.results[-1]["reference"]) == (0, str(host.finished[0]))
        assert (len(host.finished), len(host.opened)) == (1, 1)
        (document,) = host.opened.values()
    assert DIGESTS[0] in document
    assert Path(str(partner.done("hit", "ls")["file"])).name not in document
    for text in (lost.out, lost.err, done.out, done.err):
        assert DIGESTS[0] not in text
        assert PASSWORD not in text
    _no_digest(partner.home)
