"""What an operator does about members, witnesses and backups in a browser, and what holders sign of it."""

import asyncio

import pytest

from keys.trust.proposals.words import changes
from node.identity.audit import tell
from node.rotation import proposals
from node.store.accounts.records import PersonRole
from support.console import Browser, RunningConsole
from support.console_keys import signed_by_holder

_NL = "nl.example"
_MEMBER = f"/console/members/member?node={_NL}"


def _operator(busy: RunningConsole) -> Browser:
    return busy.as_role(PersonRole.OPERATOR, proved_ms=busy.world.now_ms)


def _peers(busy: RunningConsole) -> list[str]:
    with busy.world.store.read() as unit:
        return [peer.name for peer in unit.peers.ls()]


async def test_a_member_is_followed_no_more_at_once_and_counts_until_the_holders_signed(
    busy: RunningConsole,
) -> None:
    async with _operator(busy) as browser:
        assert "Its blocks stay" in (await browser.get(_MEMBER)).words
        form = {"csrf": busy.csrf(), "node": _NL}
        reply = await browser.post("/console/members/member/remove-member", form)
        assert reply.status == 303, reply.words
        assert reply.headers["Location"] == "/console/keys#proposal-without-nl-example-1"
        assert f"{_NL} is no longer followed" in (await browser.get("/console/keys")).words
    assert _peers(busy) == []
    assert len(busy.world.identity.trust.members().members) == 2
    [waiting] = proposals.ls(busy.world.identity.home)
    assert any(_NL in line for line in changes(waiting.opened))
    proposals.take_back(
        busy.world.identity.home,
        waiting.name,
        signed_by_holder(busy.world, waiting.path.read_bytes()).decode(),
    )
    async with busy.as_role(PersonRole.SECURITY, proved_ms=busy.world.now_ms) as browser:
        done = await browser.post("/console/keys/publish", {"csrf": busy.csrf(), "proposal": waiting.name})
        assert done.status == 303, done.words
    assert [member.node for member in busy.world.identity.trust.members().members] == ["fr.example"]


async def test_who_press_it_at_once_have_a_proposal_each(busy: RunningConsole) -> None:
    async with _operator(busy) as browser:
        form = {"csrf": busy.csrf(), "node": _NL}
        pressed = (browser.post("/console/members/member/remove-member", form) for _ in range(2))
        told = {reply.headers["Location"] for reply in await asyncio.gather(*pressed)}
    waiting = proposals.names(busy.world.identity.home)
    assert told == {f"/console/keys#proposal-{name}" for name in waiting}
    assert len(waiting) == 2


@pytest.mark.parametrize("node", ["fr.example", "xx.example"])
async def test_nobody_else_is_removed(busy: RunningConsole, node: str) -> None:
    async with _operator(busy) as browser:
        form = {"csrf": busy.csrf(), "node": node, "query": f"node={_NL}"}
        reply = await browser.post("/console/members/member/remove-member", form)
    assert 400 <= reply.status < 500
    assert _peers(busy) == [_NL]
    assert proposals.ls(busy.world.identity.home) == []


async def test_the_witnesses_are_asked_by_a_button(busy: RunningConsole) -> None:
    """The other agency is switched off, and the page says that it did not answer."""
    async with _operator(busy) as browser:
        assert "Ask them now" in (await browser.get("/console/witnesses")).words
        reply = await browser.post("/console/witnesses/ask", {"csrf": busy.csrf()})
        assert reply.status == 303, reply.words
        page = (await browser.get("/console/witnesses")).words
    assert "The witnesses were asked. Logs that lack cosignatures: " in page
    async with busy.as_role(PersonRole.VIEWER) as browser:
        assert "Ask them now" not in (await browser.get("/console/witnesses")).words


async def test_the_last_backup_is_named_and_how_one_is_made(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        none = (await browser.get("/console/health")).words
        tell(busy.world.identity, busy.world.store, "backup.create", "monday.backup", actor="alice")
        busy.world.checkup.now()  # else the page shows what was found before
        made = (await browser.get("/console/health")).words
    assert "No backup is recorded in the newest part of the audit log" in none
    assert "sigfed backup create FOLDER" in none
    assert "The last one was made less than a minute ago, by alice" in made
