"""Taking keys back in a browser: what it ends is shown first, the key stops here, and holders say so to everybody."""

import re
from dataclasses import replace

import aiohttp
import pytest

from keys.trust.lifecycle import Stage
from node.audit.reader import read_audit
from node.errors import ConflictError
from node.identity.audit import gaps
from node.identity.identity import Identity
from node.rotation import proposals
from node.rotation.revoke import confirm_by_witnesses
from node.store.accounts.records import PersonRole
from node.store.store import Store
from node.witnesses.standings import Cosigned
from protocol.tlog.note import Note
from support.audited import details_of, recorded
from support.console import Browser, Reply, RunningConsole
from support.console_keys import signed_by_holder

_SECURITY = PersonRole.SECURITY
_LOG = "fr.example/lists/csam"
_PATH = "/console/keys/revoke"


def _security(busy: RunningConsole) -> Browser:
    return busy.as_role(_SECURITY, proved_ms=busy.world.now_ms)


async def _in_force(browser: Browser, busy: RunningConsole, name: str) -> Reply:
    """A holder signs the proposal elsewhere; it is brought back and put in force."""
    file = await browser.get(f"/console/keys/proposal?name={name}")
    form = aiohttp.FormData()
    form.add_field("csrf", busy.csrf())
    form.add_field("proposal", name)
    form.add_field("signed", signed_by_holder(busy.world, file.text.encode()), filename="signed")
    assert (await browser.post("/console/keys/signed", form)).status == 303
    return await browser.post("/console/keys/publish", {"csrf": busy.csrf(), "proposal": name})


async def _asked(browser: Browser, busy: RunningConsole, **fields: str) -> str:
    reply = await browser.post(_PATH, {"csrf": busy.csrf(), "sure": "yes", **fields})
    assert reply.status == 303, reply.words
    return reply.headers["Location"].partition("#proposal-")[2]


def _stage(busy: RunningConsole, name: str) -> Stage:
    return next(key.stage for key in busy.world.identity.ring.read() if key.name == name)


def _sizes(busy: RunningConsole, page: Reply) -> list[int]:
    return [int(size) for size in re.findall(r'name="last_good" value="(\d+)"', page.text)]


async def test_what_it_ends_is_shown_before_anything_is_done(busy: RunningConsole) -> None:
    async with _security(busy) as browser:
        why = await browser.get(f"{_PATH}?key=log-lists-csam-1")
        assert "Somebody else has it, or may have it" in why.words
        assert "Take the key back" not in why.words
        where = await browser.get(f"{_PATH}?key=log-lists-csam-1&reason=compromise")
        sizes = _sizes(busy, where)
        assert sizes[0] == 0
        assert sizes == sorted(sizes)
        assert len(sizes) == 2
        assert "Take the key back" not in where.words
        last, before = sizes[-1], sizes[-2]
        newest = (await browser.get(f"{_PATH}?key=log-lists-csam-1&reason=compromise&last_good={last}")).words
        shown = (
            await browser.get(f"{_PATH}?key=log-lists-csam-1&reason=compromise&last_good={before}")
        ).words
        never = await browser.get(f"{_PATH}?key=log-lists-csam-1&reason=compromise&last_good=999999")
    assert "Publications after it 0" in newest
    assert "Publications after it 1" in shown
    assert f"of the log, the first {last} events stay this agency's" in newest
    assert "of the log, no event stays this agency's" in shown
    assert "counts nowhere" in shown
    assert "Take the key back" in shown
    assert never.status == 400
    assert "was never published with 999,999 events" in never.words
    assert _stage(busy, "log-lists-csam-1") is Stage.ACTIVE


@pytest.mark.parametrize("key", ["token-1", "statement-1"])
async def test_a_key_stops_at_once_and_another_signs_once_the_holders_signed(
    busy: RunningConsole, key: str
) -> None:
    async with _security(busy) as browser:
        name = await _asked(browser, busy, key=key, reason="compromise")
        assert _stage(busy, key) is Stage.REVOKED
        page = (await browser.get("/console/keys")).words
        assert "Nobody else knows before the holders" in page
        assert "1 proposal waits for its holders" in (await browser.get("/console/")).words
        again = await browser.post(
            _PATH, {"csrf": busy.csrf(), "key": key, "reason": "compromise", "sure": "yes"}
        )
        assert f"proposal {name} waits already" in again.words
        assert (await _in_force(browser, busy, name)).status == 303
    known = busy.world.identity.trust.revocations().entries
    assert {(str(one.role), str(one.reason)) for one in known} == {(key.rpartition("-")[0], "compromise")}
    lineage = next(each.managed.lineage for each in busy.world.identity.ring.read() if each.name == key)
    signing = [
        each.name
        for each in busy.world.identity.ring.read()
        if each.managed.lineage == lineage and each.stage is Stage.ACTIVE
    ]
    assert len(signing) == 1
    assert proposals.ls(busy.world.identity.home) == []
    told = [(each.record.action, each.record.outcome) for each in read_audit(busy.world.store)]
    by_people = [one for one in told if one[0] in {"key.revoke", "key.take-back", "key.publish"}]
    assert by_people[-3:] == [("key.revoke", "proposed"), ("key.take-back", "ok"), ("key.publish", "ok")]


async def test_a_log_goes_on_under_another_key_once_that_is_said(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last publication is doubted; the head is signed anew; the witnesses are asked, then the holders."""
    async with _security(busy) as browser:
        where = await browser.get(f"{_PATH}?key=log-lists-csam-1&reason=compromise")
        good = _sizes(busy, where)[-2]
        name = await _asked(browser, busy, key="log-lists-csam-1", reason="compromise", last_good=str(good))
        before = _signers(busy)
        assert (await _in_force(browser, busy, name)).status == 303
        assert _signers(busy).isdisjoint(before), "the thief's signature is not on the head any more"
        assert "log whose key was stolen" in (await browser.get("/console/")).words
        page = (await browser.get("/console/keys")).words
        assert f"What is added to {_LOG} counts only once it is said where the log goes on" in page
        early = await browser.post("/console/keys/resume", {"csrf": busy.csrf(), "log": _LOG})
        assert early.status == 409
        assert "must cosign" in early.words
        monkeypatch.setattr("node.console.pages.keys.revoke.confirm_by_witnesses", _all_cosigned)
        later = await browser.post("/console/keys/resume", {"csrf": busy.csrf(), "log": _LOG})
        assert later.status == 303, later.words
        await _in_force(browser, busy, later.headers["Location"].partition("#proposal-")[2])
        assert "counts only once it is said" not in (await browser.get("/console/keys")).words
    (one,) = busy.world.identity.trust.revocations().entries
    assert one.last_good is not None
    assert one.last_good.size == good
    with busy.world.store.read() as unit:
        assert one.resumes == unit.logs.get(_LOG).head.size


async def test_the_record_holds_the_size_that_was_taken_and_no_other(busy: RunningConsole) -> None:
    """Two fields name one: what was done with them is recorded, not what one of them says."""
    async with _security(busy) as browser:
        await _asked(browser, busy, key="log-lists-csam-1", reason="compromise", last_good="999", earlier="0")
    assert details_of(busy, "key.revoke")["last_good"] == "0"


def _outcomes(busy: RunningConsole, action: str) -> list[str]:
    records = [each.record for each in read_audit(busy.world.store)]
    return [each.outcome for each in records if each.action == action]


def _failing(*_: object, **__: object) -> None:
    raise ConflictError("a log was published at the same time")


async def test_a_key_that_stopped_is_recorded_though_its_proposal_failed(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.rotation.revoke.revoke_keys", _failing)
    async with _security(busy) as browser:
        reply = await browser.post(
            _PATH,
            {
                "csrf": busy.csrf(),
                "sure": "yes",
                "query": "key=log-lists-csam-1",
                "key": "log-lists-csam-1",
                "reason": "compromise",
                "last_good": "0",
            },
        )
    assert reply.status == 409
    assert "Not all of this was done: a log was published at the same time" in reply.words
    assert _stage(busy, "log-lists-csam-1") is Stage.REVOKED
    assert _outcomes(busy, "key.revoke") == ["partly"]
    assert details_of(busy, "key.revoke")["last_good"] == "0"
    assert gaps(busy.world.identity) == []


async def test_what_was_put_in_force_is_recorded_though_what_follows_failed(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _security(busy) as browser:
        name = await _asked(browser, busy, key="statement-1", reason="lost")
        early = await browser.post("/console/keys/publish", {"csrf": busy.csrf(), "proposal": name})
        assert early.status >= 400
        assert _outcomes(busy, "key.publish") == [], "nothing of it was done"
        publish = "node.console.pages.keys.proposals"
        with monkeypatch.context() as patch:
            patch.setattr(f"{publish}.advance_keys", _failing)
            assert (await _in_force(browser, busy, name)).status == 409
        assert len(busy.world.identity.trust.revocations().entries) == 1
        assert _outcomes(busy, "key.publish") == ["partly"]
        form = {"csrf": busy.csrf(), "proposal": name}
        with monkeypatch.context() as patch:
            patch.setattr(f"{publish}.settle", _failing)
            assert (await browser.post("/console/keys/publish", form)).status == 409
        assert _outcomes(busy, "key.publish") == ["partly", "partly"], "another key begins now"
        assert (await browser.post("/console/keys/publish", form)).status == 303
    assert _outcomes(busy, "key.publish") == ["partly", "partly", "ok"]


async def test_a_size_that_nobody_asks_for_is_not_recorded(busy: RunningConsole) -> None:
    async with _security(busy) as browser:
        await _asked(browser, busy, key="statement-1", reason="lost", last_good="999")
    assert "last_good" not in details_of(busy, "key.revoke")


async def _all_cosigned(identity: Identity, store: Store, origin: str) -> Cosigned:
    """As if every witness had learnt of the new key, and cosigned the head under it."""
    return replace(await confirm_by_witnesses(identity, store, origin), missing=0)


def _signers(busy: RunningConsole) -> set[bytes]:
    with busy.world.store.read() as unit:
        note = unit.logs.get(_LOG).note
    assert note is not None
    return {line.key_hash for line in Note.parse(note).signatures}


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"key": "auth-1", "reason": "compromise"}, "nobody said that this was read"),
        ({"key": "auth-1", "sure": "yes"}, "the reason is missing"),
        ({"key": "auth-1", "reason": "anger", "sure": "yes"}, "a reason is one of"),
        ({"key": "snapshot-1", "reason": "lost", "sure": "yes"}, "not taken back by this command"),
        ({"key": "log-lists-csam-1", "reason": "compromise", "sure": "yes"}, "the last good publication is"),
        ({"key": "auth-9", "reason": "lost", "sure": "yes"}, "auth-9"),
    ],
)
async def test_what_is_not_said_wholly_stops_nothing(
    busy: RunningConsole, form: dict[str, str], says: str
) -> None:
    before = [(key.name, key.stage) for key in busy.world.identity.ring.read()]
    async with _security(busy) as browser:
        reply = await browser.post(_PATH, {"csrf": busy.csrf(), "query": "key=auth-1", **form})
    assert 400 <= reply.status < 500
    assert says in reply.words
    assert "key.revoke" not in {action for action, _, _ in recorded(busy)}
    assert [(key.name, key.stage) for key in busy.world.identity.ring.read()] == before


async def test_a_key_whose_proposal_was_thrown_away_is_offered_again(busy: RunningConsole) -> None:
    async with _security(busy) as browser:
        name = await _asked(browser, busy, key="statement-1", reason="lost")
        await browser.post("/console/keys/discard", {"csrf": busy.csrf(), "proposal": name})
        page = await browser.get("/console/keys")
        assert "A key that was stopped for it stays stopped" in page.words
        assert "/console/keys/revoke?key=statement-1" in page.text
        again = await _asked(browser, busy, key="statement-1", reason="lost")
        assert (await _in_force(browser, busy, again)).status == 303
        assert "/console/keys/revoke?key=statement-1" not in (await browser.get("/console/keys")).text
