"""How members stand, in words and tones: the same on the map, in the overview's table and on their own pages."""

from collections.abc import Mapping
from typing import Final

from keys.message import marked
from node.console.languages import translated as _
from node.console.words import ago
from node.console.world import World
from node.peers.status import Freshness, MemberStatus, member_statuses
from node.store.unit import Unit

_WORDS: Final[Mapping[Freshness, str]] = {
    Freshness.FORKED: marked("signed two histories"),
    Freshness.SILENT: marked("silent"),
    Freshness.WITHHOLDING: marked("withholds revoked keys"),
    Freshness.ASIDE: marked("some events set aside"),
    Freshness.LATE: marked("late"),
    Freshness.NEW: marked("not synced yet"),
    Freshness.UNFOLLOWED: marked("not followed"),
    Freshness.FRESH: marked("fresh"),
}

_MEANINGS: Final[Mapping[Freshness, str]] = {
    Freshness.FORKED: marked(
        "a proof shows two histories of one of its logs: it stands still until two persons release it"
    ),
    Freshness.SILENT: marked(
        "not confirmed for so long that nothing it adds takes effect here; what is effective stays"
    ),
    Freshness.WITHHOLDING: marked(
        "it does not show which keys it took back: nothing it adds takes effect here"
    ),
    Freshness.ASIDE: marked(
        "a guard set some of its events aside: they count for nothing until two persons release them"
    ),
    Freshness.LATE: marked("past half of the time after which nothing it adds takes effect here"),
    Freshness.NEW: marked("followed, and nothing was fetched yet"),
    Freshness.UNFOLLOWED: marked("a member of the register that this node does not follow"),
    Freshness.FRESH: marked("what it published is held here"),
}


def statuses(world: World, unit: Unit) -> list[MemberStatus]:
    """Every member but this node, by country and name."""
    identity = world.identity
    return member_statuses(
        unit,
        identity.trust.members(),
        own=world.node,
        now_ms=world.now_ms,
        max_age=identity.settings.guards.max_checkpoint_age,
    )


def state_words(freshness: Freshness) -> str:
    """A state in a word or two."""
    return _(_WORDS[freshness])


def meaning(freshness: Freshness) -> str:
    """What a state means, in a sentence."""
    return _(_MEANINGS[freshness])


def lag_words(one: MemberStatus, now_ms: int) -> str:
    """How far behind what is held of a member may be."""
    if one.peer is None:
        return _("nothing is fetched from it")
    if not one.synced_ms:
        return _("never synced")
    return _("confirmed {when}").format(when=ago(one.synced_ms, now_ms))
