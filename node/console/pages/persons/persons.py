"""Who decides at this node: who they are, requests that somebody comes, goes or gets another passphrase, and tokens."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.message import Message
from node.app.accounts import open_invitations, open_passkeys, welcome_url
from node.app.persons import request_change
from node.console.languages import translated as _
from node.console.parts import SECURITY, Action, Done, Page, Section, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.errors import UsageError
from node.pages.text import moment
from node.store.accounts.records import Approval, PasskeyRecord, PersonRecord, PersonRole

PERSONS: Final = "/console/persons"
DECIDING: Final = frozenset({PersonRole.OPERATOR, PersonRole.SECURITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A person, and how he comes in."""

    person: PersonRecord
    passkeys: int
    used_ms: int
    """When one of them was last shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persons:
    """What the page shows."""

    rows: Sequence[Row]
    passkeys: Sequence[PasskeyRecord]
    """Everybody's, by person."""
    roles: tuple[PersonRole, ...] = tuple(PersonRole)


def gather(world: World, _visitor: Visitor, _query: Values) -> Persons:
    """All persons."""
    with world.shelf.storage.read() as unit:
        persons, passkeys = unit.persons.ls(), unit.passkeys.ls()
    counts = Counter(passkey.person for passkey in passkeys)
    used: dict[str, int] = {}
    for passkey in passkeys:
        used[passkey.person] = max(used.get(passkey.person, 0), passkey.used_ms)
    return Persons(
        rows=[
            Row(person=person, passkeys=counts[person.name], used_ms=used.get(person.name, 0))
            for person in persons
        ],
        passkeys=sorted(passkeys, key=lambda passkey: (passkey.person, passkey.number)),
    )


def add(world: World, visitor: Visitor, form: Values) -> Done:
    """Ask that somebody may decide, or look on, here."""
    role = _role(form.require("role", _("the role")))
    name = form.require("name", _("the name"))
    return _asked(_request(world, visitor, "person.add", name, role=role, passphrase=_passphrase(form)))


def remove(world: World, visitor: Visitor, form: Values) -> Done:
    """Ask that somebody decides here no more."""
    return _asked(_request(world, visitor, "person.remove", form.require("name", _("the name"))))


def reset(world: World, visitor: Visitor, form: Values) -> Done:
    """Ask that somebody gets another passphrase."""
    name = form.require("name", _("the name"))
    return _asked(_request(world, visitor, "person.reset", name, passphrase=_passphrase(form)))


def forget_passkey(world: World, _visitor: Visitor, form: Values) -> Done:
    """Let somebody's passkey sign nobody in any more: it was lost, or stolen. It ends that person's sessions."""
    removed = open_passkeys(world.identity, world.shelf).remove(form.number("passkey"))
    said = _("The passkey {name} of {person} signs nobody in any more")
    facts = {"person": removed.person}
    return Done(PERSONS, said.format(name=removed.name, person=removed.person), facts=facts)


def token(world: World, _visitor: Visitor, form: Values) -> Done:
    """A one-time token, said once."""
    name = form.require("name", _("the name"))
    issued = open_invitations(world.identity, world.shelf).make(name)
    return Done(
        PERSONS,
        _(
            "The token of {name}: {token}. It is shown this once; {name} types it at {url} before {time}"
        ).format(
            name=name,
            token=issued.text,
            url=welcome_url(world.identity),
            time=moment(issued.expires_ms),
        ),
    )


def _request(
    world: World,
    visitor: Visitor,
    kind: str,
    name: str,
    *,
    role: PersonRole | None = None,
    passphrase: str = "",
) -> Approval:
    return request_change(
        world.identity, world.shelf, kind, name, role=role, passphrase=passphrase, by=visitor.person
    )


def _asked(approval: Approval) -> Done:
    return Done(
        PERSONS,
        _("Request {number}: {what}; nothing has changed yet, another person must approve it").format(
            number=approval.id, what=_(approval.subject)
        ),
        outcome="requested",
    )


def _passphrase(form: Values) -> str:
    passphrase = form.passphrase("passphrase")
    if passphrase != form.passphrase("passphrase_again"):
        raise UsageError("the two passphrases differ", hint="whoever it is for types the same one twice")
    return passphrase


def _role(text: str) -> PersonRole:
    try:
        return PersonRole(text)
    except ValueError:
        raise UsageError(
            "there is no such role", hint=Message("one of: {names}", ", ".join(PersonRole))
        ) from None


PAGES: Final = (
    Page(
        name="persons",
        path=PERSONS,
        title="Persons",
        gather=gather,
        section=Section.RECORD,
        roles=DECIDING,
    ),
)

ACTIONS: Final = (
    *(
        Action(
            name=f"person-{verb}",
            path=f"{PERSONS}/{verb}",
            page="persons",
            act=act,
            roles=DECIDING,
            record=f"person.{verb}",
            strict=verb == "reset",
            fresh=True,
            told=told,
        )
        for verb, act, told in (
            ("add", add, ("name", "role")),
            ("remove", remove, ("name",)),
            ("reset", reset, ("name",)),
            ("token", token, ("name",)),
        )
    ),
    Action(
        name="persons-passkey",
        path=f"{PERSONS}/passkey-remove",
        page="persons",
        act=forget_passkey,
        roles=SECURITY,
        record="passkey.remove",
        fresh=True,
        told=("passkey",),
    ),
)
