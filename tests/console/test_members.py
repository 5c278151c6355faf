"""Members and peers: who they are and how they stand, syncing, granting, following, and proposing another member."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from keys.trust.fingerprint import to_words
from keys.trust.proposals.words import changes
from node.access.grants import grant_words
from node.access.stored_grant import stored_grant
from node.app.approvals import open_approvals
from node.audit.reader import read_audit
from node.console.pages.federation import members
from node.judgement.coverage import Counts
from node.rotation import proposals
from node.store.accounts.records import PersonRole
from node.store.store import Store
from protocol.lists.grant import Grant
from support.busy_agency import busy_console
from support.console import Browser, RunningConsole
from support.copies import let_go_on
from support.processes import Cli, Running

_NL = "nl.example"
_MEMBER = f"/console/members/member?node={_NL}"


def _operator(busy: RunningConsole) -> Browser:
    return busy.as_role(PersonRole.OPERATOR, person="alice", proved_ms=busy.world.now_ms)


def _grant(busy: RunningConsole) -> str:
    with busy.world.store.read() as unit:
        return grant_words(stored_grant(unit.peers.get(_NL)))


@pytest_asyncio.fixture
async def busy(busy_home: Path, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """The console of an agency that reaches the other one, where that runs."""
    async with busy_console(busy_home, tmp_path / "busy", reaches=True) as running:
        yield running


@pytest.fixture
def nl(busy_home: Path, tmp_path: Path) -> Iterator[Cli]:
    """The other agency, running, with a few more entries than before."""
    shutil.copytree(busy_home.with_name("nl"), tmp_path / "nl", ignore=shutil.ignore_patterns("*.lock"))
    for name in ("nl-passphrase", "nl-root-passphrase"):
        shutil.copy(busy_home.with_name(name), tmp_path)
    cli = Cli(tmp_path / "nl", cheap_keys=True)
    let_go_on(cli.home)
    running = Running(cli)
    yield cli
    running.stop()


async def test_a_member_is_shown_with_its_words_and_its_grant(busy: RunningConsole) -> None:
    register = busy.world.identity.trust.members()
    words = {member.node: to_words(member.root_sha256) for member in register.members}
    async with busy.as_role(PersonRole.VIEWER) as browser:
        everybody = (await browser.get("/console/members")).words
        one = await browser.get(_MEMBER)
        nobody = await browser.get("/console/members/member?node=xx.example")
    assert f"{_NL} NL" in everybody
    assert words["fr.example"] in everybody
    assert "baseline without end" in everybody
    assert words[_NL] in one.words
    assert "nl.example/lists/csam 18" in one.words
    assert "<form method" not in one.text.split("<main")[1]
    assert nobody.status == 404


async def test_less_is_granted_at_once(busy: RunningConsole) -> None:
    form = {"node": _NL, "collections": "baseline", "algorithms": "md5, sha1", "until": "2099-01-01"}
    async with _operator(busy) as browser:
        reply = await browser.post("/console/members/member/grant", {"csrf": busy.csrf(), **form})
        assert (reply.status, reply.headers["Location"]) == (303, _MEMBER)
        page = await browser.get(_MEMBER)
    assert "may read baseline (md5, sha1 only) until 2099-01-02" in page.words
    assert 'value="2099-01-01"' in page.text
    assert _grant(busy).startswith("baseline (md5, sha1 only)")
    newest = list(read_audit(busy.world.store))[-1]
    assert (newest.record.action, newest.record.subject) == ("peer.grant", _NL)


async def test_more_waits_for_a_second_person(busy: RunningConsole) -> None:
    before = _grant(busy)
    form = {"node": _NL, "collections": "baseline, national"}
    async with _operator(busy) as browser:
        reply = await browser.post("/console/members/member/grant", {"csrf": busy.csrf(), **form})
        assert reply.status == 303, reply.words
        said = (await browser.get(_MEMBER)).words
    newest = open_approvals(busy.world.identity, busy.world.store).ls()[-1]
    assert f"Request {newest.id} waits for a second person" in said
    assert (newest.kind, newest.requested_by) == ("peer.grant", "alice")
    assert _grant(busy) == before


async def test_another_grant_is_tried_and_nothing_is_changed(busy: RunningConsole) -> None:
    before = _grant(busy)
    async with _operator(busy) as browser:
        for form, says in (
            ({"collections": "baseline", "algorithms": "sha256"}, "entries less: baseline, md5"),
            ({"collections": "baseline"}, "It could read what it can read now."),
        ):
            typed = {"csrf": busy.csrf(), "node": _NL, **form}
            reply = await browser.post("/console/members/member/try", typed)
            assert reply.status == 303, reply.words
            assert busy.csrf() not in reply.headers["Location"]
            page = await browser.get(reply.headers["Location"])
            assert "nothing was changed" in page.words
            assert says in page.words
            french = await browser.get(reply.headers["Location"], Accept_Language="fr")
            assert "Avec baseline" in french.words
            assert "without end" not in french.words
            assert f'value="{form.get("algorithms", "")}"' in page.text
        wrong = {"csrf": busy.csrf(), "node": _NL, "collections": "all", "query": f"node={_NL}"}
        assert (await browser.post("/console/members/member/try", wrong)).status == 400
    assert _grant(busy) == before


async def test_who_changes_no_grant_has_none_tried(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads own lists whole: not for whoever only looks, by an address that somebody made up."""
    tried: list[str] = []

    def difference(_store: Store, node: str, _wanted: Grant, **_: object) -> tuple[Counts, Counts]:
        tried.append(node)
        return {}, {}

    monkeypatch.setattr(members, "difference", difference)
    path = f"/console/members/member?node={_NL}&collections=baseline&tried=yes"
    for role in PersonRole:
        async with busy.as_role(role) as browser:
            page = await browser.get(path)
        assert page.status == 200, role
        assert ("nothing was changed" in page.words) == (role is PersonRole.OPERATOR), role
    assert tried == [_NL]


async def test_a_grant_that_is_none_is_refused_with_what_was_typed(busy: RunningConsole) -> None:
    form = {"node": _NL, "collections": "baselin", "until": "tomorrow", "query": f"node={_NL}"}
    async with _operator(busy) as browser:
        reply = await browser.post("/console/members/member/grant", {"csrf": busy.csrf(), **form})
    assert reply.status == 400
    assert "no such collection" in reply.words
    assert 'value="baselin"' in reply.text


async def test_a_peer_is_removed_and_followed_again(busy: RunningConsole) -> None:
    async with _operator(busy) as browser:
        removed = await browser.post("/console/members/member/remove", {"csrf": busy.csrf(), "node": _NL})
        assert removed.status == 303
        page = await browser.get(_MEMBER)
        assert "is no peer any more" in page.words
        assert "not followed" in page.words
        form = {"node": _NL, "collections": "baseline, national"}
        followed = await browser.post("/console/members/member/follow", {"csrf": busy.csrf(), **form})
        assert followed.status == 303, followed.words
    # Two persons decide here, so one alone gives what partners get anyway.
    assert _grant(busy) == "baseline without end"
    assert "baseline, national" in open_approvals(busy.world.identity, busy.world.store).ls()[-1].subject


async def test_a_sync_says_what_it_did(busy: RunningConsole, nl: Cli) -> None:
    async with _operator(busy) as browser:
        reply = await browser.post("/console/members/member/sync", {"csrf": busy.csrf(), "node": _NL})
        assert reply.status == 303, reply.words
        page = await browser.get(_MEMBER)
    assert f"{_NL}: csam: " in page.words
    assert "Last confirmed less than a minute ago" in page.words


async def test_a_sync_with_nobody_there_is_told_at_the_form(busy: RunningConsole) -> None:
    form = {"node": _NL, "query": f"node={_NL}"}
    async with _operator(busy) as browser:
        reply = await browser.post("/console/members/member/sync", {"csrf": busy.csrf(), **form})
    assert reply.status >= 400
    assert "This was not done." in reply.words
    assert "Sync now" in reply.words


async def test_another_member_is_proposed_to_the_holders(busy: RunningConsole, nl: Cli) -> None:
    identity = busy.world.identity
    [root] = [member.root_sha256 for member in identity.trust.members().members if member.node == _NL]
    Cli(identity.home.folder, cheap_keys=True).done("member", "remove", _NL, "--yes")
    words, url = to_words(root), _address(nl)
    async with _operator(busy) as browser:
        wrong = {"url": url, "words": to_words(bytes(32)), "country": "nl"}
        refused = await browser.post("/console/members/propose", {"csrf": busy.csrf(), **wrong})
        assert refused.status >= 400
        assert "This was not done." in refused.words
        assert "compare all eight words by telephone again" in refused.words
        form = {"csrf": busy.csrf(), "url": url, "words": words, "country": "nl"}
        done = await browser.post("/console/members/propose", form)
        assert done.status == 303, done.words
        page = await browser.get("/console/members")
    assert "Proposal member-nl-example-1 waits on the page of keys" in page.words
    [waiting] = proposals.ls(identity.home)
    assert any(_NL in line for line in changes(waiting.opened))
    assert [member.node for member in identity.trust.members().members] == ["fr.example"]


def _address(cli: Cli) -> str:
    text = (cli.home / "sigfed.toml").read_text()
    return text.split('url = "')[1].split('"')[0]
