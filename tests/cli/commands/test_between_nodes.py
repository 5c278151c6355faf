"""What goes wrong between machines: nobody there, somebody else there, clocks, tokens, quotas, and kills in the middle.

Every case ends with the same command working, because what was wrong has been put right.
"""

import asyncio
import json
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from typing_extensions import override

from keys.trust.lifecycle import Stage
from node.clock import milliseconds, system_entropy
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.identity.identity import open_identity
from node.identity.peer import reach_peer
from node.rotation.store import write_store
from node.signing.ring_file import FolderKeyRing
from node.tls import Traffic, client_context, server_context
from support.agencies import (
    LIST,
    PARTNER,
    SINGLE,
    SUBSET,
    Federation,
    found_agency,
    impostor,
    list_files,
    numbered,
    publish_files,
    report,
)
from support.copies import let_go_on
from support.hostile import hostile, reply, says
from support.moving_time import MovingTime
from support.processes import PROGRAM, Cli, Finished, Running, contents, free_port, wait_until
from support.programs import needed

NL_LIST = f"nl.example/lists/{LIST}"
GARBLER = Path(__file__).parents[2] / "support" / "garbler"


def synced(federation: Federation, *, clock: str = "") -> Finished:
    """A sync of the French node, which must leave its lists as they are."""
    before = report(federation.fr, NL_LIST)
    finished = federation.fr.run("peer", "sync", clock=clock, program=PROGRAM if clock else ())
    after = report(federation.fr, NL_LIST)
    if finished.exit:
        assert after == before, "a failed sync changed a list"
    return finished


def is_settled(agency: Cli) -> bool:
    """Whether the running node has looked after its keys, and writes nothing any more."""
    keys = FolderKeyRing(Home(agency.home).ring).read()
    before = contents(agency.home)
    time.sleep(1)
    return (
        bool(keys)
        and all(key.stage is not Stage.GENERATED for key in keys)
        and contents(agency.home) == before
    )


def test_a_port_that_is_taken(agency: Cli) -> None:
    port = open_identity(Home(agency.home)).settings.listen.port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        finished = agency.refused(2, f"cannot listen on 127.0.0.1 port {port}", "run")
    assert "set another port in the configuration" in finished.err
    with Running(agency) as running:
        assert running.answered == {"serving": f"https://127.0.0.1:{port}", "node": "fr.example"}
        wait_until(lambda: is_settled(agency))
        agency.refused(11, f"another process runs the node in {agency.home}", "run")
        assert agency.done("list", "create", "beside")["origin"] == "fr.example/lists/beside"
    assert running.process.returncode == 0


@contextmanager
def unmanned(federation: Federation) -> Iterator[None]:
    """Both nodes are stopped, and run again afterwards."""
    federation.stop()
    try:
        yield
    finally:
        federation.fr_node, federation.nl_node = Running(federation.fr), Running(federation.nl)


@pytest.fixture
def copied(federation: Federation, tmp_path: Path) -> Iterator[Federation]:
    """All three as they are, at their addresses while they are stopped: they know nothing of what is done here."""
    partner = federation.new_partner(tmp_path / "copied" / "partner")
    with unmanned(federation):
        fr, nl = (one.copied(tmp_path / "copied" / one.home.name) for one in (federation.fr, federation.nl))
        for copy in (fr, nl):
            let_go_on(copy.home)
        with Running(fr) as fr_node, Running(nl) as nl_node:
            yield replace(federation, fr=fr, nl=nl, partner=partner, fr_node=fr_node, nl_node=nl_node)


def test_nobody_or_somebody_else_at_the_address(federation: Federation, partner: Cli, tmp_path: Path) -> None:
    fr, nl = federation.fr, federation.nl
    checking = ("check", federation.files["both"])
    partner.done("update")  # what other files' tests changed, too
    with unmanned(federation):
        down = synced(federation)
        assert (down.exit, down.first["outcome"]) == (16, "nl.example cannot be reached: no connection")
        partner.refused(16, "fr.example cannot be reached: no connection", "update")
        partner.refused(16, "fr.example cannot be reached: no connection", *checking)
        false = impostor(fr, tmp_path / "fr"), impostor(nl, tmp_path / "nl")
        with Running(false[0]) as false_fr, Running(false[1]) as false_nl:
            other = synced(federation)
            assert other.exit == 14
            assert "presented a certificate that is not pinned" in other.first["outcome"]
            partner.refused(14, "presented a certificate that is not pinned", "update")
            partner.refused(14, "presented a certificate that is not pinned", *checking)
        for journal in (false_fr.journal.read_text(), false_nl.journal.read_text()):
            assert "sigfed.run serving" in journal
            # The key may be a new one of the node's: only what says so is asked for, by nobody in particular.
            for line in (each for each in journal.splitlines() if "sigfed.web request" in each):
                assert "endpoint=tuf_metadata" in line
                assert line.endswith("caller=-")
    assert synced(federation).exit == 0
    assert partner.done("update")["new"] >= 1
    assert partner.run(*checking).exit == 1


@pytest.mark.threat("logging look-ups")
def test_the_journal_names_nobody_who_evaluates(federation: Federation, partner: Cli) -> None:
    assert partner.run("check", federation.files["both"]).exit == 1
    partner.done("update")
    lines = [line for line in federation.fr_node.journal.read_text().splitlines() if " request " in line]
    evaluated = [line for line in lines if "endpoint=evaluate" in line]
    assert evaluated
    assert [line for line in evaluated if not line.endswith("caller=-")] == []
    assert any(line.endswith(f"caller={PARTNER}") for line in lines)  # who fetches is named


@pytest.fixture(scope="session")
def with_faketime() -> None:
    """Asked for before a federation is founded whose clock it would move."""
    needed("faketime")


@pytest.mark.usefixtures("with_faketime")
@pytest.mark.parametrize(("clock", "words"), [("+1h", "ahead of"), ("-1h", "behind")])
def test_a_clock_that_is_an_hour_off(federation: Federation, partner: Cli, clock: str, words: str) -> None:
    checking = ("check", federation.files["both"])
    asked = partner.refused(12, "this machine's clock is", *checking, clock=clock)
    says = re.compile(rf"this machine's clock is 3[56]\d\d s {words} the clock of (nl|fr)\.example")
    assert says.search(asked.err)
    assert "set this machine's clock" in asked.err
    if clock == "+1h":
        off = synced(federation, clock=clock)
        assert off.exit == 12
        assert says.fullmatch(off.first["outcome"])
        assert "set this machine's clock" in off.err
    else:
        # Both were founded when the first test asked for them: two days ago nothing of them counted.
        off = synced(federation, clock="-2d")
        assert off.exit == 14
        assert re.search(r"counts from .* only, and here it is", off.out + off.err)
    assert synced(federation).exit == 0
    assert partner.run(*checking).exit == 1


def test_a_list_that_is_too_old(federation: Federation, partner: Cli) -> None:
    old = partner.refused(13, f"of {SUBSET} ended on", "check", federation.files["both"], clock="+30d")
    assert "sigfed update" in old.err
    assert partner.run("check", federation.files["both"]).exit == 1


@contextmanager
def quota(agency: Cli, evaluations: int) -> Iterator[None]:
    """A partner with so few evaluations a day, and none of the month used, on the books of a running node."""
    with closing(sqlite3.connect(agency.home / "sigfed.db")) as books:
        (before,) = books.execute("SELECT evaluations_per_day FROM partner").fetchone()
        books.execute("UPDATE partner SET evaluations_per_day = ?, used = 0", (evaluations,))
        books.commit()
        try:
            yield
        finally:  # else everybody after this goes without
            books.execute("UPDATE partner SET evaluations_per_day = ?, level = ?", (before, before * 1000))
            books.commit()


@pytest.mark.threat("enumeration")
def test_a_quota_that_is_used_up(federation: Federation, partner: Cli) -> None:
    files = federation.files
    with quota(federation.fr, 64):
        assert partner.run("check", files["both"]).exit == 1
        partner.refused(
            15, "the quota at fr.example is used up: ask again in 24 hours", "check", files["both"]
        )
        some = partner.run("check", files["unlisted"], files["both"])
    assert some.exit == 15
    assert [one["verdict"] for one in some.results] == ["clean", "unanswered"]
    assert "1 were not looked up: the quota at fr.example is used up: ask again in 24 hours" in some.err
    assert partner.run("check", files["unlisted"], files["both"]).exit == 1


@pytest.mark.threat("hostile bytes")
@pytest.mark.parametrize("answer", [b"", b"<html>a captive portal</html>"], ids=["nothing", "a page"])
async def test_an_answer_that_cannot_be_read_leaves_a_scan_to_be_gone_on_with(
    federation: Federation, partner: Cli, answer: bytes
) -> None:
    identity = open_identity(Home(federation.fr.home))
    token = b'{"token_type": "Bearer", "access_token": "of-a-liar", "expires_in": 600}'
    lies = hostile(
        says(reply(token)),
        says(reply(answer)),
        context=server_context(identity.tls(), entropy=system_entropy),
        port=identity.settings.listen.port,
    )
    words = ("scan", federation.files["both"], federation.files["unlisted"])
    with federation.fr_stopped():
        async with lies:
            finished = await asyncio.to_thread(partner.run, *words, forked=True)
    assert finished.exit == 14
    assert [one["status"] for one in finished.results if "status" in one] == ["unconfirmed"]
    assert "the same command again, later, to confirm them" in finished.err
    assert partner.run(*words).exit == 1


class _Recorded(Traffic):
    """What was sent above TLS."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = bytearray()

    @override
    def on_sent(self, data: memoryview) -> None:
        self.bytes += data

    @property
    def tokens(self) -> list[str]:
        """The access tokens shown, in order."""
        return list(dict.fromkeys(found.decode() for found in re.findall(rb"Bearer ([\w.-]+)", self.bytes)))


class _Moved:
    """A clock that can be put forward."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def test_a_token_that_has_expired(federation: Federation, tmp_path: Path) -> None:
    """The node's clock passes the token's end while ours does not yet: refused, renewed, answered."""
    clock, wire, node_time = _Moved(), _Recorded(), MovingTime(tmp_path / "clock")
    with _another_clock(federation, node_time.file):
        identity = open_identity(Home(federation.fr.home), clock=clock)
        with write_store(identity) as store, store.read() as unit:
            peer = unit.peers.get("nl.example")
        async with reach_peer(identity, peer, traffic=wire) as remote:
            first = await remote.checkpoint(NL_LIST, held=None)
            with node_time.stopped():
                node_time.put_forward(seconds=605)
            clock.ahead = timedelta(seconds=560)
            assert await _refusal(federation, token=wire.tokens[0]) == (
                401,
                "urn:sigfed:problem:token-expired",
            )
            assert await remote.checkpoint(NL_LIST, held=None) == first
        assert len(wire.tokens) == 2
    assert synced(federation).exit == 0


@contextmanager
def _another_clock(federation: Federation, file: Path) -> Iterator[None]:
    """The Dutch node goes by the clock in `file`."""
    federation.nl_node.stop()
    federation.nl_node = Running(replace(federation.nl, clock_file=file))
    try:
        yield
    finally:
        federation.nl_node.stop()
        federation.nl_node = Running(federation.nl)


def test_a_node_that_asks_before_it_serves_is_known_as_soon_as_it_does(federation: Federation) -> None:
    """What the other holds of it was last confirmed more than seven days ago, and it starts: it asks, then serves."""
    federation.fr_node.stop()
    week_ago = milliseconds(datetime.now(UTC) - timedelta(days=8))
    with closing(sqlite3.connect(federation.nl.home / "sigfed.db")) as books:
        books.execute("UPDATE peer SET confirmed_ms = ? WHERE name = 'fr.example'", (week_ago,))
        books.commit()
    federation.fr_node = Running(federation.fr)
    assert synced(federation).exit == 0


async def _refusal(federation: Federation, *, token: str) -> tuple[int, str]:
    identity = open_identity(Home(federation.nl.home))
    connector = aiohttp.TCPConnector(ssl=client_context(frozenset({identity.tls().spki_sha256})))
    url = f"{identity.settings.listen.url}lists/{LIST}/checkpoint"
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(url, headers={"Authorization": f"Bearer {token}"}) as reply,
    ):
        return reply.status, json.loads(await reply.read())["type"]


def test_kills_in_the_middle_of_sync_release_and_update(federation: Federation, partner: Cli) -> None:
    fr, nl = federation.fr, federation.nl
    version = partner.done("update")["new"]  # what other files' tests changed, too
    new = numbered("listed later", 3)
    for cli in (fr, nl):
        publish_files(cli, new)
    old = report(fr, NL_LIST).log.head.size

    fr.killed("objects", "peer", "sync")
    assert report(fr, NL_LIST).log.head.size == old
    (one,) = [done for done in fr.run("peer", "sync").results if done["origin"] == NL_LIST]
    assert (one["old"], one["new"], one["adds"]) == (old, old + 6, 6)

    fr.killed("objects", "subset", "release", SUBSET)
    assert partner.done("update")["new"] == version, "nothing of it is to be had"
    released = fr.done("subset", "release", SUBSET)
    assert (released["version"], released["added"], released["removed"]) == (version + 1, 6, 0)

    for place in ("release-part", "release"):
        partner.killed(place, "update")
        assert partner.done("status")["version"] == version
    updated = partner.done("update")
    assert [path.name for path in (partner.home / "partner/releases").iterdir()] == [str(version + 1)]
    assert (updated["old"], updated["new"], updated["added"]) == (version, version + 1, 6)
    assert partner.run("check", federation.files["both"]).exit == 1


def test_a_partner_whose_proxy_is_not_there(partner: Cli) -> None:
    outbound = partner.home / "outbound.toml"
    outbound.write_text(f'proxy = "http://127.0.0.1:{free_port()}"\n')
    partner.refused(16, "no connection to the outbound proxy", "update")
    outbound.unlink()
    partner.done("update")


def test_commands_of_one_home_share_an_access_token(federation: Federation) -> None:
    partner = federation.partner
    (partner.home / "partner/access.token").unlink(missing_ok=True)
    assert partner.run("check", federation.files["both"]).exit == 1
    kept = (partner.home / "partner/access.token").read_text()
    for _ in range(3):
        assert partner.run("check", federation.files["both"]).exit == 1
    assert (partner.home / "partner/access.token").read_text() == kept
    partner.done("renew")
    assert not (partner.home / "partner/access.token").exists(), "it was bought with the key of before"
    assert partner.run("check", federation.files["both"]).exit == 1


def test_a_partner_whose_key_is_refused_is_told_what_that_can_mean(
    federation: Federation, partner: Cli
) -> None:
    federation.fr.done("partner", "suspend", PARTNER)
    for command in (("update",), ("check", federation.files["both"])):
        refused = partner.run(*command)  # what the node signed since is kept
        assert (refused.exit, refused.out) == (12, "")
        assert "does not accept our credential" in refused.err
        assert "ask the agency whether it ended this access" in refused.err
        assert "put back from a backup" in refused.err
    federation.fr.done("partner", "resume", PARTNER)
    partner.done("update")


@pytest.mark.parametrize("place", ["next-key", "new-key"])
def test_a_partner_that_dies_while_its_key_is_replaced_goes_on(federation: Federation, place: str) -> None:
    partner = federation.partner
    before = PartnerFolder(partner.home / "partner").key().public
    partner.killed(place, "renew")
    assert partner.done("update")["renewed"] is (place == "next-key")
    assert PartnerFolder(partner.home / "partner").key().public != before
    [row] = [one for one in federation.fr.run("partner", "ls").results if one["partner"] == PARTNER]
    assert row["key_ms"] > row["seen_ms"] - 1


@contextmanager
def garbling(federation: Federation) -> Iterator[None]:
    """The French node does what it is asked, and its answers to enrolments and new keys cannot be read."""
    known = federation.fr.variables()["PYTHONPATH"]
    with federation.fr_stopped(), Running(federation.fr, variables={"PYTHONPATH": f"{GARBLER}:{known}"}):
        yield


@pytest.mark.threat("hostile bytes")
def test_an_answer_that_cannot_be_read_costs_no_invitation_and_no_update(
    federation: Federation, tmp_path: Path
) -> None:
    newcomer, says = Cli(tmp_path / "garbled"), "fr.example sent a reply that cannot be read"
    text = federation.fr.done("partner", "invite", "garbled", "--subset", SUBSET)["invitation"] + "\n"
    with garbling(federation):
        finished = newcomer.run("enroll", "--stdin", typed=text)
    assert (finished.exit, says in finished.err) == (14, True), finished.err
    newcomer.done("enroll", "--stdin", typed=text)
    with garbling(federation):
        newcomer.killed("next-key", "renew")
        finished = newcomer.run("update")
    assert finished.exit == 0, finished.err
    assert not finished.first["renewed"]
    assert f"the key should be replaced, and was not: {says}" in finished.err
    assert newcomer.done("update")["renewed"]


def test_an_invitation_that_is_mistyped_or_used(federation: Federation, tmp_path: Path) -> None:
    newcomer = Cli(tmp_path / "newcomer")
    good = federation.fr.done("partner", "invite", "newcomer", "--subset", SUBSET)["invitation"]
    at = len(good) - 5
    mistyped = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
    for text, code, words in (
        (mistyped, 2, "no longer valid"),
        (good[:-7], 14, "invitation"),
        ("", 14, "invitation"),
        (federation.invitation, 2, "no longer valid"),
    ):
        finished = newcomer.run("enroll", "--stdin", typed=f"{text}\n")
        assert (finished.exit, finished.out) == (code, ""), (text, finished.err)
        assert words in finished.err
        assert not text or text not in finished.err
        assert not newcomer.home.exists()
    assert newcomer.done("enroll", "--stdin", typed=f"{good}\n")["partner"] == "newcomer"
    newcomer.refused(2, "a partner is enrolled in", "enroll", "--stdin", typed=f"{good}\n")
    federation.fr.refused(2, "newcomer", "partner", "invite", "newcomer", "--subset", SUBSET)
    assert PARTNER in {one["partner"] for one in federation.fr.run("partner", "ls").results}


def test_fingerprint_words_of_another_node(agency: Cli, federation: Federation) -> None:
    url = open_identity(Home(federation.nl.home)).settings.listen.url
    own = agency.done("member", "ls")["fingerprint"]
    theirs = federation.nl.run("member", "ls").first["fingerprint"]
    words = ("--country", "NL", "--words")
    agency.refused(14, "fingerprint", "member", "add", url, *words, own)
    mistyped = f"xxxxx{theirs[5:]}"
    agency.refused(2, "word 1 of the fingerprint is not one of ours", "member", "add", url, *words, mistyped)
    assert agency.done("member", "add", url, *words, theirs)["members"] == 2


@pytest.mark.threat("two documents")
def test_an_agency_that_is_founded_anew_under_its_name_is_not_taken_for_the_one_before(
    copied: Federation, tmp_path: Path
) -> None:
    """What is held under the first root would count as the word of the second, and no list of its be followed."""
    fr, nl = copied.fr, copied.nl
    held = report(fr, NL_LIST).active
    url = open_identity(Home(nl.home)).settings.listen.url
    theirs = nl.run("member", "ls").first["fingerprint"]
    anew = found_agency(tmp_path, name="nl", country="NL")
    list_files(anew, [SINGLE])
    other = open_identity(Home(anew.home)).settings.listen.url
    words = anew.done("member", "ls")["fingerprint"]
    fr.done("member", "remove", "nl.example", "--yes")
    add = ("member", "add", other, "--words", words, "--country", "NL")
    introduced, kept = fr.home / "members" / "nl.example", tmp_path / "kept"
    with Running(anew):
        assert "another name" in fr.refused(14, "had another root", *add).err
        introduced.rename(kept)
        fr.refused(14, "which root vouched for them is not known any more", *add)
        kept.rename(introduced)
    fr.done("member", "add", url, "--words", theirs, "--country", "NL")
    fr.done("peer", "add", "nl.example", "--grant", "baseline")
    assert synced(copied).exit == 0
    assert report(fr, NL_LIST).active == held


def test_next_holders_sign_again_what_an_earlier_one_took_back(copied: Federation) -> None:
    """Everybody holds the revocations, which get another envelope under the number that they have."""
    fr, nl, partner = copied.fr, copied.nl, copied.partner
    fr.done("key", "revoke", "token-1", "--reason", "superseded", "--yes")
    nl.done("peer", "sync")
    partner.done("update")
    fr.done("key", "rotate", "targets", "--yes")
    publish_files(fr, numbered("under the next root", 2))
    assert nl.done("peer", "sync")["adds"] == 4
    partner.done("update")


def test_a_partner_that_becomes_an_agency_under_its_name_stays_a_partner(
    copied: Federation, tmp_path: Path
) -> None:
    """Its keys say as whom it calls."""
    fr, invited = copied.fr, ("partner", "invite", "hotline.example", "--subset", SUBSET)
    fr.done("subset", "release", SUBSET)
    partner = Cli(tmp_path / "partner")
    partner.done("enroll", "--stdin", typed=f"{fr.done(*invited)['invitation']}\n")
    agency = found_agency(tmp_path, name="hotline", country="DE")
    url = open_identity(Home(agency.home)).settings.listen.url
    words = agency.done("member", "ls")["fingerprint"]
    with Running(agency):
        fr.done("member", "add", url, "--words", words, "--country", "DE")
    fr.done("peer", "add", "hotline.example", "--grant", "baseline")
    assert partner.run("check", copied.files["both"]).exit == 1, "it is on the list"
