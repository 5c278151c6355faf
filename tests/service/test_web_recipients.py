"""Raw digests over real HTTPS: who gets them, what strangers and former recipients get, and what is written down."""

import logging
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from node.errors import StoreError
from node.lists.corrections.withdraw import withdraw
from node.objects import recipient_files
from node.web.settings import WebSettings
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Reason
from support.digest_search import DigestSearch
from support.fakes_api import MemoryNode
from support.raw_http import Reply, raw_access
from support.recipients import Desk, lines_of
from support.releases import ReleasingAgency
from support.stores import Agency, file_digests, make_store, rows, sqlite_dsn

PATH = "/recipients/digests"
LISTED = {*file_digests("a"), *file_digests("b")}


@dataclass
class World:
    """A node with a desk behind real HTTPS."""

    desk: Desk
    memory: MemoryNode


@pytest.fixture
async def world(tmp_path: Path, other: Agency) -> AsyncIterator[World]:
    store = make_store(sqlite_dsn(tmp_path), tmp_path)
    fr = ReleasingAgency(store, tmp_path / "fr")
    for agency in (fr.lists, other):
        agency.add(rows("a", "b"))
    fr.follow(other)
    fr.lists.publish()
    desk = Desk(fr)
    memory = MemoryNode()
    memory.recipients = desk.served
    yield World(desk, memory)
    fr.evaluator.close()
    store.dispose()


def told(reply: Reply) -> tuple[object, ...]:
    """Everything of a refusal but its number and date."""
    kept = {name: value for name, value in reply.headers.items() if name not in {"Date", "Content-Length"}}
    return reply.status, reply.problem, sorted(kept.items()), reply.body.partition(b'"instance"')[0]


async def test_a_download_and_then_nothing_new(world: World) -> None:
    key = world.desk.accredit()
    world.desk.copy.refresh()
    async with raw_access(world.memory) as raw:
        reply = await raw("GET", PATH, key)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "application/x-ndjson"
        assert reply.headers["Cache-Control"] == "no-store"
        assert {digest for _, digest in lines_of(reply.body)} == LISTED
        held = {"If-None-Match": reply.headers["ETag"]}
        again = await raw("GET", PATH, key, headers=held)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", reply.headers["ETag"])
        assert [kind for kind, _, _ in world.desk.downloads.told] == ["begin", "end"], (
            "a 304 gives nothing away"
        )
        fr = world.desk.fr
        withdraw(fr.store, fr.lists.origin, file_digests("a")[0], reason=Reason.ERROR)
        fr.lists.publish()
        late = await raw("GET", PATH, key, headers=held)
        assert (late.status, late.problem) == (503, "unavailable")
        world.desk.copy.refresh()
        changed = await raw("GET", PATH, key, headers=held)
        assert changed.status == 200
        assert {digest for _, digest in lines_of(changed.body)} == set(file_digests("b"))


async def test_all_refusals_are_alike(world: World) -> None:
    desk = world.desk
    keys = {name: desk.accredit(name) for name in ("suspended", "removed", "damaged", "replaced", "good")}
    keys["ended"] = desk.accredit("ended", desk.grant(until=desk.fr.clock.now() + timedelta(hours=1)))
    desk.copy.refresh()
    desk.recipients.set_suspended("suspended", suspended=True)
    desk.recipients.remove("removed", by="alice")
    desk.recipients.make_key("replaced", entropy=os.urandom)
    with desk.fr.store.write() as unit:
        unit.recipients.set_grant("damaged", "{}")
    desk.fr.clock.advance(timedelta(hours=1))
    async with raw_access(world.memory) as raw:
        partner, peer = await raw.partner_token(), await raw.peer_token()
        assert (await raw("GET", PATH, keys.pop("good"))).status == 200
        replies = [await raw("GET", PATH, key) for key in [*keys.values(), "sfr_", "x" * 5000, partner, peer]]
        replies.append(await raw("GET", PATH))
        replies.append(await raw("GET", PATH, headers={"Authorization": f"Basic {keys['ended']}"}))
        replies.append(await raw("GET", PATH, "sfr_wrong", headers={"If-None-Match": "*"}))
    assert {told(reply)[:2] for reply in replies} == {(401, "unauthenticated")}
    assert len({repr(told(reply)) for reply in replies}) == 1


async def test_a_copy_that_is_too_old_is_no_matter_of_strangers(world: World) -> None:
    world.desk.accredit()
    async with raw_access(world.memory) as raw:
        assert (await raw("GET", PATH, "sfr_wrong")).status == 401


async def test_each_scope_gets_its_own(world: World) -> None:
    national = world.desk.accredit("national", world.desk.grant(NATIONAL))
    base = world.desk.accredit("base", world.desk.grant(BASELINE))
    world.desk.copy.refresh()
    async with raw_access(world.memory) as raw:
        nothing = await raw("GET", PATH, national)
        assert (nothing.status, lines_of(nothing.body)) == (200, [])
        everything = await raw("GET", PATH, base)
        assert len(lines_of(everything.body)) == 4
        assert len(nothing.body) == len(everything.body), "the length does not say how many"
        crossed = await raw("GET", PATH, national, headers={"If-None-Match": everything.headers["ETag"]})
        assert crossed.status == 200


async def test_a_node_without_recipients_has_no_such_address(world: World) -> None:
    async with raw_access(world.memory) as raw:  # on, and nobody is accredited
        nobody = await raw("GET", PATH, "sfr_any")
    async with raw_access() as raw:
        off = await raw("GET", PATH, "sfr_any")
    assert told(nobody) == told(off)
    assert (off.status, off.problem) == (404, "not-found")


async def test_tries_are_limited_per_address(world: World) -> None:
    world.desk.accredit()
    world.desk.copy.refresh()
    settings = WebSettings(address_per_minute=1, address_burst=3)
    async with raw_access(world.memory, settings=settings) as raw:
        statuses = [(await raw("GET", PATH, "sfr_wrong")).status for _ in range(4)]
    assert statuses == [401, 401, 401, 429]


async def test_what_must_end_is_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply without its last line: the connection breaks, no problem is mixed into the lines."""
    monkeypatch.setattr(recipient_files, "PART", 1)
    key = world.desk.accredit()
    world.desk.copy.refresh()
    part, asked = world.desk.copy.part, [0]

    def counted(held: object, number: int) -> object:
        asked[0] += 1
        if asked[0] == 2:
            world.desk.recipients.set_suspended("hotline", suspended=True)
        return part(held, number)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(world.desk.copy, "part", counted)
    async with raw_access(world.memory) as raw:
        with pytest.raises(aiohttp.ClientPayloadError):
            await raw("GET", PATH, key)
        assert (await raw("GET", PATH, key)).status == 401
        assert (await raw("GET", "/health")).status == 200
    assert [kind for kind, _, _ in world.desk.downloads.told] == ["begin"]


@pytest.mark.threat("a recipient's copy")
async def test_what_cannot_be_recorded_is_not_given_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StoreError("the audit log cannot be written")

    key = world.desk.accredit()
    world.desk.copy.refresh()
    monkeypatch.setattr(world.desk.downloads, "begin", broken)
    async with raw_access(world.memory) as raw:
        reply = await raw("GET", PATH, key)
    assert (reply.status, reply.problem) == (500, "internal")


async def test_no_digest_and_no_key_is_in_a_log_or_an_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sigfed")  # whatever a command that ran here before has set
    key = world.desk.accredit()
    world.desk.copy.refresh()
    said = bytearray()
    async with raw_access(world.memory) as raw:
        reply = await raw("GET", PATH, key)
        assert len(lines_of(reply.body)) == 4
        for wrong in (key[:-1], key.upper(), f"{key} {key}", key + reply.body.split(b'"')[11].decode()):
            said += (await raw("GET", PATH, wrong)).body
        world.desk.recipients.set_suspended("hotline", suspended=True)
        said += (await raw("GET", PATH, key)).body
    journal = caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    said += journal.encode() + repr(world.desk.downloads.told).encode()
    assert "recipient_digests" in journal
    looking = DigestSearch([digest.value for digest in LISTED])
    assert looking.sightings(reply.body, "the reply"), "the search finds what is there"
    assert looking.sightings(bytes(said), "said") == []
    assert key.removeprefix("sfr_").encode() not in said
