"""The overview: how fresh the node's lists, subsets and peers are, on one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.console.parts import Action, Done, Page, Section, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.pages.text import counted
from node.ports.peers import PeerRecord
from node.ports.persons import PersonRole
from node.runtime.logs import publish_one
from node.services.lists.making import ListReport, own_list, report_lists
from node.services.subsets.making import SubsetReport, report_subsets


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the page shows."""

    country: str
    members: int
    k: int
    """Countries that must agree."""
    lists: Sequence[ListReport]
    subsets: Sequence[SubsetReport]
    peers: Sequence[PeerRecord]
    partners: int


def gather(world: World, _: Visitor, __: Values) -> Overview:
    """Everything, as it stands now."""
    register = world.identity.trust.members()
    with world.shelf.storage.read() as unit:
        peers, partners = unit.peers.ls(), len(unit.partners.ls())
    return Overview(
        country=world.identity.settings.country,
        members=len(register.members),
        k=register.k,
        lists=report_lists(world.shelf),
        subsets=report_subsets(world.shelf),
        peers=peers,
        partners=partners,
    )


def publish(world: World, _: Visitor, form: Values) -> Done:
    """Sign and publish what waits in one own list."""
    origin = form.require("list", "the list")
    with world.shelf.storage.read() as unit:
        own_list(unit, origin)
    done = publish_one(world.identity, world.shelf, origin)
    return Done(
        "/console/",
        f"{origin} was published: {counted(done.adds + done.withdrawals + done.others, 'change')}",
    )


PAGES: Final = (
    Page(name="overview", path="/console/", title="Overview", gather=gather, section=Section.TOP, live=True),
)

ACTIONS: Final = (
    Action(
        name="publish",
        path="/console/publish",
        page="overview",
        act=publish,
        roles=frozenset({PersonRole.ANALYST, PersonRole.OPERATOR}),
        told=("list",),
    ),
)
