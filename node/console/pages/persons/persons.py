"""Who decides at this node: who they are, requests that somebody comes, goes or gets another passphrase, and tokens."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.message import Message
from node.access.sessions import Visitor
from node.acts import persons as acts
from node.clock import minute
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.parts import Led, Page, Section, Values
from node.console.world import World
from node.errors import UsageError
from node.store.accounts.records import PasskeyRecord, PersonRecord, PersonRole

PERSONS: Final = "/console/persons"


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
    with world.store.read() as unit:
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


def token(world: World, visitor: Visitor, form: Values) -> Led:
    """A one-time token, said once."""
    name = form.require("name", _("the name"))
    made = do(world, visitor, acts.token, acts.Named(name=name)).facts
    return Led(
        PERSONS,
        _(
            "The token of {name}: {token}. It is shown this once; {name} types it at {url} before {time}"
        ).format(name=name, token=made["token"], url=made["url"], time=minute(int(str(made["expires_ms"])))),
    )


def remove_passkey(world: World, visitor: Visitor, form: Values) -> Led:
    """Let the passkey that the form was shown for sign nobody in any more."""
    given = acts.Passkey(passkey=form.number("passkey", least=1))
    return Led(PERSONS, _(do(world, visitor, acts.remove_passkey, given).said))


def _added(form: Values) -> acts.Added:
    role = _role(form.require("role", _("the role")))
    name = form.require("name", _("the name"))
    return acts.Added(name=name, role=role, passphrase=_passphrase(form))


def _reset(form: Values) -> acts.Reset:
    return acts.Reset(name=form.require("name", _("the name")), passphrase=_passphrase(form))


def _passphrase(form: Values) -> acts.Passphrase:
    passphrase = form.passphrase("passphrase")
    if passphrase != form.passphrase("passphrase_again"):
        raise UsageError("the two passphrases differ", hint="whoever it is for types the same one twice")
    return lambda: passphrase


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
        roles=acts.DECIDING,
    ),
)


ACTIONS: Final = (
    action(acts.add, path=f"{PERSONS}/add", page="persons", to=PERSONS, read=_added),
    action(acts.remove, path=f"{PERSONS}/remove", page="persons", to=PERSONS),
    action(acts.reset, path=f"{PERSONS}/reset", page="persons", to=PERSONS, read=_reset),
    action(acts.token, path=f"{PERSONS}/token", page="persons", by=token),
    action(
        acts.remove_passkey,
        path=f"{PERSONS}/passkey-remove",
        page="persons",
        name="persons-passkey",
        by=remove_passkey,
    ),
)
