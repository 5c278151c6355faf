"""What analysts say about a hash that is listed already: amending own entries, overruling the blocks of others."""

from typing import Final

from node.console.languages import translated as _
from node.console.pages.entries.dispute import dispute_at, resolve_at
from node.console.pages.entries.places import digest_at, place_of
from node.console.pages.entries.statements import (
    MAX_CRITERIA,
    countries_from,
    criteria_from,
    day_from,
    examined_basis_from,
)
from node.console.parts import ANALYSTS, Action, Done, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.errors import NotFoundError, UsageError
from node.judgement.reaffirm import listed_collection, open_blocks, reaffirm
from node.lists.continuation import predecessor_of, require_open
from node.lists.corrections.amend import Amendment, amend
from node.lists.imports.intake import Statement
from node.lists.lookup import Finder


def amend_file(world: World, _visitor: Visitor, form: Values) -> Done:
    """Change what own entries of the file say; what is left empty stays as it is."""
    place, to = place_of(form), form.require("to", _("your list"))
    change = _amendment(form)
    if change == Amendment():
        raise UsageError("nothing to change was filled in", hint="what is left empty stays as it is")
    require_open(world.identity.trust.document(), to)
    with world.store.read() as unit:
        digest = digest_at(world, unit, place)
    done = amend(world.store, to, digest, change.revise)
    return Done(place.entry, _(done.said(to)))


def _amendment(form: Values) -> Amendment:
    basis = None
    if form.text("basis"):
        basis = examined_basis_from(form)
    return Amendment(
        basis=basis,
        relies_on=form.text("source") or None,
        criteria=form.number("criteria", least=1, most=MAX_CRITERIA) or None,
        review_by=day_from(form, "review_by"),
        no_review=form.ticked("no_review"),
        illegal_in=countries_from(form, "illegal_in"),
        unclear_in=countries_from(form, "unclear_in"),
        hash_profile=form.text("profile") or None,
    )


def overrule(world: World, _visitor: Visitor, form: Values) -> Done:
    """Reaffirm the file against what other agencies block, after an examination here."""
    place, to = place_of(form), form.require("to", _("your list"))
    statement = Statement(basis=examined_basis_from(form), criteria=criteria_from(form))
    document = world.identity.trust.document()
    require_open(document, to)
    continues = predecessor_of(document, to)
    current = world.judge.now().current
    with world.store.read() as unit:
        digests = Finder(world.store, unit).same_file([digest_at(world, unit, place)])
    blocks = open_blocks(current, world.node, digests, continues=continues)
    if not blocks:
        raise NotFoundError("no other agency blocks it any more")
    done = reaffirm(
        world.store,
        to,
        blocks,
        statement=statement,
        collection=listed_collection(current, digests),
        now_ms=world.now_ms,
        continues=continues,
    )
    return Done(place.entry, _(done.said(to)))


ACTIONS: Final = (
    Action(
        name="entry-dispute",
        path="/console/entry/dispute",
        page="entry",
        act=dispute_at,
        roles=ANALYSTS,
        record="entry.dispute",
        fresh=True,
        told=("list", "index", "to", "reason"),
    ),
    Action(
        name="entry-resolve",
        path="/console/entry/resolve",
        page="entry",
        act=resolve_at,
        roles=ANALYSTS,
        record="entry.resolve",
        told=("list", "index", "to"),
    ),
    Action(
        name="entry-amend",
        path="/console/entry/amend",
        page="entry",
        act=amend_file,
        roles=ANALYSTS,
        record="entry.amend",
        told=("list", "index", "to", "basis", "criteria", "review_by", "illegal_in", "unclear_in"),
    ),
    Action(
        name="entry-reaffirm",
        path="/console/entry/reaffirm",
        page="entry",
        act=overrule,
        roles=ANALYSTS,
        record="entry.reaffirm",
        told=("list", "index", "to", "basis", "criteria"),
    ),
)
