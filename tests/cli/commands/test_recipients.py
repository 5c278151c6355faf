"""Recipients as people type it, and beside a running node: off by default, two persons, a key, an end."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from hashlib import md5, sha256
from pathlib import Path

import aiohttp
import pytest

from node.clock import SystemClock
from node.home import Home
from node.identity.identity import open_identity
from node.tls import client_context
from support.agencies import BOTH, LIST, Federation, written
from support.processes import Cli, Running, contents, free_port, wait_until

UNTIL = str(SystemClock().now().date() + timedelta(days=100))
ADD = ("recipient", "add", "hotline", "--grant", "baseline", "--until", UNTIL)


def accredit(cli: Cli) -> str:
    """A recipient, as two persons add it; its key."""
    cli.agreed(*ADD)
    return str(cli.done("recipient", "key", "hotline")["key"])


def test_adding_takes_two_and_a_key_comes_after_it(team: Cli) -> None:
    asked = team.done_as("alice", *ADD, "--purpose", "its own scanner")
    assert asked["kind"] == "recipient.add"
    assert asked["subject"].startswith("hotline (its own scanner) may fetch raw hashes: baseline until ")
    assert team.run("recipient", "ls").results == []
    team.refused(2, "no recipient hotline", "recipient", "key", "hotline")
    team.done_as("bruno", "approval", "approve", str(asked["approval"]))
    (one,) = team.run("recipient", "ls").results
    assert (one["recipient"], one["collections"], one["algorithms"]) == ("hotline", ["baseline"], None)
    assert (one["state"], one["purpose"], one["keyed_ms"]) == ("has no key yet", "its own scanner", 0)
    first, second = (team.done("recipient", "key", "hotline")["key"] for _ in range(2))
    assert first != second
    assert team.run("recipient", "ls").first["state"] == "may fetch"
    team.refused(2, "there is a recipient hotline", *ADD, "--as", "alice")


def test_less_at_once_and_more_with_two(team: Cli) -> None:
    accredit(team)
    grant = ("recipient", "grant", "hotline", "--until", UNTIL, "--grant")
    asked = team.done_as("alice", *grant, "baseline,national")
    assert team.run("recipient", "ls").first["collections"] == ["baseline"]
    team.done_as("bruno", "approval", "approve", str(asked["approval"]))
    assert team.run("recipient", "ls").first["collections"] == ["baseline", "national"]
    team.done(*grant, "national", "--algorithms", "md5")
    (one,) = team.run("recipient", "ls").results
    assert (one["collections"], one["algorithms"]) == (["national"], ["md5"])
    team.done("recipient", "suspend", "hotline")
    assert team.run("recipient", "ls").first["state"] == "suspended"
    team.done("recipient", "resume", "hotline")
    team.done("recipient", "remove", "hotline")
    assert team.run("recipient", "ls").results == []


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("small letters", ("add", "The-Hotline", "--grant", "baseline", "--until", UNTIL)),
        ("is private", ("add", "hotline", "--grant", "1024", "--until", UNTIL)),
        ("no such collection", ("add", "hotline", "--grant", "everything", "--until", UNTIL)),
        ("has an end", ("add", "hotline", "--grant", "baseline", "--until", "2020-01-01")),
        ("has an end", ("add", "hotline", "--grant", "baseline", "--until", "2999-01-01")),
        ("YYYY-MM-DD", ("add", "hotline", "--grant", "baseline", "--until", "soon")),
        ("hashes are", ("add", "hotline", "--grant", "baseline", "--until", UNTIL, "--algorithms", "crc")),
        ("say who you are", ("add", "hotline", "--grant", "baseline", "--until", UNTIL)),
        ("no recipient hotline", ("grant", "hotline", "--grant", "baseline", "--until", UNTIL)),
        ("no recipient hotline", ("suspend", "hotline")),
        ("no recipient hotline", ("resume", "hotline")),
        ("no recipient hotline", ("remove", "hotline")),
    ],
)
def test_what_is_refused_changes_nothing(team: Cli, says: str, words: tuple[str, ...]) -> None:
    before = contents(team.home)
    finished = team.run("recipient", *words)
    assert (finished.exit, finished.out) == (2, ""), finished.err
    assert says in " ".join(finished.err.split())
    assert contents(team.home) == before


@pytest.mark.threat("a recipient's copy")
def test_one_person_adds_nobody(agency: Cli) -> None:
    agency.refused(2, "fewer are known here", *ADD, "--as", "alice")


def test_the_audit_log_tells_who_and_what(team: Cli) -> None:
    key = accredit(team)
    team.done("recipient", "suspend", "hotline")
    records = [
        (one["actor"], one["action"], one["outcome"])
        for one in team.run("audit", "ls").results
        if "recipient" in one["action"]
    ]
    assert records == [
        ("alice", "recipient.add", "requested"),
        ("bruno", "recipient.add", "ok"),
        ("operator", "recipient.key", "ok"),
        ("operator", "recipient.suspend", "ok"),
    ]
    assert key not in team.run("audit", "ls").out
    assert not [name for name, data in _files(team.home) if key.encode() in data or key[4:].encode() in data]


def _files(home: Path) -> Iterator[tuple[str, bytes]]:
    for path in home.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes()


def test_the_doctor_says_who_cannot_fetch(team: Cli) -> None:
    accredit(team)

    def checks() -> list[str]:
        return [one["words"] for one in team.run("doctor").results if one["check"] == "recipients"]

    assert checks() == ["1 recipient of raw hashes: known, and switched off"]
    _switch_on(team)
    assert checks() == []
    soon = str(SystemClock().now().date() + timedelta(days=20))
    team.done("recipient", "grant", "hotline", "--grant", "baseline", "--until", soon)
    assert checks() == ["ended, or within 30 days: hotline"]


def _switch_on(cli: Cli) -> None:
    cli.edit("sigfed.toml", "[recipients]\nenabled = false", "[recipients]\nenabled = true")


def fetch(cli: Cli, node: Running, key: str, **headers: str) -> tuple[int, bytes, str]:
    """Status, body and tag of a download, as a foreign client makes it."""
    pins = frozenset({open_identity(Home(cli.home)).tls().spki_sha256})

    async def ask() -> tuple[int, bytes, str]:
        connector = aiohttp.TCPConnector(ssl=client_context(pins))
        fields = {"Authorization": f"Bearer {key}", **headers}
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(node.answered["serving"] + "/recipients/digests", headers=fields) as reply,
        ):
            return reply.status, await reply.read(), reply.headers.get("ETag", "")

    return asyncio.run(ask())


def two_elsewhere(federation: Federation, folder: Path) -> Cli:
    """A copy of an agency at an address of its own, at which two persons decide."""
    fr = federation.fr_copied(folder / "fr")
    if not fr.run("person", "ls").results:
        fr.add_persons("alice", "bruno")
    port = open_identity(Home(fr.home)).settings.listen.port
    fr.edit("sigfed.toml", f"\nport = {port}", f"\nport = {free_port()}")
    return fr


def test_a_running_node_serves_recipients(federation: Federation, tmp_path: Path) -> None:
    fr = two_elsewhere(federation, tmp_path)
    key = accredit(fr)
    with Running(fr) as node:
        assert fetch(fr, node, key)[0] == 404, "off by default"
    _switch_on(fr)
    with Running(fr, "--alone") as node:  # what is given away is signed first, and it reaches nobody
        wait_until(lambda: b"laid-out" in node.journal.read_bytes())
        _serves(fr, node, key)
        journal = node.journal.read_bytes()
    assert key.encode() not in journal
    assert sha256(BOTH).hexdigest().encode() not in journal


def test_switched_off_nothing_stays_laid_out(federation: Federation, tmp_path: Path) -> None:
    fr = two_elsewhere(federation, tmp_path)
    key = accredit(fr)
    _switch_on(fr)
    copies = fr.home / "objects" / "recipients"
    with Running(fr):
        wait_until(lambda: any(path.is_file() for path in copies.rglob("*")))
    fr.edit("sigfed.toml", "[recipients]\nenabled = true", "[recipients]\nenabled = false")
    with Running(fr) as node:
        assert [path for path in copies.rglob("*") if path.is_file()] == []
        assert fetch(fr, node, key)[0] == 404


def _serves(fr: Cli, node: Running, key: str) -> None:
    assert fetch(fr, node, "sfr_x")[0] == 401
    status, body, tag = fetch(fr, node, key)
    *lines, last = map(json.loads, body.splitlines())
    served = [line["digest"] for line in lines]
    assert {make(BOTH).hexdigest() for make in (md5, sha256)} <= set(served), (
        "beside what other tests agreed on"
    )
    assert (status, last) == (200, {"digests": len(served)})
    assert fetch(fr, node, key, **{"If-None-Match": tag})[:2] == (304, b"")
    fetched = [one for one in fr.run("audit", "ls").results if one["action"] == "recipient.fetch"]
    assert [(one["actor"], one["subject"], one["outcome"]) for one in fetched] == [
        ("node", "hotline", "begun"),
        ("node", "hotline", "ok"),
    ]
    assert fr.run("recipient", "ls").first["seen_ms"] > 0
    both = written(fr.home.with_name("both.txt"), sha256(BOTH).hexdigest())
    fr.done("--alone", "entry", "withdraw", "--list", LIST, "--hash-from", both, "--yes")
    fr.done("--alone", "publish")
    assert fetch(fr, node, key)[0] == 503, "until the copy is laid out again"
    fr.done("--alone", "recipient", "suspend", "hotline")
    assert fetch(fr, node, key)[0] == 401
    fr.done("--alone", "recipient", "remove", "hotline")
    assert fetch(fr, node, key)[0] == 404
