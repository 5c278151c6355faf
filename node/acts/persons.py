"""Who decides here. From the third person on, somebody comes, goes or gets another passphrase when another approves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from keys.message import Message, marked
from node.acts.act import EVERYBODY, OPERATORS, SECURITY, Done, Field, Node, act
from node.store.accounts.records import PersonRole, Request

if TYPE_CHECKING:
    from node.access.persons import Persons

DECIDING: Final = OPERATORS | SECURITY
_ASKED: Final = marked("Request {number}: {what}; nothing has changed yet, another person must approve it")

Passphrase = Callable[[], str]
"""Asks for the new passphrase of a person, once it is known that it is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A person."""

    name: Annotated[str, Field(label=marked("the name"), record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Added(Named):
    """Somebody who comes."""

    role: Annotated[PersonRole, Field(record=True)]
    passphrase: Annotated[Passphrase, Field(record=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Named):
    """Somebody who gets another passphrase."""

    passphrase: Annotated[Passphrase, Field(record=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A passkey of somebody."""

    passkey: Annotated[int, Field(record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPasskey(Passkey):
    """A passkey of one's own."""

    person: Annotated[str, Field(record=True)]


@act("person.add", roles=DECIDING)
def add_first(node: Node, given: Added) -> Done:
    """Name one of the first two, which whoever has the home of the node does alone."""
    from node.access.persons import person_words

    persons = _persons(node)
    person = persons.add(given.name, given.role, given.passphrase())
    return Done(
        said=Message(person_words(given.name, person.role)),
        facts={"person": person.name, "role": person.role},
        following=(
            "what takes two persons can be asked for now; see sigfed approval ls"
            if persons.is_open()
            else "add a second person: sigfed person add NAME",
        ),
    )


@act("person.add", roles=DECIDING, fresh=True)
def add(node: Node, given: Added) -> Request:
    """Let somebody decide here; from the third person on another person must approve it."""
    from node.app.persons import change_request

    return change_request(
        node.identity,
        node.store,
        "person.add",
        given.name,
        role=given.role,
        passphrase=given.passphrase,
        said=_ASKED,
    )


@act("person.remove", roles=DECIDING, fresh=True)
def remove(node: Node, given: Named) -> Request:
    """Ask another person to approve that somebody no longer decides here."""
    from node.app.persons import change_request

    return change_request(node.identity, node.store, "person.remove", given.name, said=_ASKED)


@act("person.reset", roles=DECIDING, fresh=True, irreversible=True)
def reset(node: Node, given: Reset) -> Request:
    """Give somebody another passphrase; another person must approve it."""
    from node.app.persons import change_request

    return change_request(
        node.identity, node.store, "person.reset", given.name, passphrase=given.passphrase, said=_ASKED
    )


@act("person.reset", roles=frozenset(), irreversible=True)
def reset_by_root(node: Node, given: Reset) -> Done:
    """Give somebody another passphrase by the word of the root, when too few can decide; of no person."""
    from node.app.persons import reset_with_root

    reset_with_root(node.identity, node.store, given.name, given.passphrase)
    return Done(
        said=Message("{name} has another passphrase", given.name),
        facts={"person": given.name, "reset": True},
        following=("sigfed audit ls: the other persons see that a root key was used",),
    )


@act("person.token", roles=DECIDING, fresh=True)
def token(node: Node, given: Named) -> Done:
    """Make a one-time token, with which (and the passphrase) a person registers a passkey in the console."""
    from node.app.accounts import open_invitations, welcome_url
    from node.clock import minute

    url = welcome_url(node.identity)
    issued = open_invitations(node.identity, node.store).make(given.name)
    off = "switch the console on: enabled = true under [console] in sigfed.toml, then sigfed run"
    return Done(
        said=Message("typed once at {url}, before {time}", url, minute(issued.expires_ms)),
        facts={"person": given.name, "token": issued.text, "url": url, "expires_ms": issued.expires_ms},
        once="token",
        following=() if node.identity.settings.console.enabled else (off,),
    )


@act("passkey.remove", roles=SECURITY, fresh=True)
def remove_passkey(node: Node, given: Passkey) -> Done:
    """Let a lost or stolen passkey sign nobody in any more, at once, and end its person's sessions."""
    return _without_passkey(node, given.passkey)


@act("passkey.remove", roles=EVERYBODY, fresh=True)
def remove_own_passkey(node: Node, given: OwnPasskey) -> Done:
    """Let one of the own passkeys sign nobody in any more; it ends all own sessions."""
    return _without_passkey(node, given.passkey, given.person)


def _without_passkey(node: Node, number: int, person: str = "") -> Done:
    from node.app.accounts import open_passkeys

    removed = open_passkeys(node.identity, node.store).remove(number, person=person)
    return Done(
        said=Message("The passkey {name} of {person} signs nobody in any more", removed.name, removed.person),
        facts={"passkey": number, "person": removed.person},
        following=(f"for another one: sigfed person token {removed.person}",),
    )


def _persons(node: Node) -> "Persons":
    from node.app.persons import open_persons

    return open_persons(node.identity, node.store)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Sessions of one's own."""

    session: Annotated[int | None, Field(record=True)] = None
    """None: all."""
    person: Annotated[str, Field(record=True)]


@act("console.session-close", roles=EVERYBODY)
def close_sessions(node: Node, given: Sessions) -> Done:
    """End one of the own sessions, or all."""
    from node.app.accounts import open_sessions

    sessions = open_sessions(node.identity, node.store)
    if given.session is None:
        sessions.close_all(given.person)
        return Done(said=Message("All sessions were ended"))
    sessions.close_one(given.person, given.session)
    return Done(said=Message("The session was ended"))
