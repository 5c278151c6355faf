"""Releases and witnesses: what there is, a release made now, and who cosigned what."""

import re
from dataclasses import replace

from node.app.subsets import release_here
from node.store.accounts.records import PersonRole
from support.console import RunningConsole

_ONE = "/console/releases/subset?name=baseline"


async def test_subsets_are_shown_with_their_releases(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        every = (await browser.get("/console/releases")).words
        one = await browser.get(_ONE)
        none = await browser.get("/console/releases/subset?name=nothing")
    assert "baseline partners baseline 1 14" in every
    assert "fr.example/lists/csam" in every
    assert "epoch 1, answers until 20" in one.words
    assert "<form method" not in one.text.split("<main")[1]
    assert none.status == 404


async def test_releasing_publishes_first_and_says_when_nothing_changed(busy: RunningConsole) -> None:
    world = busy.world
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        form = {"csrf": busy.csrf(), "name": "baseline"}
        for _ in range(2):
            reply = await browser.post("/console/releases/subset/release", form)
            assert reply.status == 303, reply.words
        page = await browser.get(_ONE)
    with world.store.read() as unit:
        newest = unit.releases.newest("baseline")
    assert newest is not None
    assert f"baseline {newest.version}: nothing changed, no new release" in page.words
    with world.store.read() as unit:
        waiting = unit.logs.get("fr.example/lists/csam")
    assert waiting.tail == waiting.head.size, "what waited is published first"
    assert release_here(world.identity, world.store, "baseline").published is False


async def test_who_has_a_release_and_who_has_not_fetched_it(busy: RunningConsole) -> None:
    world = busy.world
    async with busy.as_role(PersonRole.VIEWER) as browser:
        held = (await browser.get(_ONE)).words
        with world.store.write() as unit:
            unit.releases.add(replace(unit.releases.get("baseline", 1), version=2))
            newcomer = replace(unit.partners.get("hoster"), name="newcomer", auth_key=b"n" * 32)
            unit.partners.add(newcomer)
            unit.partners.add(replace(newcomer, name="let go", auth_key=b"l" * 32, suspended=True))
        behind = (await browser.get(_ONE)).words.split("Who has not fetched the newest")[-1]
    assert "Every partner that may fetch it has." in held
    assert re.search(r"newcomer not known - - hoster 1 .* ago", behind)
    assert "let go" not in behind


async def test_only_operators_release(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        form = {"csrf": busy.csrf(), "name": "baseline"}
        assert (await browser.post("/console/releases/subset/release", form)).status == 403


async def test_witnesses_are_shown_with_what_they_claim(busy: RunningConsole) -> None:
    with busy.world.store.write() as unit:
        [record, *_] = [one for one in unit.cosigners.ls() if one.origin == "fr.example/lists/csam"]
        unit.cosigners.put(replace(record, alarm=True, outcome="claims another history"))
    async with busy.as_role(PersonRole.VIEWER) as browser:
        words = (await browser.get("/console/witnesses")).words
        overview = (await browser.get("/console/")).words
    assert "fr.example/subsets/baseline" in words
    assert "nl.example" in words
    assert "claims another history" in words
    assert "1 witness claims another history of a log of this node urgent" in overview
