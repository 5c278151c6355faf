"""What a page asks the database does not grow with what there is to show."""

import asyncio
from dataclasses import replace

import pytest

from node.console.parts import Page
from node.console.surface import PAGES
from node.partners.hits.overview import reported_hits
from node.store.accounts.records import PersonRole
from node.store.hits.records import HitSourceRecord
from node.store.lists.records import FORKED, LogKind, Quarantined
from node.store.unit import Unit
from support.console import RunningConsole
from support.console_examples import EXAMPLES
from support.statements import statements

MOST = 50
_GROWING = {"hits", "hit", "precision", "disputes", "quarantine", "aside", "proposals", "tasks"} | {
    "overview",
    "members",
    "member",
    "partners",
    "partner",
    "releases",
    "witnesses",
    "charts",
    "response",
}
"""Pages whose rows `_grown` multiplies."""


def _grown(busy: RunningConsole) -> None:
    """Many more hits, disputes, proposals, requests, and things that were set aside."""
    store, now_ms = busy.world.store, busy.world.now_ms
    hit, *_ = [hit for hit in reported_hits(store) if hit.disputed]
    assert hit.case is not None
    with store.write() as unit:
        sealed = unit.hits.sealed(hit.record)
        proposal, *_ = unit.proposals.ls()
        for number in range(300):
            name = number.to_bytes(16, "big")
            unit.hits.add(replace(hit.record, report_id=name), sealed)
            unit.partner_cases.add(replace(hit.case, report_id=name))
            unit.hit_outcomes.add_sources(
                [
                    HitSourceRecord(
                        partner="hoster",
                        report_id=name,
                        origin=source.origin,
                        position=source.position,
                        received_ms=now_ms,
                    )
                    for source in hit.sources
                ]
            )
            unit.proposals.add(replace(proposal, proposal_id=name))
            unit.approvals.add(
                kind="partner.quota", subject="more", payload=b"{}", requested_by="alice", requested_ms=now_ms
            )
        _grow_federation(unit)
    _set_aside(busy, range(100))


def _set_aside(busy: RunningConsole, places: range) -> None:
    with busy.world.store.write() as unit:
        log = unit.logs.get("nl.example/lists/csam")
        unit.quarantine.add(
            [
                Quarantined(
                    log_id=log.id, kind=kind, first=at, last=at, reason="a test", created_ms=busy.world.now_ms
                )
                for at in places
                for kind in ("add", "flood", FORKED)
            ]
        )


def _grow_federation(unit: Unit) -> None:
    """Sixty peers with a list each, three hundred partners."""
    peer, partner = unit.peers.get("nl.example"), unit.partners.get("hoster")
    for number in range(60):
        node = f"agency-{number}.example"
        unit.peers.add(replace(peer, name=node))
        unit.logs.create(origin=f"{node}/lists/csam", kind=LogKind.PEER_LIST, node=node, name="csam")
    for number in range(300):
        unit.partners.add(replace(partner, name=f"partner-{number}", auth_key=number.to_bytes(32)))


async def _asked(busy: RunningConsole, page: Page) -> int:
    query = EXAMPLES[page.name](busy.world) if page.name in EXAMPLES else ""
    role = PersonRole.OPERATOR if PersonRole.OPERATOR in page.roles else next(iter(page.roles))
    async with busy.as_role(role, proved_ms=busy.world.now_ms) as browser:
        with statements() as asked:
            reply = await browser.get(f"{page.path}?{query}")
    assert reply.status == 200, page.name
    return len(asked)


async def test_no_page_asks_for_each_of_its_rows(busy: RunningConsole) -> None:
    pages = [page for page in PAGES if page.name in _GROWING]
    await asyncio.to_thread(busy.world.judge.now)  # as a running node has it at hand
    for page in pages:
        await _asked(busy, page)
    _set_aside(busy, range(1000, 1001))  # what is kept of these looks stands no more, as after those below
    await asyncio.to_thread(busy.world.judge.now)
    before = {page.name: await _asked(busy, page) for page in pages}
    _grown(busy)
    await asyncio.to_thread(busy.world.judge.now)
    after = {page.name: await _asked(busy, page) for page in pages}
    assert max(after.values()) < MOST, after
    more = {name: (before[name], count) for name, count in after.items() if count > before[name] + 2}
    assert not more


@pytest.mark.parametrize("name", ["hits", "disputes", "proposals"])
async def test_a_page_holds_fifty_rows(busy: RunningConsole, name: str) -> None:
    _grown(busy)
    async with busy.as_role(PersonRole.ANALYST) as browser:
        first = await browser.get(f"/console/{name}")
    assert first.text.count(f'"/console/{name}/one?') == 50
    assert 'rel="next"' in first.text
