"""Recipients, accredited holders of raw hashes: who may fetch which, until when, and the key of each.

What gives more away takes a second person; what takes away counts at once, by the functions of the commands. A key is
made here and shown once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.access.approvals import require_two
from node.access.grants import grant_words
from node.access.notation import grant_of
from node.app.approvals import open_approvals
from node.console.languages import marked
from node.console.languages import translated as _
from node.console.pages import shown_once
from node.console.parts import OPERATORS, Action, Done, Page, Section, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.formats.cells import HASH_COLUMNS
from node.ports.recipients import RecipientRecord
from node.recipients.accreditation import (
    Recipients,
    Wanted,
    key_end,
    recipient_payload,
    state_words,
)
from node.recipients.accreditation import grant_of as held_grant
from protocol.grant import Grant

PATH: Final = "/console/recipients"
_ONE: Final = f"{PATH}/one"
STATES: Final = (marked("may fetch"), marked("suspended"), marked("has no key yet"))
"""What `state_words` says of most, for the catalogues; an end is named with its day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRow:
    """A recipient, as a row says it."""

    record: RecipientRecord
    grant: str
    state: str
    fetches: bool
    """Whether it may fetch anything now."""
    key_end_ms: int
    """0: it has no key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientsPage:
    """What the page of all shows."""

    rows: Sequence[RecipientRow]
    enabled: bool
    """Whether this node serves recipients at all."""
    kinds: str
    """Names of hashes, as they are typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientPage:
    """What the page of one shows."""

    row: RecipientRow
    kinds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """What the page after a key was made shows, once."""

    recipient: str
    key: str


def gather(world: World, _visitor: Visitor, _query: Values) -> RecipientsPage:
    """All of them; there are a few hundred at most."""
    return RecipientsPage(
        rows=[_row(world, record) for record in _recipients(world).ls()],
        enabled=world.identity.settings.recipients.enabled,
        kinds=", ".join(HASH_COLUMNS),
    )


def gather_one(world: World, _visitor: Visitor, query: Values) -> RecipientPage:
    """One; raises `NotFoundError`."""
    record = _recipients(world).get(query.require("name", _("the name")))
    return RecipientPage(row=_row(world, record), kinds=", ".join(HASH_COLUMNS))


def gather_key(_world: World, visitor: Visitor, _query: Values) -> MadeKey | None:
    """The key that was just made; None the second time."""
    kept = shown_once.take(visitor.csrf)
    return kept if isinstance(kept, MadeKey) else None


def add(world: World, visitor: Visitor, form: Values) -> Done:
    """Ask for another person's approval that somebody may fetch raw hashes."""
    wanted = Wanted(
        name=form.require("name", _("the name")), grant=_grant(form), purpose=form.text("purpose")
    )
    _recipients(world).check_new(wanted)
    return _ask(world, "recipient.add", wanted, to=PATH, by=visitor.person)


def change(world: World, visitor: Visitor, form: Values) -> Done:
    """Replace what a recipient may fetch: less at once, more or longer when a second person approves it."""
    wanted = Wanted(name=form.require("name", _("the name")), grant=_grant(form))
    recipients = _recipients(world)
    wider = recipients.widens(wanted.name, wanted.grant)
    recipients.check_grant(wanted.grant)
    if wider:
        return _ask(world, "recipient.grant", wanted, to=_at(wanted.name), by=visitor.person)
    recipients.narrow(wanted.name, wanted.grant)
    said = _("{name} may fetch {grant}").format(name=wanted.name, grant=grant_words(wanted.grant))
    return Done(_at(wanted.name), said)


def make_key(world: World, visitor: Visitor, form: Values) -> Done:
    """Make a key in the place of the one it has; it is shown on the next page, once."""
    name, recipients = form.require("name", _("the name")), _recipients(world)
    make = recipients.change_key if form.ticked("keep_old") else recipients.make_key
    made = make(name, entropy=world.identity.entropy)
    shown_once.keep(visitor.csrf, MadeKey(recipient=name, key=made))
    return Done(f"{PATH}/key", _("{name} has a new key").format(name=name))


def suspend(world: World, _visitor: Visitor, form: Values) -> Done:
    """Refuse a recipient from now on."""
    return _set_suspended(world, form, suspended=True)


def resume(world: World, _visitor: Visitor, form: Values) -> Done:
    """Let a suspended recipient fetch again, with the key it has, until its end."""
    return _set_suspended(world, form, suspended=False)


def remove(world: World, _visitor: Visitor, form: Values) -> Done:
    """Forget a recipient and its key."""
    name = form.require("name", _("the name"))
    _recipients(world).remove(name)
    return Done(PATH, _("{name} is forgotten, with its key; what it fetched it has").format(name=name))


def _set_suspended(world: World, form: Values, *, suspended: bool) -> Done:
    name = form.require("name", _("the name"))
    _recipients(world).set_suspended(name, suspended=suspended)
    said = _("{name} is refused from now on") if suspended else _("{name} may fetch again, until its end")
    return Done(_at(name), said.format(name=name))


def _recipients(world: World) -> Recipients:
    return Recipients(world.shelf.storage, world.identity.clock)


def _row(world: World, record: RecipientRecord) -> RecipientRow:
    state = state_words(record, world.identity.clock.now())
    return RecipientRow(
        record=record,
        grant=grant_words(held_grant(record)),
        state=state,
        fetches=state == STATES[0],
        key_end_ms=int(key_end(record).timestamp() * 1000) if record.key_sha256 else 0,
    )


def _grant(form: Values) -> Grant:
    return grant_of(
        form.require("collections", _("the collections")), form.text("algorithms"), form.text("until")
    )


def _ask(world: World, kind: str, wanted: Wanted, *, to: str, by: str) -> Done:
    with world.shelf.storage.read() as unit:
        require_two(unit)
    purpose = f" ({wanted.purpose})" if wanted.purpose else ""
    asked = open_approvals(world.identity, world.shelf).request(
        kind,
        subject=f"{wanted.name}{purpose} may fetch raw hashes: {grant_words(wanted.grant)}",
        payload=recipient_payload(wanted),
        by=by,
    )
    said = _("Request {number} waits for a second person; nothing was changed").format(number=asked.id)
    return Done(to, said, "requested")


def _at(name: str) -> str:
    return f"{_ONE}?{urlencode({'name': name})}"


PAGES: Final = (
    Page(name="recipients", path=PATH, title="Recipients", gather=gather, section=Section.FEDERATION),
    Page(name="recipient", path=_ONE, title="Recipient", gather=gather_one),
    Page(name="recipient-key", path=f"{PATH}/key", title="Key", gather=gather_key, roles=OPERATORS),
)

_GRANT: Final = ("name", "collections", "algorithms", "until")

ACTIONS: Final = (
    Action(
        name="recipient-add",
        path=f"{PATH}/add",
        page="recipients",
        act=add,
        roles=OPERATORS,
        record="recipient.add",
        fresh=True,
        told=(*_GRANT, "purpose"),
    ),
    Action(
        name="recipient-grant",
        path=f"{PATH}/grant",
        page="recipient",
        act=change,
        roles=OPERATORS,
        record="recipient.grant",
        fresh=True,
        told=_GRANT,
    ),
    Action(
        name="recipient-make-key",
        path=f"{PATH}/make-key",
        page="recipient",
        act=make_key,
        roles=OPERATORS,
        record="recipient.key",
        strict=True,
        fresh=True,
        told=("name", "keep_old"),
    ),
    Action(
        name="recipient-suspend",
        path=f"{PATH}/suspend",
        page="recipient",
        act=suspend,
        roles=OPERATORS,
        record="recipient.suspend",
        told=("name",),
    ),
    Action(
        name="recipient-resume",
        path=f"{PATH}/resume",
        page="recipient",
        act=resume,
        roles=OPERATORS,
        record="recipient.resume",
        fresh=True,
        told=("name",),
    ),
    Action(
        name="recipient-remove",
        path=f"{PATH}/remove",
        page="recipient",
        act=remove,
        roles=OPERATORS,
        record="recipient.remove",
        fresh=True,
        told=("name",),
    ),
)
