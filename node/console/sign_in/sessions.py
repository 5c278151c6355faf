"""Sessions of a node's own people, opened and ended on record."""

from aiohttp import web

from node.access.sessions import Visitor
from node.app.accounts import open_sessions
from node.console.entrance import admitted, dismissed, working
from node.console.handlers import CONSOLE
from node.console.world import World
from node.identity.audit import tell


async def come_in(
    request: web.Request, person: str, to: str, *, by: str, proved: bool = True
) -> web.Response:
    """Open a session for a person, in place of the one that the browser had; `proved` when a passkey was shown."""
    console = request.app[CONSOLE]
    before = request.cookies.get(console.cookie, "")

    def open_one(world: World) -> str:
        acting = world.acting_as(person)
        sessions = open_sessions(acting.identity, acting.store)
        sessions.close(before)
        opened = sessions.open(person)
        if proved:
            sessions.prove(opened.token)
        tell(acting.identity, acting.store, "console.sign-in", person, details={"by": by})
        return opened.token

    token = await working(request, open_one)
    return admitted(request, person, token, to)


async def go_out(request: web.Request, visitor: Visitor) -> web.Response:
    """End the session."""
    console = request.app[CONSOLE]

    def close(world: World) -> None:
        acting = world.acting_as(visitor.person)
        open_sessions(acting.identity, acting.store).close(request.cookies.get(console.cookie, ""))
        tell(acting.identity, acting.store, "console.sign-out", visitor.person)

    await working(request, close)
    return dismissed(request)
