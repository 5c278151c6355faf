"""What analysts say about a hash that is listed already: objecting, amending own entries, overruling others' blocks."""

from typing import Final

from node.access.sessions import Visitor
from node.acts import entries
from node.acts.act import Act, F
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.pages.entries.places import Place, digest_at, place_of
from node.console.pages.entries.statements import (
    MAX_CRITERIA,
    countries_from,
    criteria_from,
    examined_basis_from,
    reason_from,
    review_day_from,
)
from node.console.parts import Led, Values
from node.console.world import World
from node.errors import UsageError
from node.lists.corrections.amend import Amendment
from node.lists.imports.intake import Statement


def dispute(world: World, visitor: Visitor, form: Values) -> Led:
    """Block the hashes of an entry's file, whoever lists them; of `alone`, its own hash only."""
    place = place_of(form)
    given = entries.Disputed(
        list=form.require("to", _("your list")),
        files=_file(world, place),
        entry=place.text,
        reason=reason_from(form),
        alone=form.ticked("alone"),
    )
    if not form.ticked("sure"):
        raise UsageError(
            "this blocks the hashes at every agency and partner, signed", hint="tick the box if that is meant"
        )
    return _done(world, visitor, entries.dispute, given, place)


def resolve(world: World, visitor: Visitor, form: Values) -> Led:
    """Take own disputes of an entry's file back, in one own list."""
    place = place_of(form)
    given = entries.Corrected(
        list=form.require("to", _("your list")), files=_file(world, place), entry=place.text
    )
    if not form.ticked("sure"):
        raise UsageError(
            "where enough countries list them, the hashes reach partners again",
            hint="tick the box if that is meant",
        )
    return _done(world, visitor, entries.resolve, given, place)


def amend(world: World, visitor: Visitor, form: Values) -> Led:
    """Change what own entries of the file say; what is left empty stays as it is."""
    place, to, change = place_of(form), form.require("to", _("your list")), _amendment(form)
    if change == Amendment():
        raise UsageError("nothing to change was filled in", hint="what is left empty stays as it is")
    given = entries.Amending(list=to, files=_file(world, place), entry=place.text, change=change)
    return _done(world, visitor, entries.amend, given, place)


def _amendment(form: Values) -> Amendment:
    return Amendment(
        basis=examined_basis_from(form) if form.text("basis") else None,
        relies_on=form.text("source") or None,
        criteria=form.number("criteria", least=1, most=MAX_CRITERIA) or None,
        review_by=review_day_from(form),
        no_review=form.ticked("no_review"),
        illegal_in=countries_from(form, "illegal_in"),
        unclear_in=countries_from(form, "unclear_in"),
        hash_profile=form.text("profile") or None,
    )


def reaffirm(world: World, visitor: Visitor, form: Values) -> Led:
    """Reaffirm the file against what other agencies block, after an examination here."""
    place = place_of(form)
    given = entries.Reaffirmed(
        list=form.require("to", _("your list")),
        files=_file(world, place),
        entry=place.text,
        statement=Statement(basis=examined_basis_from(form), criteria=criteria_from(form)),
        judge=lambda _node, digests: world.judge.some(digests),
    )
    return _done(world, visitor, entries.reaffirm, given, place)


def _file(world: World, place: Place) -> entries.Files:
    with world.store.read() as unit:
        return [("", [digest_at(world, unit, place)])]


def _done(world: World, visitor: Visitor, act: Act[F], given: F, place: Place) -> Led:
    return Led(place.entry, _(do(world, visitor, act, given).said))


_ENTRY: Final = "/console/entry"

ACTIONS: Final = (
    action(entries.dispute, path=f"{_ENTRY}/dispute", page="entry", by=dispute),
    action(entries.resolve, path=f"{_ENTRY}/resolve", page="entry", by=resolve),
    action(entries.amend, path=f"{_ENTRY}/amend", page="entry", by=amend),
    action(entries.reaffirm, path=f"{_ENTRY}/reaffirm", page="entry", by=reaffirm),
)
