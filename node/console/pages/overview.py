"""The overview: what needs a human first, then the federation as a map, then how fresh lists, subsets and peers are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from node.access.sessions import Visitor
from node.console.languages import translated as _
from node.console.languages import translated_plural
from node.console.needs import Need, needs
from node.console.pages.entries.review import PUBLISHERS, published
from node.console.pages.federation.freshness import lag_words, state_words, statuses
from node.console.pages.federation.map import MappedMember, draw
from node.console.parts import Action, Led, Page, Section, Values
from node.console.world import World
from node.lists.catalogue import ListReport, report_lists
from node.peers.status import MemberStatus
from node.subsets.catalogue import SubsetReport, report_subsets


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the page shows."""

    country: str
    k: int
    """Countries that must agree."""
    needs: Sequence[Need]
    members: Sequence[MemberStatus]
    map: Markup
    lists: Sequence[ListReport]
    subsets: Sequence[SubsetReport]
    partners: int

    @property
    def peers(self) -> int:
        """Members that are followed."""
        return sum(member.peer is not None for member in self.members)


def gather(world: World, __: Visitor, ___: Values) -> Overview:
    """Everything, as it stands now."""
    identity = world.identity
    register, settings = identity.trust.members(), identity.settings
    with world.store.read() as unit:
        members = statuses(world, unit)
        partners = sum(unit.partners.counts().values())
    return Overview(
        country=settings.country,
        k=register.k,
        needs=needs(world),
        members=members,
        map=_map(world, members),
        lists=report_lists(world.store),
        subsets=report_subsets(world.store),
        partners=partners,
    )


def _map(world: World, members: Sequence[MemberStatus]) -> Markup:
    places = [
        MappedMember(
            node=one.node,
            country=one.member.country or "",
            freshness=one.freshness,
            words=f"{one.node}: {state_words(one.freshness)}; {lag_words(one, world.now_ms)}",
            followed=one.peer is not None,
            follows_us=one.follows_us,
        )
        for one in members
    ]
    followed = sum(place.followed for place in places)
    about = translated_plural(
        "{node} in the middle and {count} other member around it; {followed} followed. The table below says the same.",
        "{node} in the middle and {count} other members around it; {followed} followed. The table below says the same.",
        len(places),
    ).format(node=world.node, count=len(places), followed=followed)
    return draw(world.node, places, title=_("The federation"), about=about)


def publish(world: World, __: Visitor, form: Values) -> Led:
    """Sign and publish what waits in one own list."""
    return Led("/console/", published(world, form))


PAGES: Final = (
    Page(name="overview", path="/console/", title="Overview", gather=gather, section=Section.TOP, live=True),
)

ACTIONS: Final = (
    Action(
        name="publish", path="/console/publish", page="overview", act=publish, roles=PUBLISHERS, fresh=True
    ),
)
