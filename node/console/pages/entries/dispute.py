"""Objecting to a hash, and taking that back: one person, at once, and never half of a file unless that was meant."""

from node.console.languages import translated as _
from node.console.pages.entries.places import digest_at, place_of
from node.console.pages.entries.statements import reason_from
from node.console.parts import Done, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.errors import UsageError
from node.lists.continuation import require_open
from node.lists.corrections.dispute import dispute, resolve
from node.lists.lookup import Finder


def dispute_at(world: World, _visitor: Visitor, form: Values) -> Done:
    """Block the hashes of an entry's file, whoever lists them; of `alone`, its own hash only."""
    place, to = place_of(form), form.require("to", _("your list"))
    reason = reason_from(form)
    if not form.ticked("sure"):
        raise UsageError(
            "this blocks the hashes at every agency and partner, signed",
            hint="tick the box if that is meant",
        )
    require_open(world.identity.trust.document(), to)
    with world.store.read() as unit:
        digest = digest_at(world, unit, place)
        digests = {digest} if form.ticked("alone") else Finder(world.store, unit).same_file([digest])
    done = dispute(world.store, to, digests, reason=reason)
    return Done(place.entry, _(done.begun(to)))


def resolve_at(world: World, _visitor: Visitor, form: Values) -> Done:
    """Take own disputes of an entry's file back, in one own list."""
    place, to = place_of(form), form.require("to", _("your list"))
    if not form.ticked("sure"):
        raise UsageError(
            "where enough countries list them, the hashes reach partners again",
            hint="tick the box if that is meant",
        )
    with world.store.read() as unit:
        digests = Finder(world.store, unit).same_file([digest_at(world, unit, place)])
    done = resolve(world.store, to, digests)
    return Done(place.entry, _(done.ended(to)))
