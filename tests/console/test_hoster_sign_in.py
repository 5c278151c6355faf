"""Signing in to a partner's console: a token once, a session that ends, and nothing of either where others read it."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from node.access.sessions import IDLE, LONGEST
from node.console.address import Address
from node.console.entrance import COMING_BURST
from node.console.hoster.app import COOKIE, make_partner_console
from node.console.hoster.world import PartnerWorld
from node.errors import UsageError
from node.hoster.console_tokens import LIFE, Guest
from node.hoster.store.kinds import Kind
from node.store.accounts.records import PersonRole
from node.web.server import serve
from support.console import Browser, Reply
from support.partner_console import Seat, world_of
from support.partner_rows import bodies, replace_body
from support.processes import free_port

ALICE = Guest(name="Alice", role=PersonRole.ANALYST)
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@dataclass
class Entrance:
    """A console with its true sessions."""

    seat: Seat
    world: PartnerWorld
    port: int

    def browser(self, token: str = "", *, cookie: str = COOKIE) -> Browser:
        return Browser(f"http://127.0.0.1:{self.port}", f"localhost:{self.port}", token, cookie=cookie)

    def token(self, guest: Guest = ALICE) -> str:
        return self.world.tokens.make(guest).text

    async def try_in(self, token: str, to: str = "") -> Reply:
        async with self.browser() as browser:
            return await browser.post("/console/sign-in", {"token": token, "to": to})

    async def session(self, guest: Guest = ALICE) -> str:
        cookie = (await self.try_in(self.token(guest))).headers["Set-Cookie"]
        assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= {
            part.strip() for part in cookie.split(";")
        }
        assert cookie.startswith(f"{COOKIE}=")
        return cookie.removeprefix(f"{COOKIE}=").split(";")[0]

    async def status(self, session: str, **headers: str) -> int:
        async with self.browser(session) as browser:
            return (await browser.get("/console/", **headers)).status


@pytest_asyncio.fixture
async def entrance(tmp_path: Path) -> AsyncIterator[Entrance]:
    seat, port = Seat(tmp_path), free_port()
    world = world_of(seat)
    app = make_partner_console(world, world.sessions, Address.parse(f"http://localhost:{port}/"))
    server = await serve(app, ssl_context=None, host="127.0.0.1", port=port, drain_seconds=1)
    try:
        yield Entrance(seat, world, port)
    finally:
        await server.stop()


async def test_in_with_a_token_and_out_again(entrance: Entrance, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="sigfed")
    session = await entrance.session()
    async with entrance.browser(session) as browser:
        account = await browser.get("/console/account")
        assert "You are Alice, analyst." in account.words
        assert re.search(r"at the latest \d{4}-\d\d-\d\d \d\d:\d\d UTC", account.words)
        found = _CSRF.search(account.text)
        assert found is not None
        out = await browser.post("/console/sign-out", {"csrf": found[1]})
        assert (out.status, out.headers["Location"]) == (303, "/console/sign-in")
    assert await entrance.status(session) == 303
    assert "sign-in by=Alice role=analyst" in caplog.text
    assert session not in caplog.text


@pytest.mark.threat("a partner's console")
async def test_a_token_is_good_once(entrance: Entrance) -> None:
    token = entrance.token()
    assert (await entrance.try_in(token)).status == 303
    again = await entrance.try_in(token)
    assert again.status == 403
    assert "it was used, has ended, or was never made here" in again.words


async def test_a_token_is_typed_by_people(entrance: Entrance) -> None:
    token = entrance.token()
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    mistyped = await entrance.try_in(wrong)
    assert mistyped.status == 400
    assert "something was mistyped" in mistyped.words
    assert wrong not in mistyped.text
    assert (await entrance.try_in(f"  {token.lower().replace('-', ' ')} ")).status == 303


@pytest.mark.threat("a partner's console")
async def test_a_token_ends(entrance: Entrance) -> None:
    token = entrance.token()
    entrance.seat.pass_time(LIFE + timedelta(seconds=1))
    assert (await entrance.try_in(token)).status == 403


async def test_a_token_of_a_clock_that_was_ahead_is_none(entrance: Entrance) -> None:
    entrance.seat.pass_time(timedelta(days=300))
    token = entrance.token()
    entrance.seat.pass_time(timedelta(days=-300))
    assert (await entrance.try_in(token)).status == 403


@pytest.mark.threat("a partner's console")
async def test_no_token_lies_in_the_home_in_the_clear(entrance: Entrance) -> None:
    token = entrance.token()
    for path in entrance.seat.home.folder.rglob("*"):
        if path.is_file():
            assert token.replace("-", "").encode() not in path.read_bytes()
            assert token.replace("-", "") not in path.name
    assert len(bodies(entrance.seat.home.partner, Kind.CONSOLE_TOKEN)) == 1


@pytest.mark.threat("a partner's console")
async def test_a_token_that_was_meddled_with_is_none(entrance: Entrance) -> None:
    token = entrance.token()
    partner = entrance.seat.home.partner
    [kept] = bodies(partner, Kind.CONSOLE_TOKEN)
    replace_body(partner, Kind.CONSOLE_TOKEN, kept, b'{"name": "Alice", "role": "operator"}')
    assert (await entrance.try_in(token)).status == 403


@pytest.mark.threat("an address used up")
async def test_who_signed_in_before_signs_in_while_others_guess(entrance: Entrance) -> None:
    known = (await entrance.try_in(entrance.token())).cookies[f"{COOKIE}-device"]
    while (await entrance.try_in("0" * 20)).status != 429:
        pass
    async with entrance.browser(known, cookie=f"{COOKIE}-device") as browser:
        form = {"token": entrance.token(), "to": ""}
        assert (await browser.post("/console/sign-in", form)).status == 303


@pytest.mark.threat("a partner's console")
async def test_who_guesses_is_stopped(entrance: Entrance) -> None:
    token = entrance.token()
    statuses = [(await entrance.try_in("0" * 20)).status for _ in range(COMING_BURST + 1)]
    assert statuses[-1] == 429
    assert (await entrance.try_in(token)).status == 429


@pytest.mark.threat("a partner's console")
@pytest.mark.parametrize("span", [IDLE, LONGEST, timedelta(hours=-1)], ids=["unused", "old", "clock-back"])
async def test_a_session_ends(entrance: Entrance, span: timedelta) -> None:
    session = await entrance.session()
    assert await entrance.status(session) == 200
    entrance.seat.pass_time(span)
    assert await entrance.status(session) == 303


async def test_use_keeps_a_session_and_a_page_that_asks_by_itself_does_not(entrance: Entrance) -> None:
    used, left = await entrance.session(), await entrance.session()
    for _ in range(3):
        entrance.seat.pass_time(IDLE * 0.4)
        assert await entrance.status(used) == 200
        await entrance.status(left, HX_Request="true")
    assert await entrance.status(left) == 303
    entrance.seat.pass_time(LONGEST)
    assert await entrance.status(used) == 303


async def test_a_new_sign_in_ends_the_session_before_it(entrance: Entrance) -> None:
    before = await entrance.session()
    async with entrance.browser(before) as browser:
        await browser.post("/console/sign-in", {"token": entrance.token(), "to": ""})
    assert await entrance.status(before) == 303


async def test_the_cookie_of_an_agencys_console_opens_nothing(entrance: Entrance) -> None:
    session = await entrance.session()
    async with Browser(f"http://127.0.0.1:{entrance.port}", f"localhost:{entrance.port}", session) as browser:
        assert (await browser.get("/console/")).status == 303


async def test_a_cookie_that_is_no_text_opens_nothing(entrance: Entrance) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", entrance.port)
    head = f'GET /console/ HTTP/1.1\r\nHost: localhost:{entrance.port}\r\nConnection: close\r\nCookie: {COOKIE}="'
    writer.write(head.encode() + b'\xff"\r\n\r\n')
    assert (await reader.read()).startswith(b"HTTP/1.1 303 ")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("to", "led"),
    [
        ("/console/account", "/console/account"),
        ("https://elsewhere.example/", "/console/"),
        ("//x", "/console/"),
    ],
)
async def test_where_somebody_goes_on(entrance: Entrance, to: str, led: str) -> None:
    assert (await entrance.try_in(entrance.token(), to)).headers["Location"] == led


@pytest.mark.threat("a partner's console")
async def test_no_other_site_signs_anybody_in(entrance: Entrance) -> None:
    async with entrance.browser() as browser:
        reply = await browser.post(
            "/console/sign-in", {"token": entrance.token(), "to": ""}, Origin="https://elsewhere.example"
        )
    assert reply.status == 403
    assert "Set-Cookie" not in reply.headers


async def test_a_language_is_chosen_for_a_session(entrance: Entrance) -> None:
    session = await entrance.session()
    async with entrance.browser(session) as browser:
        page = await browser.get("/console/account")
        found = _CSRF.search(page.text)
        assert found is not None
        form = {"csrf": found[1], "language": "fr"}
        assert (await browser.post("/console/account/language", form)).status == 303
        assert '<html lang="fr">' in (await browser.get("/console/", Accept_Language="en")).text
        refused = await browser.post("/console/account/language", form | {"language": "xx"})
        assert refused.status == 400


@pytest.mark.parametrize("name", ["", " Alice", "a" * 61, "line\nbreak", "\u202eecila"])
def test_a_name_that_cannot_be_read_gets_no_token(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        world_of(Seat(tmp_path)).tokens.make(Guest(name=name, role=PersonRole.VIEWER))


def test_a_role_of_an_agency_gets_no_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        world_of(Seat(tmp_path)).tokens.make(Guest(name="Alice", role=PersonRole.SECURITY))
