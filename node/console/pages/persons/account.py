"""One's own account: passkeys, open sessions, language."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.access.sessions import Visitor
from node.acts import persons
from node.acts.act import EVERYBODY
from node.app.accounts import open_sessions
from node.console.languages import require_language
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.parts import Action, Led, Page, Section, Values
from node.console.world import World
from node.store.accounts.records import PasskeyRecord, SessionRecord

ACCOUNT: Final = "/console/account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the page shows."""

    passkeys: Sequence[PasskeyRecord]
    sessions: Sequence[SessionRecord]
    here: int
    """The session that looks."""


def gather(world: World, visitor: Visitor, _query: Values) -> Account:
    """What is the visitor's own."""
    with world.store.read() as unit:
        passkeys = unit.passkeys.ls(visitor.person)
    sessions = open_sessions(world.identity, world.store).ls(visitor.person)
    return Account(passkeys=passkeys, sessions=sessions, here=visitor.session)


def remove_passkey(world: World, visitor: Visitor, form: Values) -> Led:
    """Let one of the own passkeys sign nobody in any more; it ends all own sessions."""
    given = persons.OwnPasskey(passkey=form.number("passkey", least=1), person=visitor.person)
    return Led(ACCOUNT, _(do(world, visitor, persons.remove_own_passkey, given).said))


def close_session(world: World, visitor: Visitor, form: Values) -> Led:
    """End one of the own sessions."""
    given = persons.Sessions(session=form.number("session"), person=visitor.person)
    return Led(ACCOUNT, _(do(world, visitor, persons.close_sessions, given).said))


def close_sessions(world: World, visitor: Visitor, _form: Values) -> Led:
    """End all own sessions."""
    given = persons.Sessions(person=visitor.person)
    return Led("/console/sign-in", _(do(world, visitor, persons.close_sessions, given).said))


def speak(world: World, visitor: Visitor, form: Values) -> Led:
    """Choose a language for this session."""
    language = form.text("language")
    require_language(language)
    open_sessions(world.identity, world.store).speak(visitor, language)
    return Led(ACCOUNT, "")


PAGES: Final = (Page(name="account", path=ACCOUNT, title="My account", gather=gather, section=Section.OWN),)

ACTIONS: Final = (
    action(
        persons.remove_own_passkey,
        path="/console/account/passkey-remove",
        page="account",
        name="passkey-remove",
        by=remove_passkey,
    ),
    action(
        persons.close_sessions,
        path="/console/account/session-close",
        page="account",
        name="session-close",
        by=close_session,
    ),
    action(
        persons.close_sessions,
        path="/console/account/sessions-close",
        page="account",
        name="sessions-close",
        by=close_sessions,
    ),
    Action(name="language", path="/console/account/language", page="account", act=speak, roles=EVERYBODY),
)
