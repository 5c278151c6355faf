"""The model national response in a browser: what the node records of it, and the report to take away."""

import json
import re

from node.audit.reader import read_audit
from node.console.pages.partners.response import GROUPS
from node.objects.report_pages import report_pages
from node.store.accounts.records import PersonRole
from node.store.hits.records import HitFilter
from support.console import Reply, RunningConsole

PERIODS = "/console/response/report?period={}&form={}"
RECORDED = {2, 7, 12, 16, 17, 19, 21}


def facts_of(page: Reply, capability: int) -> dict[str, str]:
    """What is counted for a capability."""
    part = re.split(r'<h3><span class="soft">\d+</span>', page.text)[capability]
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", part))


async def test_every_capability_stands_there_and_most_are_outside(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        page = await browser.get("/console/response")
    numbers = [number for _, capabilities in GROUPS for number, _ in capabilities]
    assert numbers == list(range(1, 22))
    assert page.words.count("outside what this node records") == 21 - len(RECORDED)
    assert {number for number in numbers if facts_of(page, number)} == RECORDED
    assert "/console/response/report" not in page.text


async def test_what_happened_is_counted_at_its_capability(busy: RunningConsole) -> None:
    with busy.world.store.write() as unit:
        newest, *_ = next(report_pages(busy.world.store, HitFilter(open=True)))
        unit.hits.end(newest, ended_ms=newest.received_ms + 1, version=1)
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        page = await browser.get("/console/response")
    takedown, reporting, lists = facts_of(page, 16), facts_of(page, 17), facts_of(page, 7)
    assert takedown["files removed, disabled or preserved in the last 365 days"] == "1"
    assert takedown["of these within 24 hours of the report"] == "1 of 1"
    assert takedown["from a withdrawal until peers hold it"] == "nothing was measured yet"
    assert takedown["open hits that no release lists any more"] == "1"
    assert reporting["hits reported in the last 365 days"] == "4"
    assert reporting["disputes opened in the last 365 days"] == "1"
    assert reporting["of these upheld: the list was wrong"] == "0"
    assert lists["countries in the register"] == "2"
    assert int(lists["active entries in own lists"]) > 0
    assert re.search("minute|hour|day", lists["since the peer synced longest ago was synced"])


async def test_of_a_new_node_the_page_says_that_there_is_nothing(console: RunningConsole) -> None:
    async with console.as_role(PersonRole.VIEWER) as browser:
        page = await browser.get("/console/response")
    assert facts_of(page, 7)["since the peer synced longest ago was synced"] == "no peer is followed"
    assert facts_of(page, 21) == {"active entries": "0"}


async def test_the_report_is_the_one_of_the_command_and_recorded(busy: RunningConsole) -> None:
    year = str(busy.world.identity.clock.now().year)
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        choices = re.findall(r'<option value="(\d[^"]*)"', (await browser.get("/console/response")).text)
        page = await browser.get(PERIODS.format(year, "html"))
        sheet = await browser.get(PERIODS.format(year, "csv"))
        fields = await browser.get(PERIODS.format(year, "json"))
    assert year in choices
    assert len(set(choices)) == len(choices)
    assert (
        page.headers["Content-Disposition"] == f'attachment; filename="fr.example-transparency-{year}.html"'
    )
    assert "Transparency report of fr.example" in page.words
    assert sheet.headers["Content-Type"].startswith("text/csv")
    told = json.loads(fields.text)
    assert told["hits"]["reported"] == "withheld"  # four: few enough to be withheld
    assert f"federation: members,{told['federation']['members']}" in sheet.text
    taken = [one.record for one in read_audit(busy.world.store) if one.record.action == "report.transparency"]
    assert [(one.actor, one.subject.rsplit(".", 1)[1]) for one in taken] == [
        ("a.operator", "html"),
        ("a.operator", "csv"),
        ("a.operator", "json"),
    ]


async def test_a_period_that_is_none_is_refused_with_what_to_do(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.SECURITY) as browser:
        for query in ("", "?period=soon", "?period=2026&form=pdf", "?period=2099"):
            reply = await browser.get(f"/console/response/report{query}")
            assert reply.status == 400, query
        assert "half-year" in (await browser.get("/console/response/report?period=soon")).words
    assert not [one for one in read_audit(busy.world.store) if one.record.action == "report.transparency"]
