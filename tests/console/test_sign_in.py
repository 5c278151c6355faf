"""Signing in, registering and proving, without a browser: what gets through, what is said, and what is recorded."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from node.app.accounts import open_sessions
from node.audit.reader import read_audit
from node.console.devices import LIFE
from node.console.entrance import COMING_BURST, target
from node.console.forms.body import read_form
from node.console.parts import Values
from node.console.surface import PAGES
from node.home import Home
from node.store.accounts.records import PersonRole
from support.authenticator import Authenticator
from support.cheap_node import CheapNode
from support.console import OTHER_SITES, Reply
from support.entrance import Entrance, entrance_in
from support.persons import PASS


@pytest_asyncio.fixture
async def entrance(founded: CheapNode, tmp_path: Path) -> AsyncIterator[Entrance]:
    async with entrance_in(founded.copied(tmp_path / "node")) as running:
        yield running


async def test_from_the_token_to_the_account_and_back(entrance: Entrance) -> None:
    entrance.add_two()
    hers = entrance.authenticator()
    token = await entrance.registered("alice", hers)
    async with entrance.browser(token) as browser:
        account = await browser.get("/console/account")
        assert account.status == 200
        assert "You are alice, operator." in account.words
        csrf = entrance.visitor(token).csrf
        out = await browser.post("/console/sign-out", {"csrf": csrf})
        assert (out.status, out.headers["Location"]) == (303, "/console/sign-in")
        assert (await browser.get("/console/account")).status == 303
    again = await entrance.signed_in(hers)
    assert entrance.visitor(again).person == "alice"
    assert entrance.recorded() == [
        ("alice", "person.passkey", "a key", "ok"),
        ("alice", "console.sign-in", "alice", "ok"),
        ("alice", "console.sign-out", "alice", "ok"),
        ("alice", "console.sign-in", "alice", "ok"),
    ]


async def test_the_first_two_name_themselves(entrance: Entrance) -> None:
    for name in ("alice", "bruno"):
        form = {
            "token": entrance.token(),
            "name": name,
            "passphrase": PASS[name],
            "passphrase_again": PASS[name],
            "role": "security",
        }
        token = await entrance.registered(name, entrance.authenticator(), form)
        assert entrance.visitor(token).role is PersonRole.SECURITY
    async with entrance.browser() as browser:
        assert "passphrase_again" not in (await browser.get("/console/welcome")).text


@pytest.mark.parametrize(
    ("wrong", "status", "says"),
    [
        pytest.param({"token": "8QZ4M-0V7YR-K3HND-5T1XX"}, 400, "mistyped", id="mistyped"),
        pytest.param({"token": ""}, 400, "the token is missing", id="missing"),
        pytest.param({"passphrase": "a wrong passphrase"}, 401, "not the passphrase", id="passphrase"),
        pytest.param({"name": "bruno", "passphrase": PASS["bruno"]}, 403, "somebody else", id="another"),
        pytest.param({"name": "nobody"}, 403, "somebody else", id="nobody"),
    ],
)
async def test_who_is_not_welcome_is_told_why_and_keeps_his_name(
    entrance: Entrance, wrong: dict[str, str], status: int, says: str
) -> None:
    entrance.add_two()
    form = {"token": entrance.token("alice"), "name": "alice", "passphrase": PASS["alice"]} | wrong
    async with entrance.browser() as browser:
        reply = await browser.post("/console/welcome", form)
    assert reply.status == status
    assert says in reply.words
    assert f'value="{form["name"]}"' in reply.text
    assert form["passphrase"] not in reply.text
    assert not form["token"] or form["token"] not in reply.text


async def test_a_stranger_is_not_let_in(entrance: Entrance) -> None:
    entrance.add_two()
    await entrance.registered("alice", entrance.authenticator())
    stranger = entrance.authenticator()
    async with entrance.browser() as browser:
        asked = await browser.post("/console/sign-in/question", {})
        reply = await browser.post(
            "/console/sign-in", {"answer": stranger.show(asked.text), "to": "/console/audit"}
        )
    assert reply.status == 401
    assert "not accepted" in reply.words
    assert "Set-Cookie" not in reply.headers
    assert 'value="/console/audit"' in reply.text
    assert entrance.refused() == [("passkey", "operator")]


async def test_trying_is_slowed_down(entrance: Entrance) -> None:
    async with entrance.browser() as browser:
        statuses = [
            (await browser.post("/console/sign-in/question", {})).status for _ in range(COMING_BURST + 3)
        ]
    assert statuses[:COMING_BURST] == [200] * COMING_BURST
    assert statuses[-1] == 429


DEVICE = "__Host-sigfed-device"


async def known_browser(entrance: Entrance, authenticator: Authenticator) -> str:
    """What a browser keeps in which somebody signed in."""
    async with entrance.browser() as browser:
        asked = await browser.post("/console/sign-in/question", {})
        reply = await browser.post("/console/sign-in", {"answer": authenticator.show(asked.text)})
    assert set(reply.cookies) == {"__Host-sigfed", DEVICE}
    return reply.cookies[DEVICE]


async def status_of_a_try(entrance: Entrance, cookie: str = "") -> int:
    async with entrance.browser(cookie, cookie=DEVICE) as browser:
        return (await browser.post("/console/sign-in/question", {})).status


async def exhaust(entrance: Entrance, cookie: str = "") -> int:
    """Try until no more is let through; gives how often it was."""
    tries = 0
    while await status_of_a_try(entrance, cookie) == 200:
        tries += 1
    return tries


@pytest.mark.threat("an address used up")
async def test_in_a_known_browser_people_sign_in_while_strangers_have_used_the_address_up(
    entrance: Entrance,
) -> None:
    """A whole agency may have one address, and its strangers as well."""
    entrance.add_two()
    hers = entrance.authenticator()
    await entrance.registered("alice", hers)
    cookie = await known_browser(entrance, hers)
    async with entrance.browser() as stranger:
        while (await stranger.get("/")).status != 429:
            pass
    await exhaust(entrance)
    async with entrance.browser(cookie, cookie=DEVICE) as browser:
        assert (await browser.get("/console/sign-in")).status == 200
        asked = await browser.post("/console/sign-in/question", {})
        assert asked.status == 200
        reply = await browser.post("/console/sign-in", {"answer": hers.show(asked.text)})
    assert entrance.visitor(reply.cookies["__Host-sigfed"]).person == "alice"


@pytest.mark.threat("an address used up")
async def test_a_known_browser_lets_nobody_in_and_is_no_way_around_the_limit(entrance: Entrance) -> None:
    entrance.add_two()
    hers, his = entrance.authenticator(), entrance.authenticator()
    await entrance.registered("alice", hers)
    await entrance.registered("bruno", his)
    first, second = await known_browser(entrance, hers), await known_browser(entrance, hers)
    other = await known_browser(entrance, his)
    assert await exhaust(entrance, first) == COMING_BURST
    assert await exhaust(entrance, second) == 0, "all browsers of a person share one allowance"
    assert await status_of_a_try(entrance, other) == 200
    async with entrance.browser(first) as pretender:
        assert (await pretender.get("/console/tasks")).status == 303, "it is no session"


@pytest.mark.threat("an address used up")
async def test_a_cookie_that_this_console_did_not_make_gains_nothing(entrance: Entrance) -> None:
    entrance.add_two()
    hers = entrance.authenticator()
    await entrance.registered("alice", hers)
    cookie = await known_browser(entrance, hers)
    await exhaust(entrance)
    person, made_ms, mac = cookie.split(".")
    for forged in (
        f"{person}.{int(made_ms) + 1}.{mac}",
        f"{'0' * 64}.{made_ms}.{mac}",
        f"{person}.{made_ms}.{'0' * 64}",
        "..",
        "x",
    ):
        assert await status_of_a_try(entrance, forged) == 429, forged
    entrance.clock.advance(LIFE)
    await exhaust(entrance)
    assert await status_of_a_try(entrance, cookie) == 429, "it has ended"
    entrance.clock.advance(-LIFE - timedelta(hours=1))
    assert await status_of_a_try(entrance, cookie) == 429, "it was made by a clock that was ahead"


@pytest.mark.threat("an address used up")
async def test_what_is_asked_in_a_session_is_counted_as_well(entrance: Entrance) -> None:
    """Reports of browsers, pictures and paths that are none: each may ask as much as an address, no more."""
    entrance.add_two()
    token = await entrance.registered("alice", entrance.authenticator())
    most = entrance.world.identity.settings.console.requests_at_once
    async with entrance.browser(token) as browser, entrance.browser() as stranger:
        assert (await browser.get("/console/tasks")).status == 200
        statuses = [(await browser.post("/console/csp-report", b"{}")).status for _ in range(most + 1)]
        assert (statuses[0], statuses[-1]) == (204, 429)
        assert (await browser.get("/console/nowhere")).status == 429
        assert (await stranger.post("/console/csp-report", b"{}")).status == 204


async def test_who_works_here_goes_on_while_strangers_have_used_the_address_up(entrance: Entrance) -> None:
    entrance.add_two()
    token = await entrance.registered("alice", entrance.authenticator())
    async with entrance.browser(token) as browser, entrance.browser() as stranger:
        assert (await browser.get("/console/tasks")).status == 200
        while (await stranger.get("/")).status != 429:
            pass
        assert (await browser.get("/console/tasks")).status == 200
        csrf = {"csrf": entrance.visitor(token).csrf}
        assert (await browser.post("/console/sign-out", csrf)).status == 303
        assert (
            await browser.get("/console/tasks")
        ).status == 303  # it is found out that the session has ended
        async with entrance.browser("0" * 64) as pretender:
            assert (await pretender.get("/console/tasks")).status == 429


async def test_strangers_keep_nobody_from_working_and_fill_no_log(entrance: Entrance) -> None:
    """Behind a proxy, or on one machine, they have the address of those inside."""
    entrance.add_two()
    hers, stranger = entrance.authenticator(), entrance.authenticator()
    token = await entrance.registered("alice", hers)
    async with entrance.browser() as browser:
        for _ in range(COMING_BURST):
            asked = await browser.post("/console/sign-in/question", {})
            if asked.status == 429:
                break
            await browser.post("/console/sign-in", {"answer": stranger.show(asked.text)})
        assert (await browser.post("/console/sign-in/question", {})).status == 429
    assert entrance.refused() == [("passkey", "operator")], "one record for all of them"
    csrf = {"csrf": entrance.visitor(token).csrf}
    async with entrance.browser(token) as browser:
        asked = await browser.post("/console/prove/question", csrf)
        assert asked.status == 200
        proved = await browser.post("/console/prove", csrf | {"answer": hers.show(asked.text)})
        assert proved.status == 303
        assert (await browser.post("/console/sign-out", csrf)).status == 303


async def test_strangers_who_could_not_be_recorded_are_in_the_next_record(entrance: Entrance) -> None:
    async with entrance.browser() as browser:
        with refusing_records(entrance.world.identity.home):
            for _ in range(3):
                assert (await browser.post("/console/sign-in", {"answer": "{}"})).status == 401
        assert entrance.refused() == []
        entrance.later(minutes=16)
        assert (await browser.post("/console/sign-in", {"answer": "{}"})).status == 401
    assert entrance.refused_counts() == [("passkey", "4")]


@contextmanager
def refusing_records(home: Home) -> Iterator[None]:
    """The database takes no audit record."""
    with closing(sqlite3.connect(home.database)) as database:
        database.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON audit_queue BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        try:
            yield
        finally:
            database.execute("DROP TRIGGER refuse")


@pytest.mark.threat("a false sign-in")
@pytest.mark.parametrize(
    "path",
    [
        "/console/sign-in",
        "/console/sign-in/question",
        "/console/welcome",
        "/console/passkey",
        "/console/prove",
        "/console/prove/question",
        "/console/sign-out",
        "/console/account/passkey",
    ],
)
async def test_no_other_site_brings_anybody_in_or_out(entrance: Entrance, path: str) -> None:
    entrance.add_two()
    token = await entrance.registered("alice", entrance.authenticator())
    async with entrance.browser(token) as browser:
        form = {"csrf": entrance.visitor(token).csrf}
        for headers in OTHER_SITES:
            assert (await browser.post(path, form, **headers)).status == 403, headers
    assert entrance.visitor(token).person == "alice"


@pytest.mark.parametrize(
    "path", ["/console/prove", "/console/prove/question", "/console/sign-out", "/console/account/passkey"]
)
async def test_what_belongs_to_a_session_takes_its_form(entrance: Entrance, path: str) -> None:
    entrance.add_two()
    token = await entrance.registered("alice", entrance.authenticator())
    async with entrance.browser(token) as browser:
        assert (await browser.post(path, {"csrf": "0" * 64})).status == 403
    async with entrance.browser() as browser:
        reply = await browser.post(path, {})
        assert reply.status == 303
        assert reply.headers["Location"].startswith("/console/sign-in")
    assert entrance.visitor(token).person == "alice"


async def test_what_is_grave_leads_to_the_passkey_and_back(entrance: Entrance) -> None:
    entrance.add_two()
    hers = entrance.authenticator()
    token = await entrance.registered("alice", hers)
    csrf = entrance.visitor(token).csrf
    async with entrance.browser(token) as browser:
        entrance.later(minutes=11)
        sent = await browser.post("/console/persons/token", {"csrf": csrf, "name": "bruno"})
        assert (sent.status, sent.headers["Location"]) == (303, "/console/prove?to=/console/persons")
        page = await browser.get(sent.headers["Location"])
        assert 'value="/console/persons"' in page.text
        asked = await browser.post("/console/prove/question", {"csrf": csrf})
        form = {"csrf": csrf, "answer": hers.show(asked.text), "to": "/console/persons"}
        proved = await browser.post("/console/prove", form)
        assert (proved.status, proved.headers["Location"]) == (303, "/console/persons")
        assert (await browser.post("/console/prove", form)).status == 401, "an answer counts once"
        assert entrance.refused() == [("proof", "alice")]
        held = (await browser.get("/console/persons")).words
        assert "Who you are was asked for first." in held
        assert "Who you are was asked for first." not in (await browser.get("/console/persons")).words, "once"
        done = await browser.post("/console/persons/token", {"csrf": csrf, "name": "bruno"})
        assert done.headers["Location"] == "/console/persons"
        said = (await browser.get("/console/persons")).words
        assert re.search(r"The token of bruno: ([0-9A-Z]{5}-){3}[0-9A-Z]{5}\.", said)
        assert "The token of bruno" not in (await browser.get("/console/persons")).words


async def test_a_further_passkey_takes_one_shown_just_now(entrance: Entrance) -> None:
    entrance.add_two()
    hers, second = entrance.authenticator(), entrance.authenticator()
    token = await entrance.registered("alice", hers)
    csrf = entrance.visitor(token).csrf
    async with entrance.browser(token) as browser:
        page = await browser.post("/console/account/passkey", {"csrf": csrf})
        assert f'name="csrf" value="{csrf}"' in page.text
        form = {"answer": second.make(question(page)), "name": "in the safe", "csrf": csrf}
        made = await browser.post("/console/passkey", form)
        assert made.headers["Location"] == "/console/account"
        assert "in the safe" in (await browser.get("/console/account")).words
        entrance.later(minutes=11)
        reply = await browser.post("/console/account/passkey", {"csrf": csrf})
        assert reply.headers["Location"].startswith("/console/prove")
    assert entrance.visitor(await entrance.signed_in(second)).person == "alice"


async def test_a_passkey_asked_for_in_a_session_is_registered_in_it_alone(entrance: Entrance) -> None:
    """Somebody in Alice's session asks for a passkey; once she ended it, the answer is worth nothing."""
    entrance.add_two()
    token = await entrance.registered("alice", entrance.authenticator())
    csrf = entrance.visitor(token).csrf
    for session, sent in (("", csrf), (token, ""), (token, "0" * 64)):
        async with entrance.browser(token) as browser:
            asked = question(await browser.post("/console/account/passkey", {"csrf": csrf}))
        form = {"answer": entrance.authenticator().make(asked), "name": "of a thief", "csrf": sent}
        async with entrance.browser(session) as browser:
            refused = await browser.post("/console/passkey", form)
        assert refused.status == 401
        assert "the session in which this was asked has ended" in refused.words
        assert "Set-Cookie" not in refused.headers
    async with entrance.browser(token) as browser:
        asked = question(await browser.post("/console/account/passkey", {"csrf": csrf}))
        await browser.post("/console/account/sessions-close", {"csrf": csrf})
        form = {"answer": entrance.authenticator().make(asked), "name": "of a thief", "csrf": csrf}
        assert (await browser.post("/console/passkey", form)).status == 401
    assert [action for _, action, _, _ in entrance.recorded()].count("person.passkey") == 1


async def test_a_lost_passkey_is_removed_by_security_and_ends_its_sessions(entrance: Entrance) -> None:
    entrance.add_two()
    hers = entrance.authenticator()
    alice, bruno = (
        await entrance.registered("alice", hers),
        await entrance.registered("bruno", entrance.authenticator()),
    )
    with entrance.world.store.read() as unit:
        (lost,) = unit.passkeys.ls("alice")
    form = {"passkey": str(lost.number), "query": ""}
    async with entrance.browser(alice) as browser:
        assert "Passkeys of everybody" not in (await browser.get("/console/persons")).words
        mine = form | {"csrf": entrance.visitor(alice).csrf}
        assert (await browser.post("/console/persons/passkey-remove", mine)).status == 403
    async with entrance.browser(bruno) as browser:
        assert "Remove a key of alice" in (await browser.get("/console/persons")).text
        his = form | {"csrf": entrance.visitor(bruno).csrf}
        await browser.post("/console/persons/passkey-remove", his)
        assert "The passkey a key of alice signs nobody in any more" in (
            (await browser.get("/console/persons")).words
        )
        again = await browser.post("/console/persons/passkey-remove", his)
        assert again.status == 404
        assert f"there is no passkey {lost.number}" in again.words
    assert entrance.find(alice) is None
    assert entrance.find(bruno) is not None
    async with entrance.browser() as browser:
        asked = await browser.post("/console/sign-in/question", {})
        refused = await browser.post("/console/sign-in", {"answer": hers.show(asked.text)})
    assert refused.status == 401
    assert ("bruno", "passkey.remove") in {(who, what) for who, what, _, _ in _all_recorded(entrance)}
    removed = [
        each.record for each in read_audit(entrance.world.store) if each.record.action == "passkey.remove"
    ]
    assert removed[-1].details["person"] == "alice"  # a number alone says nothing once it is gone


async def test_whose_passkey_was_removed_is_recorded_of_ones_own_too(entrance: Entrance) -> None:
    entrance.add_two()
    alice = await entrance.registered("alice", entrance.authenticator())
    with entrance.world.store.read() as unit:
        (own,) = unit.passkeys.ls("alice")
    async with entrance.browser(alice) as browser:
        csrf = entrance.visitor(alice).csrf
        form = {"passkey": str(own.number), "csrf": csrf}
        assert (await browser.post("/console/account/passkey-remove", form)).status == 303
    removed = [
        each.record for each in read_audit(entrance.world.store) if each.record.action == "passkey.remove"
    ]
    assert (removed[-1].actor, removed[-1].details["person"]) == ("alice", "alice")


def _all_recorded(entrance: Entrance) -> list[tuple[str, str, str, str]]:
    found = [each.record for each in read_audit(entrance.world.store)]
    return [(each.actor, each.action, each.subject, each.outcome) for each in found]


async def test_a_page_that_refreshes_itself_is_no_use_of_the_session(entrance: Entrance) -> None:
    """It neither keeps the session open, nor takes what is said once from the page that is waited for."""
    entrance.add_two()
    token = await entrance.registered("alice", entrance.authenticator())
    csrf = entrance.visitor(token).csrf
    async with entrance.browser(token) as browser:
        await browser.post("/console/persons/token", {"csrf": csrf, "name": "bruno"})
        behind = await browser.get("/console/tasks", HX_Request="true")
        assert "The token of bruno" not in behind.words
        assert "The token of bruno" in (await browser.get("/console/persons")).words
        for _ in range(2):
            entrance.later(minutes=14)
            assert (await browser.get("/console/tasks", HX_Request="true")).status == 200
        entrance.later(minutes=2)
        led = await browser.get("/console/tasks", HX_Request="true")
        assert (led.status, led.headers["HX-Redirect"]) == (204, "/console/sign-in?to=%2Fconsole%2Ftasks")
        assert (await browser.get("/console/tasks")).status == 303


async def test_a_person_is_asked_for_and_nothing_has_changed(entrance: Entrance) -> None:
    entrance.add_two()
    token = await entrance.registered("alice", entrance.authenticator())
    form = {
        "csrf": entrance.visitor(token).csrf,
        "name": "carla",
        "role": "viewer",
        "passphrase": PASS["carla"],
        "passphrase_again": PASS["carla"],
    }
    async with entrance.browser(token) as browser:
        differ = await browser.post("/console/persons/add", form | {"passphrase_again": "another one"})
        assert differ.status == 400
        assert "the two passphrases differ" in differ.words
        assert PASS["carla"] not in differ.text
        assert (await browser.post("/console/persons/add", form)).status == 303
        assert "Request 1: carla is a viewer here" in (await browser.get("/console/persons")).words
    assert ("alice", "person.add", "carla", "requested") in entrance.recorded()
    with entrance.world.store.read() as unit:
        assert [person.name for person in unit.persons.ls()] == ["alice", "bruno"]


def _removed(entrance: Entrance) -> None:
    with entrance.world.store.write() as unit:
        unit.persons.remove("alice")


def _lowered(entrance: Entrance) -> None:
    with entrance.world.store.write() as unit:
        alice = unit.persons.get("alice")
        unit.persons.remove("alice")
        unit.persons.add(replace(alice, role=PersonRole.VIEWER))


def _ended(entrance: Entrance) -> None:
    open_sessions(entrance.world.identity, entrance.world.store).close_all("alice")


@pytest.mark.threat("a false sign-in")
@pytest.mark.parametrize(
    ("sent_away", "status"), [(_removed, 401), (_lowered, 403), (_ended, 401)], ids=["gone", "role", "out"]
)
async def test_who_is_sent_away_while_a_form_of_his_arrives_does_nothing_with_it(
    entrance: Entrance, monkeypatch: pytest.MonkeyPatch, sent_away: Callable[[Entrance], None], status: int
) -> None:
    """It has a minute for that: whoever always has one on its way would lose nothing at once."""
    entrance.add_two()
    session = await entrance.registered("alice", entrance.authenticator())

    async def read_slowly(request: web.Request, most_bytes: int) -> Values:
        form = await read_form(request, most_bytes)
        sent_away(entrance)
        return form

    monkeypatch.setattr("node.console.handlers.read_form", read_slowly)
    form = {"csrf": entrance.visitor(session).csrf, "name": "bruno"}
    async with entrance.browser(session) as browser:
        reply = await browser.post("/console/persons/token", form)
    assert reply.status == status
    assert "person.token" not in {action for _, action, _, _ in entrance.recorded()}


async def test_own_sessions_are_ended_and_a_language_is_chosen(entrance: Entrance) -> None:
    entrance.add_two()
    hers = entrance.authenticator()
    first = await entrance.registered("alice", hers)
    second = await entrance.signed_in(hers)
    there, here = entrance.visitor(first), entrance.visitor(second)
    async with entrance.browser(second) as browser:
        await browser.post("/console/account/language", {"csrf": here.csrf, "language": "fr"})
        assert '<html lang="fr">' in (await browser.get("/console/account")).text
        bad = await browser.post("/console/account/language", {"csrf": here.csrf, "language": "tlh"})
        assert bad.status == 400
        await browser.post(
            "/console/account/session-close", {"csrf": here.csrf, "session": str(there.session)}
        )
        assert entrance.find(first) is None
        await browser.post("/console/account/sessions-close", {"csrf": here.csrf})
        assert entrance.find(second) is None


@pytest.mark.parametrize(
    "text",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/console//elsewhere.example",
        "/other",
        "",
        "javascript:1",
        "/console/\\elsewhere",
        "/console/\r\nSet-Cookie: a=b",
        "/console/@elsewhere.example",
        "/consolex",
        "/console/" + "a" * 2000,
        "/console/" + "a" * 1000 + "!",
        "/console/audit/export",
        "/console/persons/../sign-in",
        "/console/persons?a=\r\nSet-Cookie: a=b",
    ],
)
def test_nobody_is_led_elsewhere(text: str) -> None:
    assert target(text, {page.name: page for page in PAGES}) == "/console/"


@pytest.mark.parametrize(
    "text", ["/console/", "/console/persons", "/console/entry?list=fr.example/lists/a&index=3"]
)
def test_where_people_go_on(text: str) -> None:
    assert target(text, {page.name: page for page in PAGES}) == text


def question(page: Reply) -> str:
    """What a page has the browser ask."""
    found = re.search(r'data-question="([^"]*)"', page.text)
    assert found is not None, page.words
    asked = unescape(found[1])
    assert json.loads(asked)["rp"]["id"] == "localhost"
    return asked
