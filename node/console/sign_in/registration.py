"""Registering a passkey: with a one-time token and the passphrase, or by somebody who is signed in.

The first page takes what proves who it is, the second has the browser make the passkey. In between nothing is kept but
the question, which is bound to the person and, where there is one, to the token.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

from node.access.approvals import two_decide
from node.access.invitations import Recognised
from node.app.accounts import open_invitations, open_passkeys
from node.console.entrance import entry_form, led_to, refused, working
from node.console.handlers import CONSOLE, PROVE, is_own, rendered, require_own, signed_in, visiting
from node.console.languages import translated as _
from node.console.parts import Page, Values
from node.console.sign_in.sessions import come_in
from node.console.world import World
from node.errors import NodeError, RateLimitedError, UnauthenticatedError, UsageError
from node.identity.audit import tell
from node.store.accounts.records import PersonRole

ACCOUNT: Final = "/console/account"
_WELCOME: Final = Page(
    name="welcome", path="/console/welcome", title="Register a passkey", gather=lambda *_: None
)
_PASSKEY: Final = Page(
    name="passkey", path="/console/passkey", title="Make a passkey", gather=lambda *_: None
)
_FIRST_ROLES: Final = (PersonRole.OPERATOR, PersonRole.SECURITY)


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the first page shows."""

    first: bool
    """Whether the token may be of one of the first two, who says who he is."""
    roles: tuple[PersonRole, ...] = _FIRST_ROLES


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What the second page shows."""

    person: str
    question: str
    """For `navigator.credentials.create`."""


async def show_welcome(request: web.Request) -> web.Response:
    """The page for the token."""
    return rendered(request, _WELCOME, await working(request, _welcome))


async def welcome(request: web.Request) -> web.Response:
    """Check token and passphrase, and ask the browser to make a passkey."""
    form = await entry_form(request)
    try:
        made = await working(request, lambda world: _question(world, _recognised(world, form)))
    except NodeError as exc:
        model = await working(request, _welcome)
        return refused(request, _WELCOME, model, exc, form={"name": form.text("name")})
    return rendered(request, _PASSKEY, made)


async def add(request: web.Request) -> web.Response:
    """A further passkey of somebody who is signed in and showed one just now."""
    visitor = await signed_in(request)
    require_own(visitor, await entry_form(request, visitor))
    if not request.app[CONSOLE].has_proved(visitor):
        return led_to(f"{PROVE}?to={quote(ACCOUNT, safe='')}")
    made = await working(request, lambda world: _question(world, Recognised(visitor.person, b"")))
    return rendered(request, _PASSKEY, made, visitor=visitor)


async def register(request: web.Request) -> web.Response:
    """Keep the passkey that was made; whoever came with a token is signed in by it."""
    visitor = await visiting(request)
    form = await entry_form(request, visitor)
    answer, name = form.text("answer"), form.text("name")
    # Who comes with a token has no form of a session, though the browser may have one.
    session = visitor.session if visitor is not None and is_own(visitor, form) else 0

    def keep(world: World) -> str:
        return open_passkeys(world.identity, world.store).register(answer, name, session=session)

    try:
        person = await working(request, keep)
    except NodeError as exc:
        return refused(request, _WELCOME, await working(request, _welcome), exc)
    if visitor is not None and visitor.person == person:
        return led_to(ACCOUNT)
    return await come_in(request, person, ACCOUNT, by="token")


def _welcome(world: World) -> Welcome:
    with world.store.read() as unit:
        return Welcome(first=not two_decide(unit))


def _recognised(world: World, form: Values) -> Recognised:
    invitations = open_invitations(world.identity, world.store)
    token, name = form.require("token", _("the token")), form.require("name", _("the name"))
    passphrase = form.passphrase("passphrase")
    if invitations.is_for_first(token):
        if passphrase != form.passphrase("passphrase_again"):
            raise UsageError("the two passphrases differ", hint="type the same one twice")
        role = PersonRole(form.text("role", PersonRole.OPERATOR))
        who = invitations.introduce(token, name, role, passphrase)
        acting = world.acting_as(name)
        tell(acting.identity, acting.store, "person.add", name, details={"role": role, "by": "console"})
        return who
    try:
        return invitations.recognise(token, name, passphrase)
    except (UnauthenticatedError, RateLimitedError):
        tell(world.identity, world.store, "person.prove", name, outcome="refused", details={"by": "console"})
        raise


def _question(world: World, who: Recognised) -> NewPasskey:
    return NewPasskey(who.person, open_passkeys(world.identity, world.store).ask_new(who))


ROUTES: Final = (
    web.get(_WELCOME.path, show_welcome, allow_head=False),
    web.post(_WELCOME.path, welcome),
    web.post("/console/account/passkey", add),
    web.post(_PASSKEY.path, register),
)
