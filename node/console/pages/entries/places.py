"""Entries as pages name them: by list and index, never by their hash, in addresses, forms and records alike."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.console.languages import translated as _
from node.console.parts import Values
from node.console.world import World
from node.errors import NotFoundError, UsageError
from node.lists.continuation import is_closed
from node.lists.entries import ListReader
from node.store.lists.records import LogKind
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.limits import MAX_LOG_SIZE

LISTS: Final = frozenset({LogKind.OWN_LIST, LogKind.PEER_LIST})


@dataclass(frozen=True, slots=True)
class Place:
    """An event of a list."""

    origin: str
    index: int

    @property
    def text(self) -> str:
        """As people name it, and records."""
        return f"{self.origin}:{self.index}"

    @property
    def query(self) -> str:
        """As it stands in the address of a page."""
        return urlencode({"list": self.origin, "index": self.index}, safe="/")

    @property
    def entry(self) -> str:
        """The page that explains it."""
        return f"/console/entry?{self.query}"

    @property
    def file(self) -> str:
        """The page of the peer's file that it belongs to."""
        return f"/console/review/file?{self.query}"

    @property
    def withdraw(self) -> str:
        """The page that asks whether to withdraw it."""
        return f"/console/entry/withdraw?{self.query}"

    @property
    def holders(self) -> str:
        """The page that asks other agencies who holds its hash."""
        return f"/console/holders?{self.query}"

    @property
    def shred(self) -> str:
        """The page that asks whether to have it shredded."""
        return f"/console/entry/shred?{self.query}"


def place_in(values: Values) -> Place | None:
    """The entry that a query or form names, or None for one that names none; raises `UsageError`."""
    if not values.text("list") and not values.text("index"):
        return None
    if not values.text("index"):
        raise UsageError("the index of the entry is missing", hint="an entry is named by its list and index")
    return Place(values.require("list", _("the list")), values.number("index", most=MAX_LOG_SIZE - 1))


def place_of(form: Values) -> Place:
    """The entry that a form is about; raises `UsageError`."""
    place = place_in(form)
    if place is None:
        raise UsageError("no entry is named", hint="open the page of the entry, and send its form")
    return place


def digest_at(world: World, unit: Unit, place: Place) -> Digest:
    """The digest of the entry or dispute at a place; raises `NotFoundError`."""
    log = unit.logs.get(place.origin)
    digest = None
    if log.kind in LISTS:
        try:
            digest = ListReader(world.store, unit, log).opening(place.index).digest
        except NotFoundError:
            digest = None
    if digest is None:
        raise NotFoundError(
            "{origin} has no entry {index} that this agency can read",
            place.origin,
            place.index,
            hint="it may have been shredded, or its collection is not granted to this agency",
        )
    return digest


def own_lists(world: World) -> tuple[str, ...]:
    """The lists of this node that take new entries."""
    document = world.identity.trust.document()
    with world.store.read() as unit:
        origins = [log.origin for log in unit.logs.ls(LogKind.OWN_LIST)]
    return tuple(origin for origin in origins if not is_closed(document, origin))
