"""Importing a table of hashes into an own list, through the guards and readers of the command; looked at before.

The table goes through the browser, so it is bounded; larger ones are imported at the terminal. Nothing of it is kept
but what is imported: a file that was looked at is chosen again to be imported.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from keys.message import Message
from node.access.notation import collection_of, columns_of
from node.access.sessions import Visitor
from node.acts import entries
from node.acts.act import ANALYSTS, Done, Node
from node.app.guards import open_guards
from node.audit.log import masked
from node.console.languages import translated as _
from node.console.languages import translated_plural
from node.console.pages.acts import action, do
from node.console.pages.entries.places import own_lists
from node.console.pages.entries.statements import bases, collections, statement_from
from node.console.parts import Action, Led, Page, Section, Values
from node.console.words import choices
from node.console.world import World
from node.formats import Reading, read_rows
from node.lists.continuation import require_open
from node.lists.imports.intake import ImportReport, Statement, import_rows, preview_rows
from protocol.lists.ext import Basis

PATH: Final = "/console/import"
MOST_BYTES: Final = 16 * 1024 * 1024
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Importing:
    """What the page shows."""

    lists: Sequence[tuple[str, str]]
    bases: Sequence[tuple[str, str]]
    collections: Sequence[tuple[str, str]]
    most: int
    """Megabytes of a table."""


def gather(world: World, _visitor: Visitor, _query: Values) -> Importing:
    """What can be chosen."""
    return Importing(
        lists=choices(own_lists(world)), bases=bases(), collections=collections(), most=MOST_BYTES // 2**20
    )


def look(world: World, _visitor: Visitor, form: Values) -> Led:
    """Say what importing the table would do; changes nothing."""
    to, _statement, reading = _asked(world, form)
    done = preview_rows(world.store, to, reading, guards=open_guards(world.identity, world.store))
    return Led(PATH, " ".join([_("Nothing was imported yet."), *_said(to, done, reading)]))


def take_in(world: World, visitor: Visitor, form: Values) -> Led:
    """Import the table; its entries wait for publication."""
    to, statement, reading = _asked(world, form)

    def take(_node: Node) -> Done:
        done = import_rows(
            world.store,
            to,
            reading,
            statement=statement,
            now_ms=world.now_ms,
            guards=open_guards(world.identity, world.store),
        )
        said = " ".join(_said(to, done, reading))
        return Done(said=Message(said), facts=entries.imported(done))

    given = entries.Imported(
        list=to,
        file=form.file("table").name,
        collection=form.text("collection"),
        statement=statement,
        work=take,
    )
    return Led(PATH, do(world, visitor, entries.take_in, given).said)


def _asked(world: World, form: Values) -> tuple[str, Statement, Reading]:
    to = form.require("list", _("your list"))
    require_open(world.identity.trust.document(), to)
    statement = statement_from(form)
    if statement.basis is Basis.RELIES_ON:
        statement = replace(statement, relies_on=form.text("source") or None)
    reading = read_rows(
        io.BytesIO(form.require("table", _("the table")).encode()),
        collection=collection_of(form.require("collection", _("the collection"))),
        mapping=columns_of(form.text("columns").splitlines()),
        delimiter=form.text("delimiter") or None,
        categories=form.text("categories").split(),
    )
    return to, statement, reading


def _said(to: str, done: ImportReport, reading: Reading) -> list[str]:
    said = [
        translated_plural(
            "{list}: {count} row is new ({entries} entries),",
            "{list}: {count} rows are new ({entries} entries),",
            done.accepted,
        ).format(list=to, count=f"{done.accepted:,}", entries=f"{done.entries:,}"),
        _(
            "{listed} listed already, {repeated} repeated, {refused} refused, {aside} set aside by a guard."
        ).format(
            listed=f"{done.already_listed:,}",
            repeated=f"{done.duplicates:,}",
            refused=f"{done.refused_total:,}",
            aside=f"{done.quarantined:,}",
        ),
    ]
    said += [
        _("Line {number}: {reason}.").format(number=row.line, reason=row.reason)
        for row in done.refused[:_SHOWN]
    ]
    if done.apart:
        said.append(
            _(
                "Rows without an MD5: {count}. Put all hashes of a file into one row: a release tells more of a file"
                " whose hashes came in several."
            ).format(count=f"{done.apart:,}")
        )
    if reading.left_out:
        # Of a table without a header the first row is taken for one: its hashes are no titles.
        names = ", ".join(map(masked, reading.left_out))
        said.append(_("Columns that were not used: {names}.").format(names=names))
    return said


PAGES: Final = (
    Page(name="importing", path=PATH, title="Import", gather=gather, section=Section.WORK, roles=ANALYSTS),
)

ACTIONS: Final = (
    Action(
        name="importing-look",
        path=f"{PATH}/look",
        page="importing",
        act=look,
        roles=ANALYSTS,
        most_bytes=MOST_BYTES,
    ),
    action(
        entries.take_in,
        path=f"{PATH}/take",
        page="importing",
        name="importing-take",
        by=take_in,
        most_bytes=MOST_BYTES,
    ),
)
