"""The overview: what needs a human, the federation as a map and as a table, and a live page that stays put."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.console import needs as needs_module
from node.console.needs import Need, needs
from node.console.pages.federation.map import MappedMember, draw
from node.console.surface import PAGES
from node.peers.status import Freshness, MemberStatus, member_statuses
from node.store.accounts.records import PersonRole
from node.store.lists.records import FORKED, LogKind, Quarantined
from node.store.peers.records import EvidenceKind, EvidenceRecord
from support.browser import browsing_async
from support.console import RunningConsole
from support.times import SettableClock

_LIST = "fr.example/lists/csam"
_PEER_LIST = "nl.example/lists/csam"


async def _overview(console: RunningConsole) -> str:
    async with console.as_role(PersonRole.OPERATOR) as browser:
        reply = await browser.get("/console/")
    assert reply.status == 200
    return reply.words


async def test_a_node_without_work_says_so(console: RunningConsole) -> None:
    words = await _overview(console)
    assert "Nothing needs you now." in words
    assert "This node is alone." in words
    assert "sigfed list create NAME" in words
    assert "sigfed subset create NAME" in words


async def test_what_waits_is_a_number_and_a_sentence(busy: RunningConsole) -> None:
    words = await _overview(busy)
    assert "1 dispute to answer, by 20" in words
    assert "1 proposal of a partner to look at" in words
    assert "1 request waits for a second person" in words


async def test_files_that_wait_are_counted_without_judging_anew(busy: RunningConsole) -> None:
    await asyncio.to_thread(busy.world.judge.now)
    words = await _overview(busy)
    assert re.search(r"\d+ files? of (an)?other (agency waits|agencies wait) for this agency's word", words)


def _set_aside(busy: RunningConsole, kind: str) -> None:
    with busy.world.store.write() as unit:
        log = unit.logs.get(_PEER_LIST)
        record = Quarantined(log_id=log.id, kind=kind, first=0, last=0, reason="for a test", created_ms=1)
        unit.quarantine.add([record])


async def test_the_urgent_comes_first(busy: RunningConsole) -> None:
    _set_aside(busy, "add")
    _set_aside(busy, FORKED)
    found = needs(busy.world)
    assert found[0].words == "log stands still: its agency signed two histories"
    assert [need.urgent for need in found] == sorted((need.urgent for need in found), reverse=True)
    assert any(need.words.startswith("things were set aside") for need in found)
    words = await _overview(busy)
    assert "two histories urgent" in words
    assert words.index("two histories urgent") < words.index("dispute to answer")


async def test_a_claim_that_nobody_looked_at_is_urgent(busy: RunningConsole) -> None:
    record = EvidenceRecord(
        sha256="ab" * 32,
        kind=EvidenceKind.ROLLBACK,
        subject=_PEER_LIST,
        pair="a b",
        source="",
        created_ms=busy.world.now_ms,
    )
    with busy.world.store.write() as unit:
        unit.evidence.add(record)
    assert needs(busy.world)[0].words == "claim about a log that nobody has looked at"


async def test_hits_without_a_word_for_a_day_are_overdue(busy: RunningConsole) -> None:
    clock = busy.world.identity.clock
    later = SettableClock(clock.now() + timedelta(hours=25))
    world = replace(busy.world, identity=replace(busy.world.identity, clock=later))
    [overdue] = [need for need in needs(world) if need.page == "hits"]
    # Four were reported; of one the partner said what became of the file.
    assert overdue.count == 3
    assert overdue.urgent


async def test_the_map_and_the_table_say_the_same(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        page = (await browser.get("/console/")).text
    [drawn] = re.findall(r'<svg class="federation.*?</svg>', page, re.DOTALL)
    assert "1 other member around it; 1 followed" in drawn
    assert re.search(r"<title>nl\.example: fresh; confirmed .* ago</title>", drawn)
    assert "each other" in page
    assert "style=" not in page


@pytest.mark.parametrize(
    ("kind", "expected"), [(FORKED, Freshness.FORKED), ("add", Freshness.ASIDE)], ids=["forked", "aside"]
)
async def test_what_is_set_aside_is_a_state(busy: RunningConsole, kind: str, expected: Freshness) -> None:
    _set_aside(busy, kind)
    [member] = _standings(busy, days=7)
    assert member.freshness is expected
    assert member.aside == 1


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(0, Freshness.FRESH), (85, Freshness.LATE), (169, Freshness.SILENT)],
    ids=["fresh", "late", "silent"],
)
async def test_freshness_is_measured_as_releases_do(
    busy: RunningConsole, hours: int, expected: Freshness
) -> None:
    [member] = _standings(busy, hours=hours)
    assert member.freshness is expected


async def test_who_is_no_peer_is_not_followed(busy: RunningConsole) -> None:
    with busy.world.store.write() as unit:
        unit.peers.remove("nl.example")
    [member] = _standings(busy)
    assert member.freshness is Freshness.UNFOLLOWED
    assert "not followed" in await _overview(busy)


def _standings(busy: RunningConsole, *, hours: int = 0, days: int = 0) -> list[MemberStatus]:
    with busy.world.store.read() as unit:
        synced = max(peer.synced_ms for peer in unit.peers.ls()) if unit.peers.ls() else 0
        return member_statuses(
            unit,
            busy.world.identity.trust.members(),
            own=busy.world.node,
            now_ms=(synced or busy.world.now_ms) + hours * 3_600_000,
            max_age=timedelta(hours=168),
        )


def _places(count: int) -> list[MappedMember]:
    return [
        MappedMember(
            node=f"agency-{number:02}.node.example",
            country=f"{chr(65 + number // 3)}X",
            freshness=list(Freshness)[number % len(Freshness)],
            words=f"agency-{number:02}: <its state>",
            followed=number % 4 != 0,
            follows_us=number % 2 == 0,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 14, 15, 60])
def test_a_map_of_any_size_keeps_within_its_frame(count: int) -> None:
    drawn = draw("fr.example", _places(count), title="t", about="a")
    _, top, wide, high = map(float, re.findall(r'viewBox="([^"]*)"', drawn)[0].split())
    points = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", drawn) + re.findall(
        r'<text class="[^"]*" x="(-?[\d.]+)" y="(-?[\d.]+)"', drawn
    )
    assert all(0 < float(x) < wide and top < float(y) < top + high for x, y in points)
    assert drawn.count("<title>") == count
    assert drawn.count("&lt;its state&gt;") == count
    assert drawn.count('<path class="link ') == sum(place.followed for place in _places(count))


def test_a_hostile_name_is_only_text_on_the_map() -> None:
    place = replace(_places(1)[0], node='"><script>\u202e', country="<b>", words="<i>\u202e")
    drawn = draw("<u>", [place], title="<t>", about="<a>")
    assert not re.search(r"<(script|b|i|u|t|a)\b", drawn)
    assert "\u202e" not in drawn


async def test_what_waits_in_a_list_is_published(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        reply = await browser.post("/console/publish", {"csrf": busy.csrf(), "list": _LIST})
        assert reply.status == 303
        assert f"{_LIST}: 6 changes were published" in (await browser.get("/console/")).words
        other = await browser.post("/console/publish", {"csrf": busy.csrf(), "list": _PEER_LIST})
        assert "not a list of this node" in other.words
    with busy.world.store.read() as unit:
        log = unit.logs.get(_LIST)
    assert log.tail == log.head.size


@pytest.mark.usefixtures("with_browser")
async def test_a_live_page_is_left_alone_while_somebody_is_in_it(busy: RunningConsole) -> None:
    fetched: list[str] = []
    async with browsing_async() as browser:
        context = await browser.new_context()
        await context.add_cookies([busy.cookie(PersonRole.OPERATOR)])
        page = await context.new_page()
        await page.goto(busy.url("/console/"))
        page.on("request", lambda request: fetched.append(request.url) if request.url.endswith("/") else None)
        tick = "document.querySelector('.live').dispatchEvent(new CustomEvent('every'))"
        await page.focus("#publish-1")
        await page.evaluate(tick)
        await asyncio.sleep(0.3)
        assert fetched == []
        assert await page.evaluate("document.activeElement.id") == "publish-1"
        await page.evaluate("document.activeElement.blur()")
        async with page.expect_response("**/console/"):
            await page.evaluate(tick)
        await page.wait_for_selector("#publish-1")
        await context.close()


async def test_lists_of_peers_are_not_published_from_here(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        page = (await browser.get("/console/")).text
    assert page.count('action="/console/publish"') == 1
    with busy.world.store.read() as unit:
        assert len(unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)) == 2


def test_whatever_waits_says_whose_work_it_is() -> None:
    """Pages that no test has anything waiting for would fail for whoever has: they are read from the source."""
    named = set(re.findall(r'(?:waits\(|page=)\s*"(\w+)"', Path(needs_module.__file__).read_text()))
    assert len(named) > 5
    assert named <= {page.name for page in PAGES}
    for name in named:
        assert Need(page=name, count=1, words="").who, name
