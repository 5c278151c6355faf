"""What lists and releases are compared with: sets of hashes of lawful files, and hashes that must never be released.

A set comes as a table, through the browser up to a bound; the hashes of tripwires are typed, sealed, and shown to
nobody. What a set has set aside stays so when the set is forgotten.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.access.sessions import Visitor
from node.acts import guards as acts
from node.app.guards import open_guards
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.parts import Led, Page, Section, Values
from node.console.world import World
from node.formats.benign import read_benign
from node.formats.hash_queries import typed_hash_queries
from node.store.lists.records import BenignSet, Tripwire
from protocol.digest import Algorithm

PATH: Final = "/console/guards"
MOST_BYTES: Final = 16 * 1024 * 1024
ROWS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardsPage:
    """What the page shows."""

    benign: Sequence[BenignSet]
    tripwires: Sequence[tuple[Tripwire, Algorithm]]
    """The newest first, so many as a page holds."""
    total: int
    """Of the tripwires."""
    most: int
    """Megabytes of a table."""


def gather(world: World, _visitor: Visitor, _query: Values) -> GuardsPage:
    """All sets, and the newest tripwires."""
    guards = open_guards(world.identity, world.store)
    tripwires = guards.tripwires()
    return GuardsPage(
        benign=guards.benign_sets(),
        tripwires=tripwires[::-1][:ROWS],
        total=len(tripwires),
        most=MOST_BYTES // 2**20,
    )


def _benign(form: Values) -> acts.Benign:
    name = form.require("name", _("the name"))
    acts.require_set_name(name)
    table = io.BytesIO(form.require("table", _("the table")).encode())
    return acts.Benign(name=name, file=form.file("table").name, reading=read_benign(table))


def _tripwires(form: Values) -> acts.Tripwires:
    asked = typed_hash_queries(form.require("hash", _("the hash")))
    return acts.Tripwires(
        note=form.text("note"), digests=[digest for _name, found in asked for digest in found]
    )


def remove_tripwire(world: World, visitor: Visitor, form: Values) -> Led:
    """Forget the tripwire that the form was shown for."""
    given = acts.Numbers(numbers=[form.number("number", least=1)])
    return Led(PATH, _(do(world, visitor, acts.remove_tripwires, given).said))


PAGES: Final = (Page(name="guards", path=PATH, title="Guards", gather=gather, section=Section.FEDERATION),)

ACTIONS: Final = (
    action(
        acts.add_benign,
        path=f"{PATH}/benign/add",
        page="guards",
        to=PATH,
        name="benign-add",
        read=_benign,
        most_bytes=MOST_BYTES,
    ),
    action(acts.remove_benign, path=f"{PATH}/benign/remove", page="guards", to=PATH, name="benign-remove"),
    action(
        acts.add_tripwires,
        path=f"{PATH}/tripwire/add",
        page="guards",
        to=PATH,
        name="tripwire-add",
        read=_tripwires,
    ),
    action(
        acts.remove_tripwires,
        path=f"{PATH}/tripwire/remove",
        page="guards",
        name="tripwire-remove",
        by=remove_tripwire,
    ),
)
