"""A console with its own sessions, and people who come in with a token, a passphrase and an authenticator."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape

from node.access.sessions import Visitor
from node.app.accounts import open_invitations, open_sessions
from node.audit.log import start_audit
from node.audit.reader import read_audit
from node.config import ConsoleSettings, OidcSettings
from node.console.address import Address
from node.console.app import make_console
from node.console.world import World
from node.store.accounts.records import PersonRole
from node.web.server import serve
from protocol.audit import AuditRecord
from support.authenticator import Authenticator
from support.cheap_node import NODE, CheapNode, empty_store
from support.console import Browser, NoEvaluator
from support.persons import PASS, make_persons
from support.processes import free_port
from support.times import SettableClock


@dataclass(slots=True)
class Entrance:
    """A console where nobody has come in yet."""

    world: World
    clock: SettableClock
    port: int
    name: str = "localhost"

    @property
    def authority(self) -> str:
        return f"{self.name}:{self.port}"

    def url(self, path: str) -> str:
        """A page as a browser is led to it."""
        return f"http://{self.authority}{path}"

    def add_two(self) -> None:
        """Alice the operator and Bruno of security, as the command adds them."""
        persons = make_persons(self.world.store, self.clock)
        persons.add("alice", PersonRole.OPERATOR, PASS["alice"])
        persons.add("bruno", PersonRole.SECURITY, PASS["bruno"])

    def token(self, person: str = "") -> str:
        """A one-time token."""
        return open_invitations(self.world.identity, self.world.store).make(person).text

    def authenticator(self) -> Authenticator:
        """One whose browser is at this console."""
        return Authenticator(origin=f"http://{self.authority}")

    def browser(self, session: str = "", *, cookie: str = "__Host-sigfed") -> Browser:
        """A browser, with a session (or another cookie) where one is given."""
        return Browser(f"http://127.0.0.1:{self.port}", self.authority, session, cookie=cookie)

    async def registered(
        self, name: str, authenticator: Authenticator, form: dict[str, str] | None = None
    ) -> str:
        """Come in with a token; gives the session's token."""
        form = form or {"token": self.token(name), "name": name, "passphrase": PASS[name]}
        async with self.browser() as browser:
            page = await browser.post("/console/welcome", form)
            found = re.search(r'data-question="([^"]*)"', page.text)
            assert found is not None, page.words
            answer = authenticator.make(unescape(found[1]))
            reply = await browser.post("/console/passkey", {"answer": answer, "name": "a key"})
        return _cookie(reply.status, reply.headers)

    async def signed_in(self, authenticator: Authenticator) -> str:
        """Come in with a passkey; gives the session's token."""
        async with self.browser() as browser:
            asked = await browser.post("/console/sign-in/question", {})
            reply = await browser.post("/console/sign-in", {"answer": authenticator.show(asked.text)})
        return _cookie(reply.status, reply.headers)

    def find(self, session: str) -> Visitor | None:
        """Whose session it is."""
        return open_sessions(self.world.identity, self.world.store).find(session)

    def visitor(self, session: str) -> Visitor:
        """Whose session it is, which has not ended."""
        found = self.find(session)
        assert found is not None
        return found

    def later(self, *, minutes: int) -> None:
        """Time passes."""
        self.clock.advance(timedelta(minutes=minutes))

    def recorded(self) -> list[tuple[str, str, str, str]]:
        """What the audit log has: who, what, about whom, how; but for the founding."""
        found = [each.record for each in read_audit(self.world.store)]
        return [
            (each.actor, each.action, each.subject, each.outcome)
            for each in found
            if each.action.startswith(("person.", "console."))
        ]

    def refused(self) -> list[tuple[str, str]]:
        """Who was not let in, as the audit log has it: by what, and who acted; how many strangers, and nothing else."""
        refused = self._refusals()
        assert all(each.subject == "" and set(each.details) - {"count"} == {"by"} for each in refused)
        return [(each.details["by"], each.actor) for each in refused]

    def refused_counts(self) -> list[tuple[str, str]]:
        """By what strangers were not let in, and how many, record by record."""
        return [(each.details["by"], each.details["count"]) for each in self._refusals()]

    def _refusals(self) -> list[AuditRecord]:
        found = [each.record for each in read_audit(self.world.store)]
        return [each for each in found if (each.action, each.outcome) == ("console.sign-in", "refused")]


def _cookie(status: int, headers: dict[str, str]) -> str:
    assert status == 303, headers
    cookie = headers["Set-Cookie"]
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    assert cookie.startswith("__Host-sigfed=")
    return cookie.removeprefix("__Host-sigfed=").split(";")[0]


@asynccontextmanager
async def entrance_in(
    node: CheapNode, oidc: OidcSettings | None = None, *, name: str = "localhost"
) -> AsyncIterator[Entrance]:
    """The console of a node without persons, on a free port of this machine."""
    port = free_port()
    settings = ConsoleSettings(enabled=True, port=port, url=f"http://{name}:{port}/", oidc=oidc)
    identity = node.identity()
    identity = replace(identity, settings=identity.settings.model_copy(update={"console": settings}))
    with empty_store(node.folder) as store:
        start_audit(store, NODE)
        world = World.of(identity, store, NoEvaluator())  # type: ignore[arg-type]
        visitors = open_sessions(identity, store)
        app = make_console(world, visitors, Address.parse(settings.url))
        server = await serve(app, ssl_context=None, host="127.0.0.1", port=port, drain_seconds=1)
        try:
            yield Entrance(world, node.clock, port, name)
        finally:
            await server.stop()
