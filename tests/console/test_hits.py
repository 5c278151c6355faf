"""Hits: the clock of each, filters and pages, one hit with what happened to it, and what people do with it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from node.audit.reader import read_audit
from node.console.pages.partners import hits
from node.partners.hits.instructions import UNDO_REPORT
from node.partners.hits.overview import ReportedHit, reported_hits
from node.store.accounts.records import PersonRole
from node.store.lists.records import FLOOD, Quarantined
from support.console import RunningConsole, console_of
from support.times import SettableClock


@asynccontextmanager
async def _after(busy: RunningConsole, hours: float) -> AsyncIterator[RunningConsole]:
    """The same console, so many hours after its newest hit was reported: how old the home is does not matter."""
    identity = busy.world.identity
    reported = max(hit.record.received_ms for hit in reported_hits(busy.world.store))
    clock = SettableClock(datetime.fromtimestamp(reported / 1000, UTC) + timedelta(hours=hours))
    async with console_of(replace(busy.world, identity=replace(identity, clock=clock))) as running:
        yield running


def _hit(busy: RunningConsole, state: str) -> ReportedHit:
    found, *_ = [hit for hit in reported_hits(busy.world.store) if hit.state(busy.world.now_ms) == state]
    return found


def _query(hit: ReportedHit) -> str:
    return urlencode({"hit": f"{hit.record.partner}/{hit.record.report_id.hex()}"})


async def test_every_hit_shows_its_clock(busy: RunningConsole) -> None:
    async with _after(busy, 0.9) as later, later.as_role(PersonRole.VIEWER) as browser:
        reply = await browser.get("/console/hits")
    assert reply.words.count("23 hours left") == 3
    assert "no clock runs" in reply.words
    assert "removed told" in reply.words
    assert "both receipts signed" in reply.words
    assert "fr.example/lists/csam nl.example/lists/csam baseline" in reply.words
    for hit in reported_hits(busy.world.store):
        assert hit.record.report_id.hex()[:8] in reply.words


async def test_overdue_hits_come_first(busy: RunningConsole) -> None:
    resolved = _hit(busy, "resolved")
    async with _after(busy, 25.5) as later, later.as_role(PersonRole.ANALYST) as browser:
        words = (await browser.get("/console/hits")).words
        assert words.count("1 hour over") == 3
        assert resolved.record.report_id.hex()[:8] not in words
        everything = (await browser.get("/console/hits?view=all")).words
    assert resolved.record.report_id.hex()[:8] in everything


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("view=all&partner=hoster", 4),
        ("view=all&partner=nobody", 0),
        ("view=all&list=nl.example/lists/csam", 4),
        ("view=all&list=fr.example/lists/other", 0),
        ("view=overdue", 0),
    ],
)
async def test_hits_are_chosen_by_partner_and_list(busy: RunningConsole, query: str, count: int) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        reply = await browser.get(f"/console/hits?{query}")
    assert reply.status == 200
    assert reply.text.count("/console/hits/one?") == count


async def test_a_hostile_filter_is_only_text(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        query = urlencode({"partner": '"><img src=x onerror=alert(1)>', "list": "<script>"})
        reply = await browser.get(f"/console/hits?{query}")
    assert reply.status == 200
    assert "<img" not in reply.text
    assert "<script>" not in reply.text


async def test_hits_are_read_a_page_at_a_time(busy: RunningConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "ROWS", 3)
    path, found = "/console/hits?view=all", []
    async with busy.as_role(PersonRole.ANALYST) as browser:
        while path:
            reply = await browser.get(path)
            found.append(re.findall(r'/console/hits/one\?([^"]+)"', reply.text))
            following = re.search(r'<a href="(\?[^"]+)" rel="next"', reply.text)
            path = f"/console/hits{following[1].replace('&amp;', '&')}" if following else ""
        assert [len(each) for each in found] == [3, 1]
        assert len({name for page in found for name in page}) == 4
        assert (await browser.get("/console/hits?after=nonsense")).status == 400
        assert (await browser.get("/console/hits?view=nonsense")).status == 400


async def test_one_hit_tells_what_is_behind_it_and_what_happened(busy: RunningConsole) -> None:
    hit = _hit(busy, "resolved")
    async with busy.as_role(PersonRole.VIEWER) as browser:
        reply = await browser.get(f"/console/hits/one?{_query(hit)}")
    for source in hit.sources:
        assert f"/console/entry?list={source.origin}&index={source.position}" in reply.text.replace(
            "%2F", "/"
        ).replace("&amp;", "&")
    assert "hoster reported it, against a signed receipt" in reply.words
    assert "The file: removed; told" in reply.words
    assert "resolution told, and its receipt signed" in reply.words
    assert "/console/hits/close" not in reply.text


async def test_a_hit_is_closed_and_held(busy: RunningConsole) -> None:
    hit = _hit(busy, "resolved")
    form = {"hit": f"hoster/{hit.record.report_id.hex()}"}
    async with busy.as_role(PersonRole.ANALYST, person="carla") as browser:
        form["csrf"] = busy.csrf()
        for action, says in (
            ("close", "It counts as dealt with."),
            ("hold", "It is not purged before somebody says otherwise."),
            ("unhold", "It is purged in its time."),
        ):
            reply = await browser.post(f"/console/hits/{action}", form)
            assert reply.status == 303
            assert says in (await browser.get(reply.headers["Location"])).words
            with busy.world.store.read() as unit:
                kept = unit.hits.find("hoster", hit.record.report_id)
            assert kept is not None
            assert kept.closed_ms is not None
            assert (kept.held_ms is not None) == (action == "hold")
        gone = await browser.post("/console/hits/close", form | {"hit": "hoster/" + 32 * "0"})
    assert gone.status == 404
    told = [one.record for one in read_audit(busy.world.store)]
    assert [(one.action, one.actor) for one in told[-3:]] == [
        ("hit.close", "carla"),
        ("hit.hold", "carla"),
        ("hit.unhold", "carla"),
    ]


async def test_a_flood_is_said_where_its_hits_are(busy: RunningConsole) -> None:
    hit = _hit(busy, "open")
    source = hit.sources[0]
    with busy.world.store.write() as unit:
        flood = Quarantined(
            log_id=unit.logs.get(source.origin).id,
            kind=FLOOD,
            first=source.position,
            last=source.position,
            reason="60 reports of 4 partners within 24 hours",
            created_ms=busy.world.now_ms,
        )
        unit.quarantine.add([flood])
    async with busy.as_role(PersonRole.ANALYST) as browser:
        assert "Many partners report 1 entry at once" in (await browser.get("/console/hits")).words
        one = await browser.get(f"/console/hits/one?{_query(hit)}")
        assert "many partners report it at once" in one.words
        path = re.search(r'"(/console/quarantine/one\?id=\d+)"', one.text)
        assert path is not None
        aside = await browser.get(path[1])
    assert "it stays listed until somebody decides" in aside.words
    assert "60 reports of 4 partners within 24 hours" in aside.words


async def test_precision_says_nothing_of_few_hits(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        words = (await browser.get("/console/hits/precision")).words
    assert "fr.example/lists/csam baseline 4 1 1 0 fewer than 20 judged" in words


async def test_a_withdrawn_hit_says_what_to_undo(busy: RunningConsole) -> None:
    hit = _hit(busy, "resolved")
    with busy.world.store.write() as unit:
        unit.hits.end(hit.record, ended_ms=busy.world.now_ms, version=3)
    async with busy.as_role(PersonRole.VIEWER) as browser:
        pages = [await browser.get(path) for path in ("/console/hits", f"/console/hits/one?{_query(hit)}")]
        overview = await browser.get("/console/")
    for page in pages:
        assert UNDO_REPORT in page.words
        assert "not listed any more" in page.words
    assert "release 3 does not list it any more" in pages[1].words
    assert "1 hit was withdrawn: undo what was begun because of it" in overview.words
