"""Partners: who may ask, how much of it each used, and until when; inviting one more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from markupsafe import Markup

from keys.message import Message
from node.access.quotas import DAYS_A_MONTH, candidates_a_day, fill, left
from node.access.sessions import Visitor
from node.acts import partners as acts
from node.acts.act import OPERATORS
from node.console.languages import translated as _
from node.console.pages.acts import action, do, place, take_once
from node.console.pages.acts import given as filled
from node.console.pages.partners.qr import qr
from node.console.parts import Led, Page, Section, Values
from node.console.world import World
from node.fields import Fact
from node.store.partners.records import (
    Allowance,
    DisclosureRecord,
    FetchedRelease,
    InviteRecord,
    PartnerRecord,
)
from node.store.subsets.records import ReleaseRecord, SubsetRecord
from node.subsets.budget import budget
from protocol.limits import KEY_DAYS

ROWS: Final = 50
_HERE: Final = "/console/partners"
_ONE: Final = f"{_HERE}/partner"
_KEY_LIFE: Final = timedelta(days=KEY_DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRow:
    """A partner and what it has used."""

    record: PartnerRecord
    left: int
    """Evaluations that it could make at once now."""
    used: int
    """Of this month."""
    fetched: FetchedRelease | None
    """The newest release that it fetched; None: none since such things are recorded."""
    newest: int
    """Version of its subset's newest release; 0: there is none."""

    @property
    def per_month(self) -> int:
        """The most that it may make in a month."""
        return self.record.evaluations_per_day * DAYS_A_MONTH

    @property
    def key_end_ms(self) -> int:
        """By when it should have renewed its key."""
        return self.record.key_ms + int(_KEY_LIFE.total_seconds() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnersPage:
    """What the page of all partners shows."""

    count: int
    rows: Sequence[PartnerRow]
    stopped: frozenset[str]
    """Those whose disclosed look-ups wait for a person."""
    invited: Sequence[InviteRecord]
    more_invited: bool
    subsets: Sequence[SubsetRecord]
    agencies: Sequence[tuple[str, str]]
    """Whom a subset of holdings may be for, for a choice; empty where there is no such subset."""
    part: str
    first: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerPage:
    """What the page of one partner shows."""

    row: PartnerRow
    disclosure: DisclosureRecord | None
    candidates: int
    """Hashes of its choice that its evaluations of a day decide about."""
    not_after_ms: int
    """Until when its subset's newest release counts; 0: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitedPage:
    """What the page after an invitation shows, once."""

    partner: str
    agency: str
    """The member that it is for; empty: a partner."""
    invited: Mapping[str, Fact]
    code: Markup
    told: Sequence[Message]
    """What releases of the subset tell."""


def gather(world: World, _visitor: Visitor, query: Values) -> PartnersPage:
    """A page of them."""
    part, after = query.text("part"), query.text("after")
    now = world.identity.clock.now()
    with world.store.read() as unit:
        found = unit.partners.page(part, after=after, limit=ROWS + 1)
        invited = unit.partners.open_invitations(part, limit=ROWS + 1)
        stopped = frozenset(unit.disclosure.stopped())
        count, subsets = sum(unit.partners.counts().values()), unit.subsets.ls()
        fetched = unit.fetched.of([record.name for record, _ in found[:ROWS]])
        newest = {name: unit.releases.newest(name) for name in {record.subset for record, _ in found[:ROWS]}}
    rows = [
        _row(record, allowance, now, fetched.get(record.name), newest[record.subset])
        for record, allowance in found[:ROWS]
    ]
    more = {"part": part, "after": rows[-1].record.name} if len(found) > ROWS else {}
    return PartnersPage(
        count=count,
        rows=rows,
        stopped=stopped,
        invited=invited[:ROWS],
        more_invited=len(invited) > ROWS,
        subsets=subsets,
        agencies=_agencies(world) if any(subset.filter.holdings for subset in subsets) else (),
        part=part,
        first=urlencode({"part": part}) if after else "",
        next=urlencode(more),
    )


def _row(
    record: PartnerRecord,
    allowance: Allowance,
    now: datetime,
    fetched: FetchedRelease | None,
    newest: ReleaseRecord | None,
) -> PartnerRow:
    per_day = record.evaluations_per_day
    return PartnerRow(
        record=record,
        left=left(allowance, per_day, now),
        used=fill(allowance, per_day, now).used,
        fetched=fetched,
        newest=0 if newest is None else newest.version,
    )


def _agencies(world: World) -> list[tuple[str, str]]:
    members = sorted(member.node for member in world.identity.trust.members().members)
    return [("", _("nobody: a partner")), *((node, node) for node in members if node != world.node)]


def gather_one(world: World, _visitor: Visitor, query: Values) -> PartnerPage:
    """One; raises `NotFoundError`."""
    name = query.require("name", _("the name of the partner"))
    with world.store.read() as unit:
        record, allowance = unit.partners.get(name), unit.partners.allowance(name)
        disclosure, newest = unit.disclosure.find(name), unit.releases.newest(record.subset)
        fetched = unit.fetched.of([name]).get(name)
        bits = unit.subsets.get(record.subset).filter.screen_bits
    return PartnerPage(
        row=_row(record, allowance, world.identity.clock.now(), fetched, newest),
        disclosure=disclosure,
        candidates=candidates_a_day(record.evaluations_per_day, bits),
        not_after_ms=0 if newest is None else newest.not_after_ms,
    )


def gather_invited(world: World, visitor: Visitor, _query: Values) -> InvitedPage | None:
    """The invitation that was just made; None the second time."""
    with world.store.read() as unit:
        filters = {each.name: each.filter for each in unit.subsets.ls()}
    done = take_once(visitor.csrf, "invitation")
    if done is None:
        return None
    partner, shared = str(done.facts["partner"]), filters[str(done.facts["subset"])]
    return InvitedPage(
        partner=partner,
        agency=str(done.facts["agency"]),
        invited=done.facts,
        code=qr(str(done.facts[done.once]), title=_("Invitation of {name}").format(name=partner)),
        told=tuple(budget(shared, filters.items())),
    )


def suspend(world: World, visitor: Visitor, form: Values) -> Led:
    """Whom only an invitation named has no page."""
    partner = filled(acts.Named, form)
    done = do(world, visitor, acts.suspend, partner)
    return Led(place(_ONE, "name", partner) if done.facts["enrolled"] else _HERE, _(done.said))


PAGES: Final = (
    Page(name="partners", path=_HERE, title="Partners", gather=gather, section=Section.FEDERATION),
    Page(name="partner", path=_ONE, title="Partner", gather=gather_one),
    Page(name="invited", path=f"{_HERE}/invited", title="Invitation", gather=gather_invited, roles=OPERATORS),
)

ACTIONS: Final = (
    action(acts.invite, path=f"{_HERE}/invite", page="partners", to=f"{_HERE}/invited"),
    action(acts.suspend, path=f"{_ONE}/suspend", page="partners", by=suspend),
    *(
        action(act, path=f"{_ONE}/{act.verb}", page="partner", to=_ONE, of="name")
        for act in acts.ACTS
        if act is not acts.suspend
    ),
)
