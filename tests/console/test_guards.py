"""Guards at the console: sets of lawful files and tripwires, added and forgotten as the commands do."""

from hashlib import sha256

import aiohttp
import pytest

from node.app.guards import open_guards
from node.console.visitors import FRESH_MS
from node.store.accounts.records import PersonRole
from support.agencies import lawful_table, numbered
from support.audited import audit_text, recorded
from support.console import Reply, RunningConsole
from support.lists import digest

_PAGE = "/console/guards"
_HASH = sha256(b"never to be released").hexdigest()


async def _send(busy: RunningConsole, act: str, **fields: str) -> Reply:
    async with busy.as_role(PersonRole.OPERATOR, proved_ms=busy.world.now_ms) as browser:
        form = aiohttp.FormData()
        for name, value in ({"csrf": busy.csrf()} | fields).items():
            named = {"filename": "table.csv"} if name == "table" else {}
            form.add_field(name, value.encode() if named else value, **named)
        reply = await browser.post(f"{_PAGE}/{act}", form)
        return await browser.get(reply.headers["Location"]) if reply.status == 303 else reply


async def test_a_set_of_lawful_files_is_added_and_forgotten(busy: RunningConsole) -> None:
    guards = open_guards(busy.world.identity, busy.world.store)
    added = await _send(busy, "benign/add", name="wallpapers", table=lawful_table(*numbered("lawful", 2)))
    assert "wallpapers: 4 hashes of 2 rows, 0 refused" in added.words
    assert [each.name for each in guards.benign_sets()] == ["lawful", "wallpapers"]
    assert "is forgotten" in (await _send(busy, "benign/remove", name="wallpapers")).words
    assert [each.name for each in guards.benign_sets()] == ["lawful"]
    assert [one[:2] for one in recorded(busy)[-2:]] == [
        ("guard-benign.add", "wallpapers"),
        ("guard-benign.remove", "wallpapers"),
    ]


async def test_a_tripwire_is_added_and_removed_and_its_hash_is_nowhere(busy: RunningConsole) -> None:
    added = await _send(busy, "tripwire/add", hash=_HASH, note="our logo")
    assert "1 tripwire was added, 0 known already" in added.words
    assert "our logo" in added.words
    assert _HASH[:12] not in added.text + audit_text(busy)
    shown = open_guards(busy.world.identity, busy.world.store).tripwires()[0][0]
    removed = await _send(busy, "tripwire/remove", number=str(shown.id))
    assert f"Tripwire {shown.id} is gone" in removed.words
    assert [action for action, _, _ in recorded(busy)[-2:]] == ["guard-tripwire.add", "guard-tripwire.remove"]


async def test_a_page_that_was_open_for_long_removes_no_other_tripwire(busy: RunningConsole) -> None:
    """The number of the newest is not given again, once that is gone."""
    guards = open_guards(busy.world.identity, busy.world.store)
    await _send(busy, "tripwire/add", hash=_HASH)
    shown = guards.tripwires()[0][0]
    guards.remove_tripwires([shown.id])
    guards.add_tripwires([digest("another")], note="", now_ms=shown.added_ms + 1)
    refused = await _send(busy, "tripwire/remove", number=str(shown.id))
    assert (refused.status, len(guards.tripwires())) == (404, 1)
    assert f"there is no tripwire {shown.id}" in refused.words


@pytest.mark.parametrize("name", ["Wallpapers", "two words", "x" * 65])
async def test_what_a_set_is_not_called_is_said_without_words_of_the_terminal(
    busy: RunningConsole, name: str
) -> None:
    refused = await _send(busy, "benign/add", name=name, table=lawful_table(b"lawful"))
    assert "give it another name" in refused.words
    assert "--" not in refused.words


@pytest.mark.parametrize("act", ["benign/add", "benign/remove", "tripwire/add", "tripwire/remove"])
async def test_guards_are_changed_by_whoever_showed_a_passkey_just_now(
    busy: RunningConsole, act: str
) -> None:
    """A set keeps hashes off all lists, and a tripwire stops releases: not with a browser that was left open."""
    stale = busy.world.now_ms - FRESH_MS - 1
    async with busy.as_role(PersonRole.OPERATOR, proved_ms=stale) as browser:
        reply = await browser.post(f"{_PAGE}/{act}", {"csrf": busy.csrf(), "hash": _HASH})
    assert reply.status == 303
    assert reply.headers["Location"].startswith("/console/prove?to=")
    assert not open_guards(busy.world.identity, busy.world.store).tripwires()


@pytest.mark.parametrize(
    ("act", "wrong"),
    [
        ("benign/add", {"name": "a", "table": ""}),
        ("benign/add", {"name": "a", "table": "nonsense"}),
        ("benign/add", {"name": "<img src=x>", "table": lawful_table(b"lawful")}),
        ("benign/add", {"name": "lawful", "table": lawful_table(b"lawful")}),
        ("benign/remove", {"name": "nothing"}),
        ("tripwire/add", {"hash": "nonsense"}),
        ("tripwire/add", {"hash": _HASH, "note": "x" * 5000}),
        ("tripwire/remove", {"number": "999"}),
        ("tripwire/remove", {"number": "x"}),
    ],
    ids=str,
)
async def test_what_is_no_guard_is_refused(busy: RunningConsole, act: str, wrong: dict[str, str]) -> None:
    guards = open_guards(busy.world.identity, busy.world.store)
    reply = await _send(busy, act, **wrong)
    assert 400 <= reply.status < 500
    assert "<img" not in reply.text
    assert ([each.name for each in guards.benign_sets()], len(guards.tripwires())) == (["lawful"], 0)
