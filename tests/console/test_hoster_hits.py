"""Hits in a partner's console: what comes first, what is told of each, and what a person does about it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from node.console.hoster.world import PartnerWorld
from node.hoster.hits.instructions import FOUND, UNDO
from node.hoster.hits.resolutions import Action
from node.hoster.hits.spool import SpooledHit
from node.hoster.store.kinds import Kind
from node.store.accounts.records import PersonRole
from support.console import Browser, Reply, RunningConsole
from support.partner_console import Seat, partner_console_of, world_of
from support.partner_rows import spoil

HITS = "/console/hits"
ONE = "/console/hits/one"


class Looking:
    """Somebody who handles hits."""

    def __init__(self, seat: Seat, console: RunningConsole[PartnerWorld]) -> None:
        self.seat = seat
        self.console = console
        self.browser: Browser = console.as_role(PersonRole.ANALYST)
        self.csrf = console.csrf()

    async def see(self, path: str) -> str:
        reply = await self.browser.get(path)
        assert reply.status == 200, reply.words
        return reply.words

    async def act(self, name: str, hit: SpooledHit, **fields: str) -> Reply:
        form = {"csrf": self.csrf, "query": f"hit={hit.id}", "hit": hit.id} | fields
        return await self.browser.post(f"{HITS}/{name}", form)

    async def done(self, name: str, hit: SpooledHit, **fields: str) -> str:
        """What the next page says."""
        reply = await self.act(name, hit, **fields)
        assert reply.status == 303, reply.words
        return await self.see(reply.headers["Location"])

    def kept(self, hit: SpooledHit) -> SpooledHit:
        return self.seat.spool.get(hit.id)


@pytest_asyncio.fixture
async def looking(tmp_path: Path) -> AsyncIterator[Looking]:
    seat = Seat(tmp_path)
    await seat.hold()
    async with partner_console_of(world_of(seat)) as console:
        made = Looking(seat, console)
        async with made.browser:
            yield made


async def test_the_overdue_come_first_and_the_resolved_only_when_asked_for(looking: Looking) -> None:
    for name, hours_ago in (("new.jpg", 1), ("late.jpg", 25), ("latest.jpg", 90)):
        looking.seat.find(name, hours_ago=hours_ago)
    done = looking.seat.find("done.jpg", hours_ago=95)
    looking.seat.spool.save(replace(done, action=Action.REMOVED, resolved_ms=looking.seat.now_ms))
    words = await looking.see(HITS)
    assert words.index("latest.jpg") < words.index("late.jpg") < words.index("new.jpg")
    assert "2 overdue 3 to resolve, overdue ones among them 4 of which the agency is to be told" in words
    assert "2 days over" in words
    assert "23 hours left" in words
    assert "done.jpg" not in words
    every = await looking.see(f"{HITS}?view=all")
    assert every.index("new.jpg") < every.index("done.jpg")
    assert "removed not reported" in every


async def test_many_are_paged(looking: Looking) -> None:
    for number in range(53):
        looking.seat.find(f"file-{number:02}.jpg", hours_ago=60 - number)
    first = await looking.see(HITS)
    assert "file-00.jpg" in first
    assert "file-50.jpg" not in first
    assert "file-52.jpg" in await looking.see(f"{HITS}?view=open&page=1")


async def test_a_damaged_hit_hides_no_other(looking: Looking) -> None:
    looking.seat.find("good.jpg")
    bad = looking.seat.find("bad.jpg")
    spoil(looking.seat.home.partner, Kind.HIT, bad.id)
    words = await looking.see(HITS)
    assert "good.jpg" in words
    assert "A hit cannot be read." in words
    assert "is damaged" in words


@pytest.mark.parametrize("outcome", list(Action))
async def test_what_became_of_the_file_is_recorded(looking: Looking, outcome: Action) -> None:
    hit = looking.seat.find("a.jpg")
    words = await looking.done("resolve", hit, outcome=outcome.value)
    assert "What became of the file is recorded. Nobody was told: the hit is not reported." in words
    assert looking.kept(hit).action is outcome
    assert "no clock runs" in words


async def test_a_resolution_is_corrected(looking: Looking) -> None:
    hit = looking.seat.find("a.jpg")
    await looking.done("resolve", hit, outcome="removed")
    words = await looking.done("resolve", hit, outcome="preserved")
    assert "The file: removed, corrected since" in words
    assert "The file: preserved" in words


@pytest.mark.parametrize("outcome", ["", "deleted", "REMOVED"])
async def test_nothing_else_becomes_of_a_file(looking: Looking, outcome: str) -> None:
    hit = looking.seat.find("a.jpg")
    reply = await looking.act("resolve", hit, outcome=outcome)
    assert reply.status == 400
    assert "This was not done." in reply.words
    assert looking.kept(hit).action is None


async def test_a_node_that_does_not_answer_loses_nothing(looking: Looking) -> None:
    hit = looking.seat.find("a.jpg")
    assert "waits in the spool nobody was told of it" in await looking.see(f"{ONE}?hit={hit.id}")
    for reply in (
        await looking.act("report", hit),
        await looking.browser.post(f"{HITS}/report-all", {"csrf": looking.csrf}),
    ):
        assert reply.status == 422, "nothing broke here"
        assert "This was not done." in reply.words
    assert looking.kept(hit).waiting
    assert "an attempt was not answered; the agency may have it" in await looking.see(f"{ONE}?hit={hit.id}")
    words = await looking.done("resolve", hit, outcome="removed")
    assert "The agency was not told: there is no receipt for the report." in words


async def test_what_is_not_reported_is_not_disputed(looking: Looking) -> None:
    hit = looking.seat.find("a.jpg")
    assert "Dispute it" not in await looking.see(f"{ONE}?hit={hit.id}")
    reply = await looking.act("dispute", hit, reason="our logo", contact="")
    assert reply.status == 400
    assert "this hit is not reported yet" in reply.words


async def test_a_hit_is_held_and_let_go(looking: Looking) -> None:
    hit = looking.seat.find("a.jpg")
    assert "held: it is not purged" in await looking.done("hold", hit)
    assert looking.kept(hit).held
    assert "until its time ends" in await looking.done("unhold", hit)
    assert not looking.kept(hit).held


@pytest.mark.threat("a partner's console")
async def test_the_whole_hash_is_shown_once(looking: Looking, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="sigfed")
    hit = looking.seat.find("a.jpg")
    whole = hit.sent.report.digest.value.hex()
    page = f"{ONE}?hit={hit.id}"
    assert f"sha256 {whole[:8]}…" in await looking.see(page)
    assert whole not in (await looking.browser.get(page)).text
    assert f"shown once: {whole}" in await looking.done("reveal", hit)
    assert whole not in (await looking.browser.get(page)).text
    assert "done action=hit-reveal by=a.analyst" in caplog.text
    assert whole[:8] not in caplog.text
    assert hit.id not in caplog.text


async def test_who_only_looks_has_no_forms(looking: Looking) -> None:
    hit = looking.seat.find("a.jpg")
    async with looking.console.as_role(PersonRole.VIEWER) as browser:
        for path in (HITS, f"{ONE}?hit={hit.id}"):
            reply = await browser.get(path)
            assert "a.jpg" in reply.words
            assert reply.text.count("<form") == 1, "signing out"


async def test_weak_ones_say_so(looking: Looking) -> None:
    hit = looking.seat.find("a.jpg", weak=True)
    assert "weak: a person must look" in await looking.see(HITS)
    assert "such matches can be forged" in await looking.see(f"{ONE}?hit={hit.id}")


@pytest.mark.parametrize(
    "name", ['"><img src=x onerror=alert(1)>', "a\u202egpj.exe", "b\udcff.jpg", "line\nbreak"]
)
async def test_a_hostile_name_is_only_text(looking: Looking, name: str) -> None:
    hit = replace(looking.seat.find("a.jpg"), name=name)
    looking.seat.spool.save(hit)
    for path in (HITS, f"{ONE}?hit={hit.id}"):
        reply = await looking.browser.get(path)
        assert reply.status == 200
        assert "<img" not in reply.text
        assert "\u202e" not in reply.text


@pytest.mark.parametrize(("hit", "status"), [("", 400), ("abc", 400), ("f" * 32, 404), ("../auth.key", 404)])
async def test_there_is_no_such_hit(looking: Looking, hit: str, status: int) -> None:
    looking.seat.find("a.jpg")
    assert (await looking.browser.get(f"{ONE}?hit={hit}")).status == status


async def test_what_was_withdrawn_says_what_to_undo(looking: Looking) -> None:
    waited, told = looking.seat.find("waited.jpg"), looking.seat.find("told.jpg")
    ended_ms = looking.seat.now_ms
    looking.seat.spool.save(replace(waited, ended_ms=ended_ms))
    looking.seat.spool.save(
        replace(told, ended_ms=ended_ms, action=Action.REMOVED, resolved_ms=ended_ms - 1, instead="")
    )
    page = await looking.see(HITS)
    assert "1 hit was withdrawn." in page
    assert UNDO in page
    assert ("told.jpg" in page, "waited.jpg" in page) == (True, False), "one is to be undone"
    assert UNDO in await looking.see(f"{ONE}?hit={told.id}")
    closed = await looking.see(f"{ONE}?hit={waited.id}")
    assert "It was withdrawn: no release lists it any more" in closed
    assert "Report it now" not in closed
    assert "1 hit was withdrawn after you acted on it" in await looking.see("/console/")
    assert await looking.done("resolve", told, outcome="false-positive")
    assert "1 hit was withdrawn." not in await looking.see(HITS)


async def test_a_hit_whose_receipt_does_not_verify_any_more_is_shown_and_resolved(looking: Looking) -> None:
    hit = looking.seat.find("a.jpg")
    looking.seat.spool.save(replace(hit, receipt=b"by a key that was stolen"))
    page = await looking.see(f"{ONE}?hit={hit.id}")
    assert "Something that the agency signed does not verify any more. the receipt does not verify:" in page
    assert "waits in the spool" not in page
    assert await looking.done("resolve", hit, outcome="removed")


async def test_what_to_do_with_a_found_file_is_said_in_one_way(looking: Looking) -> None:
    hit = looking.seat.find("a.jpg")
    for path in (HITS, f"{ONE}?hit={hit.id}"):
        assert FOUND in await looking.see(path)
