"""Recipients, accredited holders of raw hashes: who may fetch which, until when, and the key of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.access.grants import grant_words
from node.access.sessions import Visitor
from node.access.stored_grant import key_end, stored_grant
from node.acts import recipients as acts
from node.acts.act import OPERATORS, Done
from node.console.languages import translated as _
from node.console.pages.acts import action, take_once
from node.console.parts import Page, Section, Values
from node.console.world import World
from node.recipients.accreditation import MAY_FETCH, Recipients, state_words
from node.store.partners.records import RecipientRecord

PATH: Final = "/console/recipients"
_ONE: Final = f"{PATH}/one"


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


def gather(world: World, _visitor: Visitor, _query: Values) -> RecipientsPage:
    """All of them; there are a few hundred at most."""
    return RecipientsPage(
        rows=[_row(world, record) for record in _recipients(world).ls()],
        enabled=world.identity.settings.recipients.enabled,
    )


def gather_one(world: World, _visitor: Visitor, query: Values) -> RecipientRow:
    """One; raises `NotFoundError`."""
    return _row(world, _recipients(world).get(query.require("name", _("the name"))))


def gather_key(_world: World, visitor: Visitor, _query: Values) -> Done | None:
    """The key that was just made; None the second time."""
    return take_once(visitor.csrf, "key")


def _recipients(world: World) -> Recipients:
    return Recipients(world.store, world.identity.clock)


def _row(world: World, record: RecipientRecord) -> RecipientRow:
    state = state_words(record, world.identity.clock.now())
    return RecipientRow(
        record=record,
        grant=grant_words(stored_grant(record)),
        state=state,
        fetches=state == MAY_FETCH,
        key_end_ms=int(key_end(record).timestamp() * 1000) if record.key_sha256 else 0,
    )


PAGES: Final = (
    Page(name="recipients", path=PATH, title="Recipients", gather=gather, section=Section.FEDERATION),
    Page(name="recipient", path=_ONE, title="Recipient", gather=gather_one),
    Page(name="recipient-key", path=f"{PATH}/key", title="Key", gather=gather_key, roles=OPERATORS),
)

ACTIONS: Final = (
    action(acts.add, path=f"{PATH}/add", page="recipients", to=PATH),
    action(acts.key, path=f"{PATH}/make-key", page="recipient", to=f"{PATH}/key", name="recipient-make-key"),
    action(acts.remove, path=f"{PATH}/remove", page="recipient", to=PATH),
    *(
        action(act, path=f"{PATH}/{act.verb}", page="recipient", to=_ONE, of="name")
        for act in acts.ACTS
        if act not in (acts.add, acts.key, acts.remove)
    ),
)
