"""The console of a cheap node on a real socket, and browsers without script or pictures that look at it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Generic, Self

import aiohttp
from playwright._impl._api_structures import SetCookieParam
from typing_extensions import TypeVar, override

from node.access.sessions import Visitor
from node.config import ConsoleSettings
from node.console.address import Address
from node.console.app import make_console
from node.console.world import World
from node.store.accounts.records import PersonRole
from node.web.server import RunningServer, serve
from support.cheap_node import CheapNode, empty_store
from support.processes import free_port

W = TypeVar("W", default=World)
OTHER_SITES = (
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Origin": ""},
    *(
        {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
        for site in ("cross-site", "same-site")
    ),
)
"""What says that a page of another site sent a form."""


@dataclass(slots=True)
class KeptVisitors:
    """Sessions that a test opens by itself, for tests that are not about signing in."""

    inside: dict[str, Visitor] = field(default_factory=dict)

    def find(self, token: str) -> Visitor | None:
        return self.inside.get(token)

    def glance(self, token: str) -> Visitor | None:
        return self.inside.get(token)

    def open(self, role: PersonRole, *, proved_ms: int = 0, person: str = "") -> str:
        """A session of somebody with this role; gives its token."""
        token = f"session-of-{role}-{len(self.inside)}"
        self.inside[token] = Visitor(
            person=person or f"a.{role}", role=role, csrf=f"form-of-{token}", proved_ms=proved_ms
        )
        return token


class Browser:
    """Asks for pages as somebody with a session."""

    def __init__(
        self, address: str, authority: str, token: str = "", *, cookie: str = "__Host-sigfed"
    ) -> None:
        self.origin = f"http://{authority}"
        self._session = aiohttp.ClientSession(
            address,
            headers={"Host": authority} | ({"Cookie": f"{cookie}={token}"} if token else {}),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=60),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, **headers: str) -> "Reply":
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.get(path, allow_redirects=False, headers=sent) as reply:
            return Reply(
                reply.status,
                dict(reply.headers),
                await reply.text(errors="replace"),
                {name: morsel.value for name, morsel in reply.cookies.items()},
            )

    async def post(
        self, path: str, form: dict[str, str] | bytes | aiohttp.FormData, **headers: str
    ) -> "Reply":
        """A form, as the console's own page sends it."""
        sent = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        async with self._session.post(path, data=form, allow_redirects=False, headers=sent) as reply:
            return Reply(
                reply.status,
                dict(reply.headers),
                await reply.text(errors="replace"),
                {name: morsel.value for name, morsel in reply.cookies.items()},
            )


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str
    cookies: dict[str, str]
    """Those that it sets."""

    @property
    def words(self) -> str:
        """The page as somebody reads it, without markup."""
        reader = _Words()
        reader.feed(self.text)
        return re.sub(r"\s+", " ", " ".join(reader.found)).strip()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @override
    def handle_data(self, data: str) -> None:
        self.found.append(data)


@dataclass(slots=True)
class RunningConsole(Generic[W]):
    """A console that answers."""

    world: W
    visitors: KeptVisitors
    server: RunningServer
    authority: str
    cookie_name: str = "__Host-sigfed"

    def as_role(self, role: PersonRole, *, proved_ms: int = 0, person: str = "") -> Browser:
        """A browser in which somebody with this role is signed in."""
        token = self.visitors.open(role, proved_ms=proved_ms, person=person)
        return Browser(self._address, self.authority, token, cookie=self.cookie_name)

    def as_nobody(self) -> Browser:
        """A browser without a session."""
        return Browser(self._address, self.authority)

    def csrf(self, browser_number: int = -1) -> str:
        """What forms of the session opened last must hold."""
        return list(self.visitors.inside.values())[browser_number].csrf

    async def require_others_refused(self, browser: Browser, path: str) -> None:
        """Nothing is done there for another site, nor with a form that the browser was not given."""
        form = {"csrf": self.csrf()}
        for headers in OTHER_SITES:
            assert (await browser.post(path, form, **headers)).status == 403, headers
        for wrong in ("", "form-of-another", self.csrf() + " x"):
            assert (await browser.post(path, {"csrf": wrong})).status == 403, wrong

    def url(self, path: str) -> str:
        """A page as a browser is led to it."""
        return f"http://{self.authority}{path}"

    def cookie(self, role: PersonRole, *, proved_ms: int = 0, person: str = "") -> SetCookieParam:
        """For a real browser in which somebody with this role is signed in."""
        token = self.visitors.open(role, proved_ms=proved_ms, person=person)
        return {
            "name": self.cookie_name,
            "value": token,
            "url": f"https://{self.authority}/",  # else Chromium takes no secure cookie; it sends it to http://localhost
            "httpOnly": True,
            "secure": True,
            "sameSite": "Strict",
        }

    @property
    def _address(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"


@asynccontextmanager
async def console_of(world: World) -> AsyncIterator[RunningConsole]:
    """The console of a node, on a free port of this machine."""
    port, visitors = free_port(), KeptVisitors()
    settings = ConsoleSettings(enabled=True, port=port, url=f"http://localhost:{port}/")
    address = Address.parse(settings.url)
    server = await serve(
        make_console(world, visitors, address), ssl_context=None, host="127.0.0.1", port=port, drain_seconds=1
    )
    try:
        yield RunningConsole(world, visitors, server, address.authority)
    finally:
        await server.stop()
        await asyncio.to_thread(world.judge.end)


class NoEvaluator:
    """For pages that release nothing."""


@asynccontextmanager
async def console_in(node: CheapNode) -> AsyncIterator[RunningConsole]:
    """The console of a node without lists."""
    folder = node.folder
    with empty_store(folder) as store:
        world = World.of(node.identity(), store, NoEvaluator())  # type: ignore[arg-type]
        async with console_of(world) as running:
            yield running
