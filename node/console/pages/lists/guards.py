"""What lists and releases are compared with: sets of hashes of lawful files, and hashes that must never be released.

A set comes as a table, through the browser up to a bound; the hashes of tripwires are typed, sealed, and shown to
nobody. What a set has set aside stays so when the set is forgotten.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.trust.names import is_log_name
from node.app.guards import open_guards
from node.console.languages import translated as _
from node.console.languages import translated_plural
from node.console.parts import OPERATORS, Action, Done, Page, Section, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.errors import UsageError
from node.formats.asked import read_asked
from node.formats.benign import read_benign
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
    guards = open_guards(world.identity, world.shelf)
    tripwires = guards.tripwires()
    return GuardsPage(
        benign=guards.benign_sets(),
        tripwires=tripwires[::-1][:ROWS],
        total=len(tripwires),
        most=MOST_BYTES // 2**20,
    )


def add_benign(world: World, _visitor: Visitor, form: Values) -> Done:
    """Set aside, from now on, what is in a table."""
    name = form.require("name", _("the name"))
    if not is_log_name(name):
        raise UsageError("a set is named with up to 64 small letters, digits and hyphens")
    reading = read_benign(io.BytesIO(form.require("table", _("the table")).encode()))
    done = open_guards(world.identity, world.shelf).add_benign(name, reading, now_ms=world.now_ms)
    said = _("{name}: {hashes} hashes of {rows} rows, {refused} refused")
    record = done.record
    return Done(
        PATH,
        said.format(
            name=name, hashes=f"{record.hashes:,}", rows=f"{record.rows:,}", refused=f"{record.refused:,}"
        ),
        facts={"hashes": str(record.hashes), "refused": str(record.refused)},
    )


def remove_benign(world: World, _visitor: Visitor, form: Values) -> Done:
    """Forget a set; what it set aside stays so until it is released."""
    name = form.require("name", _("the name"))
    open_guards(world.identity, world.shelf).remove_benign(name)
    return Done(PATH, _("{name} is forgotten; what it set aside stays in quarantine").format(name=name))


def add_tripwires(world: World, _visitor: Visitor, form: Values) -> Done:
    """Refuse, from now on, every release that would list one of these hashes."""
    asked = read_asked(io.BytesIO(form.require("hash", _("the hash")).encode()))
    digests = [digest for _name, found in asked for digest in found]
    guards = open_guards(world.identity, world.shelf)
    added = guards.add_tripwires(digests, note=form.text("note"), now_ms=world.now_ms)
    said = translated_plural(
        "{count} tripwire was added, {known} known already",
        "{count} tripwires were added, {known} known already",
        added,
    )
    return Done(PATH, said.format(count=added, known=len(digests) - added), facts={"added": str(added)})


def remove_tripwire(world: World, _visitor: Visitor, form: Values) -> Done:
    """Let a hash be released again."""
    number = form.number("number", least=1)
    open_guards(world.identity, world.shelf).remove_tripwires([number])
    return Done(PATH, _("Tripwire {number} is gone: its hash may be released again").format(number=number))


PAGES: Final = (Page(name="guards", path=PATH, title="Guards", gather=gather, section=Section.FEDERATION),)

ACTIONS: Final = (
    Action(
        name="benign-add",
        path=f"{PATH}/benign/add",
        page="guards",
        act=add_benign,
        roles=OPERATORS,
        record="guard-benign.add",
        fresh=True,
        most_bytes=MOST_BYTES,
        told=("name",),
    ),
    Action(
        name="benign-remove",
        path=f"{PATH}/benign/remove",
        page="guards",
        act=remove_benign,
        roles=OPERATORS,
        record="guard-benign.remove",
        fresh=True,
        told=("name",),
    ),
    Action(
        name="tripwire-add",
        path=f"{PATH}/tripwire/add",
        page="guards",
        act=add_tripwires,
        roles=OPERATORS,
        record="guard-tripwire.add",
        fresh=True,
        told=("note",),
    ),
    Action(
        name="tripwire-remove",
        path=f"{PATH}/tripwire/remove",
        page="guards",
        act=remove_tripwire,
        roles=OPERATORS,
        record="guard-tripwire.remove",
        fresh=True,
        told=("number",),
    ),
)
