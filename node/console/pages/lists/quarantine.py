"""What is set aside until people have looked at it, and the request to let it in, which a second person decides.

What waits here and what releasing does is `node.judgement.quarantine`'s to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.access.approvals import two_decide
from node.access.sessions import Visitor
from node.acts import quarantine as acts
from node.app.approvals import open_approvals
from node.app.quarantine import asked_for
from node.console.languages import translated as _
from node.console.pages.acts import action
from node.console.parts import Page, Section, Values
from node.console.world import World
from node.judgement import quarantine
from node.judgement.quarantine import BLOCKS, QuarantineItem
from node.store.accounts.records import Approval
from node.store.lists.records import FLOOD, FORKED
from node.store.peers.records import EvidenceRecord

ROWS: Final = 50
ASIDE: Final = "/console/quarantine/one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One thing that is set aside."""

    aside: QuarantineItem
    group: str
    """guard, flood, fork or blocks."""
    asked: Approval | None
    """The request for its release that waits for a second person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """What the page shows."""

    waiting: Sequence[Waiting]
    claims: Sequence[EvidenceRecord]
    """Contradictions that convict nobody, newest first: they stop nothing, and somebody should ask about them."""
    first: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """What the page of one of them shows."""

    waiting: Waiting
    own: bool
    """Whether it is of a list of this node."""
    two: bool
    """Whether two persons decide here, so that it can be released."""


def gather(world: World, _visitor: Visitor, query: Values) -> Quarantine:
    """All of it, a page at a time."""
    found = quarantine.ls(world.store, world.identity.trust.members())
    asked = asked_for(open_approvals(world.identity, world.store))
    after = query.text("after")
    rest = [one for one in found if not after or _place(one.id) > _place(after)]
    shown = rest[:ROWS]
    with world.store.read() as unit:
        claims = [one for one in unit.evidence.ls() if one.released_ms is None and not one.kind.convicts]
    return Quarantine(
        waiting=[Waiting(aside=one, group=_group(one), asked=asked.get(one.id)) for one in shown],
        claims=sorted(claims, key=lambda one: -one.created_ms)[:ROWS],
        first="after=" if after else "",
        next=urlencode({"after": shown[-1].id}) if len(rest) > ROWS else "",
    )


def gather_one(world: World, _visitor: Visitor, query: Values) -> One:
    """One of them, by its number or the name of a removed member; raises `NotFoundError`."""
    name = query.require("id", _("what is set aside"))
    aside = quarantine.get(world.store, world.identity.trust.members(), name)
    asked = asked_for(open_approvals(world.identity, world.store))
    with world.store.read() as unit:
        two = two_decide(unit)
    return One(
        waiting=Waiting(aside=aside, group=_group(aside), asked=asked.get(aside.id)),
        own=aside.node == world.node,
        two=two,
    )


def _group(aside: QuarantineItem) -> str:
    return {FORKED: "fork", FLOOD: "flood", BLOCKS: "blocks"}.get(aside.kind, "guard")


def _place(name: str) -> tuple[bool, int, str]:
    """Where it stands in the order of `quarantine.ls`: numbers, then names."""
    number = name.isascii() and name.isdigit() and len(name) < 19
    return not number, int(name) if number else 0, name


PAGES: Final = (
    Page(
        name="quarantine", path="/console/quarantine", title="Quarantine", gather=gather, section=Section.WORK
    ),
    Page(name="aside", path=ASIDE, title="Set aside", gather=gather_one),
)


def _aside(form: Values) -> acts.QuarantineItem:
    name, reason = form.require("id", _("what is set aside")), form.require("reason", _("the reason"))
    return acts.QuarantineItem(id=name, reason=reason)


ACTIONS: Final = (action(acts.release, path="/console/quarantine/release", page="aside", read=_aside),)
