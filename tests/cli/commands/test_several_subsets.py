"""One home that follows two subsets: both are asked, each with its own cover, and what is found shows at neither."""

import json
import pickle
import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import md5, sha256
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from node.errors import NodeError
from node.group.load import load_group
from node.home import Home
from node.hoster.folder import Cursor, PartnerFolder
from node.hoster.hits.homes import hit_spool
from node.hoster.subsets import chosen, names_of
from node.sdk import Client, Outcome, Screen, scan_partition
from support.agencies import BOTH, SUBSET, UNLISTED, Federation, publish_files, written
from support.federated import federated
from support.gateways import exchanged
from support.partner_console import CSRF, console, signed_in
from support.processes import Cli, Daemon, wait_until
from support.requests_seen import asked, evaluations

SECOND = "second"


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Of this module alone: the agency makes a second subset."""
    with federated(tmp_path_factory.mktemp("federation")) as made:
        made.fr.done("subset", "create", SECOND)
        made.fr.done("subset", "release", SECOND)
        yield made


@pytest.fixture
def partner(federation: Federation, tmp_path: Path) -> Cli:
    """A partner that follows both."""
    made = federation.new_partner(tmp_path / "partner")
    name = f"hoster-{tmp_path.name[-12:].strip('_').replace('_', '-')}"
    text = federation.fr.done("partner", "invite", name, "--subset", SECOND)["invitation"]
    assert made.done("enroll", "--stdin", "--also", typed=f"{text}\n")["subset"] == SECOND
    return made


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """One that is listed, and one that is not."""
    (tmp_path / "files").mkdir()
    written(tmp_path / "files/listed", BOTH)
    written(tmp_path / "files/clean", UNLISTED)
    return tmp_path / "files"


def test_as_much_is_asked_of_both_whatever_is_found(
    federation: Federation, partner: Cli, files: Path
) -> None:
    hit = asked(federation, partner, "check", str(files / "listed"), codes=[1])
    miss = asked(federation, partner, "check", str(files / "clean"))
    assert (evaluations(hit), hit) == (2, miss)
    partner.run("update")
    nothing = asked(federation, partner, "update")
    assert asked(federation, partner, "scan", str(files), codes=[1]) == hit
    assert evaluations(nothing) == 2
    assert asked(federation, partner, "update") == nothing


def test_every_subset_says_what_it_found(partner: Cli, files: Path) -> None:
    told = partner.run("check", str(files / "listed"))
    assert [(each["subset"], each["verdict"]) for each in told.results] == [(SUBSET, "hit"), (SECOND, "hit")]
    assert [each["subset"] for each in partner.run("hit", "ls").results] == [SUBSET, SECOND]
    assert [each["subset"] for each in partner.run("status").results] == [SUBSET, SECOND]
    assert partner.run("hit", "report", "--all").exit == 0
    assert [each["state"] for each in partner.run("hit", "ls").results] == ["reported"] * 2


def test_hashes_ask_the_subsets_that_take_them_in(
    federation: Federation, partner: Cli, tmp_path: Path
) -> None:
    """One that they ask nothing is no failure where another one answers."""
    federation.fr.done("subset", "create", "pictures", "--pdq")
    federation.fr.done("subset", "release", "pictures")
    text = federation.fr.done("partner", "invite", "of-pictures", "--subset", "pictures")["invitation"]
    partner.done("enroll", "--stdin", "--also", typed=f"{text}\n")

    def said(line: str, *options: str) -> tuple[int, dict[str, str]]:
        asked_of = partner.run(*options, "check", "--hash-from", written(tmp_path / "asked", line))
        return asked_of.exit, {each["subset"]: each["verdict"] for each in asked_of.results}

    value = sha256(b"a made-up picture").hexdigest()
    everywhere = {SUBSET: "clean", SECOND: "clean", "pictures": "not-asked"}
    assert said(md5(UNLISTED).hexdigest()) == (0, everywhere)
    assert said(f"pdq:{value}") == (0, {SUBSET: "not-asked", SECOND: "not-asked", "pictures": "clean"})
    exit_code, verdicts = said(f"photodna:{'ab' * 144}")
    assert (exit_code, set(verdicts.values())) == (2, {"unanswered"})
    path = written(tmp_path / "asked", md5(UNLISTED).hexdigest())
    named = partner.run("--subset", "pictures", "check", "--hash-from", path)
    assert (named.exit, [each["verdict"] for each in named.results]) == (2, ["unanswered"])


def test_what_is_done_for_one_names_it(partner: Cli, files: Path) -> None:
    assert partner.run("--subset", SECOND, "check", str(files / "listed")).exit == 1
    [hit] = partner.run("hit", "ls").results
    assert hit["subset"] == SECOND
    for command in (["hit", "show", hit["hit"]], ["hit", "report", hit["hit"]]):
        partner.refused(2, "this home follows several subsets", *command)
    assert partner.run("--subset", SECOND, "hit", "show", hit["hit"]).exit == 0
    partner.refused(2, "follows 0 subsets named third", "--subset", "third", "status")
    with Client(partner.home, subset=SUBSET) as sigfed:
        assert sigfed.hits() == []
    with Client(partner.home, subset=SECOND) as sigfed:
        assert [each.id for each in sigfed.hits()] == [hit["hit"]]


def test_one_that_fails_keeps_the_other_from_nothing(
    federation: Federation, partner: Cli, files: Path
) -> None:
    [name] = {each["partner"] for each in partner.run("--subset", SECOND, "status").results}
    federation.fr.done("partner", "suspend", name)
    told = partner.run("update")
    assert (told.exit, [each["subset"] for each in told.results]) == (12, [SUBSET])
    assert partner.run("check", str(files / "listed")).exit == 1


@pytest.mark.parametrize("failing", [SUBSET, SECOND])
def test_what_the_machine_does_not_do_for_one_keeps_the_other_from_nothing(
    partner: Cli, files: Path, failing: str
) -> None:
    """A folder where the lock should be stands for one that this account may not write."""
    assert partner.run("check", str(files / "listed")).exit == 1
    lock = chosen(Home(partner.home), failing).partner / "hits.lock"
    lock.mkdir()
    told = partner.run("hit", "report", "--all")
    assert (told.exit, [each["subset"] for each in told.results]) == (
        2,
        [SECOND if failing == SUBSET else SUBSET],
    )
    assert str(lock) in told.err
    with Client(partner.home) as sigfed:
        assert {each.subset: each.state == "reported" for each in sigfed.hits()} == {
            SUBSET: failing != SUBSET,
            SECOND: failing != SECOND,
        }


@pytest.mark.parametrize("failing", [SUBSET, SECOND])
def test_a_program_is_told_what_the_machine_does_not_do_for_one(
    partner: Cli, files: Path, failing: str
) -> None:
    assert partner.run("check", str(files / "listed")).exit == 1
    (chosen(Home(partner.home), failing).partner / "hits.lock").mkdir()
    with Client(partner.home) as sigfed:
        with pytest.raises(OSError, match=r"hits\.lock"):
            sigfed.report()
        assert [each.subset for each in sigfed.hits() if each.state == "reported"] == [
            one for one in (SUBSET, SECOND) if one != failing
        ]


def test_a_subset_is_followed_once(federation: Federation, partner: Cli) -> None:
    text = federation.fr.done("partner", "invite", "twice", "--subset", SUBSET)["invitation"]
    partner.refused(2, "a partner is enrolled in", "enroll", "--stdin", typed=f"{text}\n")
    partner.refused(2, "follows fr.example/subsets", "enroll", "--stdin", "--also", typed=f"{text}\n")
    assert len(partner.run("status").results) == 2


def test_subsets_that_agencies_named_alike_are_told_apart(partner: Cli) -> None:
    home = Home(partner.home)
    assert names_of(home.followed) == (SUBSET, SECOND)
    further = PartnerFolder(home.followed[1].partner)
    enrolment, cursor = further.load()
    further.save(replace(enrolment, subset=SUBSET), cursor)
    names = names_of(home.followed)
    assert len(set(names)) == 2
    assert [chosen(home, name) for name in names] == list(home.followed)


# ------------------------------------------------------------------ doors and programs


def http(url: str, content: bytes | None = None) -> dict[str, Any]:
    """What an address answers, whatever its status."""
    try:
        with urlopen(Request(url, data=content), timeout=30) as reply:
            told: dict[str, Any] = json.loads(reply.read())
    except HTTPError as refused:
        told = json.loads(refused.read())
    return told


def streamed(address: str, content: bytes) -> bytes:
    """What clamd's protocol says of a file."""
    return exchanged(address, [b"zINSTREAM\0" + len(content).to_bytes(4) + content + bytes(4)])


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Values of Prometheus's text format, by name and labels."""
    return {
        (one.name, *(f"{key}={value}" for key, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_the_daemon_gives_one_verdict_of_both(federation: Federation, partner: Cli) -> None:
    heard, door = partner.home.with_name("heard"), str(partner.home.with_name("clamd.sock"))
    program = ["/bin/sh", "-c", f'echo "$SIGFED_SUBSET $SIGFED_HIT" >> {heard}']
    (partner.home / "partner.toml").write_text(f"[hooks]\non_hit = {json.dumps(program)}\n")
    with Daemon(partner, "agent", "--socket", door, "--http", "127.0.0.1:0") as daemon:
        url = f"http://{daemon.answered['http'][0]}"
        assert (daemon.answered["subset"], daemon.answered["version"]) == (SUBSET, 1)
        assert daemon.answered["subsets"] == [{"subset": name, "version": 1} for name in (SUBSET, SECOND)]
        assert streamed(door, UNLISTED) == b"stream: OK\0"
        assert streamed(door, BOTH) == b"stream: Sigfed.Baseline FOUND\0"
        assert re.match(rb"sigfed [^/]+/1\+1/[A-Z]", exchanged(door, [b"zVERSION\0"]))
        hits = partner.run("hit", "ls").results
        assert [(each["subset"], each["file"]) for each in hits] == [
            (SUBSET, "clamd stream"),
            (SECOND, "clamd stream"),
        ]
        named = {f"{each['subset']} {each['hit']}" for each in hits}
        wait_until(lambda: heard.exists() and set(heard.read_text().splitlines()) == named)
        said = http(f"{url}/v1/scan", BOTH)
        assert (said["verdict"], said["subset"]) == ("hit", SUBSET)
        assert [(one["subset"], one["version"], one["verdict"]) for one in said["subsets"]] == [
            (SUBSET, 1, "hit"),
            (SECOND, 1, "hit"),
        ]
        for one in said["subsets"]:
            assert partner.run("--subset", one["subset"], "hit", "show", one["hit"]).exit == 0
        told = samples(urlopen(f"{url}/metrics", timeout=30).read().decode())
        assert told["sigfed_agent_verdicts_total", "verdict=hit"] == 2
        for name in (SUBSET, SECOND):
            assert told["sigfed_agent_release_version", f"subset={name}"] == 1
            assert told["sigfed_agent_group", f"name={load_group().name}", f"subset={name}"] == 1
        assert http(f"{url}/m/index/status")["pdq"]["present"]
    assert "answering from baseline 1 and second 1" in daemon.journal.read_text()


def test_health_and_verdicts_are_of_both(federation: Federation, partner: Cli) -> None:
    """One that has no release yet: what only it could clear is unknown, and what the other lists a hit."""
    [place] = (partner.home / "followed").iterdir()
    folder = PartnerFolder(place)
    folder.save(folder.load()[0], Cursor())
    with Daemon(partner, "agent", "--http", "127.0.0.1:0") as daemon:
        url = f"http://{daemon.answered['http'][0]}"
        standing = http(f"{url}/health")
        assert (standing["serving"], standing["subset"], standing["version"]) == (False, SUBSET, 1)
        assert standing["reason"] == f"{SECOND}: there is no release yet"
        assert [one["serving"] for one in standing["subsets"]] == [True, False]
        assert http(f"{url}/v1/scan", BOTH)["verdict"] == "hit"
        said = http(f"{url}/v1/scan", UNLISTED)
        assert (said["verdict"], said["subset"]) == ("unknown", SECOND)
    assert partner.run("--subset", SECOND, "status").results[0]["unconfirmed_files"] == 2


def test_a_named_subset_is_served_alone_as_ever(partner: Cli) -> None:
    with Daemon(partner, "agent", "--http", "127.0.0.1:0", variables={"SIGFED_SUBSET": SECOND}) as daemon:
        url = f"http://{daemon.answered['http'][0]}"
        assert (daemon.answered["subset"], "subsets" in daemon.answered) == (SECOND, False)
        assert "subsets" not in http(f"{url}/v1/scan", BOTH)
        assert "subsets" not in http(f"{url}/health")
        told = samples(urlopen(f"{url}/metrics", timeout=30).read().decode())
        assert told["sigfed_agent_release_version",] == 1
    assert [each["subset"] for each in partner.run("hit", "ls").results] == [SECOND]


def test_each_subset_that_failed_is_named(federation: Federation, partner: Cli) -> None:
    with federation.fr_stopped():
        told = partner.told("update")
    assert told.exit != 0
    assert f"subset {SUBSET}: not done: " in told.err
    assert f"subset {SECOND}: not done\nsigfed: " in told.err


def upload(address: tuple[str, int], content: bytes) -> tuple[str, bytes]:
    """What the ICAP door says of an upload: its tag, and its status with what it sends instead."""
    head = b"POST /up HTTP/1.1\r\nHost: h\r\n\r\n"
    request = b"REQMOD icap://h/reqmod ICAP/1.0\r\nHost: h\r\nAllow: 204\r\nConnection: close\r\n"
    request += b"Encapsulated: req-hdr=0, req-body=%d\r\n\r\n%s" % (len(head), head)
    reply = exchanged(address, [request + b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)])
    [tag] = re.findall(rb'ISTag: "([^"]+)"', reply)
    return tag.decode(), reply


def test_the_proxy_is_told_of_both(federation: Federation, partner: Cli) -> None:
    later = b"in the second release of the second subset"
    with Daemon(partner, "icap", "--listen", "127.0.0.1:0") as daemon:
        address = ("127.0.0.1", int(daemon.answered["reqmod"].split(":")[2].partition("/")[0]))
        tag, reply = upload(address, BOTH)
        assert reply.startswith(b"ICAP/1.0 200")
        assert b"403" in reply
        assert [each["subset"] for each in partner.run("hit", "ls").results] == [SUBSET, SECOND]
        assert upload(address, later)[1].startswith(b"ICAP/1.0 204")
        for cli in (federation.fr, federation.nl):
            publish_files(cli, [later])
        federation.fr.done("peer", "sync")
        federation.fr.done("subset", "release", SECOND)
        partner.done("--subset", SECOND, "update")
        wait_until(lambda: upload(address, UNLISTED)[0] != tag)
        assert upload(address, later)[1].startswith(b"ICAP/1.0 200")
    found = [each["subset"] for each in partner.run("hit", "ls").results]
    assert found == [SUBSET, SECOND, SECOND], "the later file is in the second alone"


def test_a_program_asks_both(partner: Cli, tmp_path: Path) -> None:
    with Client(partner.home, jobs=1) as sigfed:
        screen = pickle.loads(pickle.dumps(sigfed.screen()))
        screen.save(tmp_path / "screen")
        assert Screen.load(tmp_path / "screen") == screen
        assert len(screen.others) == 1
        rows = list(scan_partition([("listed", BOTH), ("clean", UNLISTED)], screen))
        assert [row.key for row in rows] == ["listed"]
        [found] = sigfed.confirm(rows)
        assert [(one.subset, one.outcome) for one in found.subsets] == [
            (SUBSET, Outcome.HIT),
            (SECOND, Outcome.HIT),
        ]
        assert sigfed.check_bytes(UNLISTED).clean
        assert {hit.id for hit in sigfed.hits()} == {one.hit_id for one in found.subsets}
        done = sigfed.report()
        assert (len(done.hits), done.left) == (2, 0)
        for one in found.subsets:
            resolved = sigfed.resolve(one.hit_id, "removed")
            assert (resolved.subset, resolved.state) == (one.subset, "resolved")
        now = sigfed.status()
        assert (now.subset, [each.subset for each in now.subsets]) == (SUBSET, [SUBSET, SECOND])
        assert [each.subset for each in sigfed.update().subsets] == [SUBSET, SECOND]


@pytest.mark.parametrize("failing", [SUBSET, SECOND])
def test_a_subset_that_fails_keeps_no_program_from_looking_up_in_the_other(
    federation: Federation, partner: Cli, failing: str
) -> None:
    [name] = {each["partner"] for each in partner.run("--subset", failing, "status").results}
    with Client(partner.home, jobs=1) as sigfed:
        with federation.fr_stopped():
            assert sigfed.check_bytes(BOTH, "upload").outcome is Outcome.UNKNOWN
        assert {each.unknown_files for each in sigfed.status().subsets} == {1}
        federation.fr.done("partner", "suspend", name)
        try:
            with pytest.raises(NodeError):
                sigfed.update()
        finally:
            federation.fr.done("partner", "resume", name)
        left = {each.subset: each.unknown_files for each in sigfed.status().subsets}
        assert left == {SUBSET: 0, SECOND: 0} | {failing: 1}
        assert [each.subset for each in sigfed.hits()] == [one for one in (SUBSET, SECOND) if one != failing]


def test_monitoring_is_told_of_both(partner: Cli, tmp_path: Path) -> None:
    path = tmp_path / "sigfed.prom"
    (partner.home / "partner.toml").write_text(f'[metrics]\ntextfile = "{path}"\n')
    partner.done("--subset", SECOND, "update")
    told = samples(path.read_text())
    for name in (SUBSET, SECOND):
        assert told["sigfed_partner_release_version", f"subset={name}"] >= 1
        assert told["sigfed_partner_hits", "state=unreported", f"subset={name}"] == 0


async def test_a_console_shows_both_and_does_for_each_what_a_command_does(partner: Cli, files: Path) -> None:
    partner.done("update")
    assert partner.run("check", str(files / "listed")).exit == 1
    first, second = (hit["hit"] for hit in partner.run("hit", "ls").results)
    with console(partner) as (_, port):
        async with await signed_in(partner, port) as browser:
            overview = (await browser.get("/console/")).words
            for subset in (SUBSET, SECOND):
                assert f"{subset}: went well" in overview
                assert f"Quota: {subset}" in overview
            assert "2 hits to resolve within their 24 hours" in overview
            hits = (await browser.get("/console/hits")).words
            assert hits.index(first[:8]) != hits.index(second[:8])
            assert f", {SECOND}" in hits
            health = (await browser.get("/console/lists")).words
            for subset in (SUBSET, SECOND):
                assert f"{subset}: self-test" in health
                assert f"Whom this home believes: {subset}" in health

            async def act(page: str, path: str, **fields: str) -> str:
                found = CSRF.search((await browser.get(page)).text)
                assert found is not None
                reply = await browser.post(
                    path, {"csrf": found[1], "query": page.partition("?")[2], **fields}
                )
                assert reply.status == 303, reply.words
                return (await browser.get(reply.headers["Location"])).words

            one = f"/console/hits/one?hit={second}"
            assert "1 hit was told to the agency" in await act(one, "/console/hits/report", hit=second)
            assert [hit["reported"] for hit in partner.run("hit", "ls").results] == [False, True]
            assert "1 hit was told to the agency" in await act("/console/hits", "/console/hits/report-all")
            assert [hit["reported"] for hit in partner.run("hit", "ls").results] == [True, True]
            updated = await act("/console/lists", "/console/lists/update")
            for subset in (SUBSET, SECOND):
                assert re.search(rf"{subset}: Release \d+ is the newest, and was held already", updated)


@pytest.mark.parametrize("failing", [SUBSET, SECOND])
async def test_a_console_says_of_one_what_was_done_though_the_other_failed(
    federation: Federation, partner: Cli, files: Path, failing: str
) -> None:
    partner.done("update")
    assert partner.run("check", str(files / "listed")).exit == 1
    [name] = {each["partner"] for each in partner.run("--subset", failing, "status").results}
    federation.fr.done("partner", "suspend", name)
    spool = hit_spool(chosen(Home(partner.home), failing))
    [hit] = spool.ls()
    spool.save(replace(hit, sent=replace(hit.sent, report=replace(hit.sent.report, subset_id=b"x" * 16))))
    other = SECOND if failing == SUBSET else SUBSET
    with console(partner) as (running, port):
        async with await signed_in(partner, port) as browser:
            found = CSRF.search((await browser.get("/console/lists")).text)
            assert found is not None
            form = {"csrf": found[1]}
            reported = await browser.post("/console/hits/report-all", form)
            updated = await browser.post("/console/lists/update", form)
        running.stop()
    federation.fr.done("partner", "resume", name)
    assert "Not all of this was done. 1 hit was told to the agency" in reported.words
    assert {hit["subset"]: hit["reported"] for hit in partner.run("hit", "ls").results} == {
        failing: False,
        other: True,
    }
    assert f"Not all of this was done. {other}: Release" in updated.words
    assert "partly action=update by=Alice" in running.journal.read_text()
