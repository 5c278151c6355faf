"""The overview: what needs a human first, then how old the list is, what is left to ask, and what runs here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.errors import KeysError
from node.access.sessions import Visitor
from node.clock import DAY_MS
from node.console.hoster.needs import needs
from node.console.hoster.world import EVERYBODY, PartnerWorld
from node.console.needs import Need
from node.console.parts import Page, Section, Values
from node.errors import NodeError
from node.home import Home
from node.hoster.cover import Cover, evaluations
from node.hoster.folder import PartnerFolder
from node.hoster.hits.homes import hit_spool
from node.hoster.judge.daemons import Daemon, running_daemons
from node.hoster.release.last_update import LastUpdate, last_update
from node.hoster.scan.history import finished_scans
from node.hoster.scan.results import ScanSummary
from node.hoster.settings import load_partner_settings
from node.hoster.status import PartnerStatus, read_partner_status
from protocol.errors import ProtocolError
from protocol.subset.filter import SubsetFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAge:
    """The list of one subset, as this home holds it."""

    subset: str
    version: int
    """0: none is held."""
    entries: int
    made_ms: int
    """When the release was there: by its first witness, or else when it was fetched; 0: not known."""
    ends_ms: int
    usable_until_ms: int
    confirmed_ms: int
    """When the agency last confirmed what is held."""
    made_by: SubsetFilter | None
    """Of the release; None where the agency serves no filter."""

    def state(self, now_ms: int) -> str:
        """`none`, `over`, `grace` or `current`."""
        if not self.version:
            return "none"
        if now_ms >= self.usable_until_ms:
            return "over"
        return "grace" if now_ms >= self.ends_ms else "current"


@dataclass(frozen=True, slots=True)
class Quota:
    """Evaluations of one subset, as this home counts them."""

    subset: str
    """Empty where there is one."""
    per_day: int
    left: int | None
    """About so many could be made now; None: none were made yet, so all of them."""

    @property
    def cover(self) -> int:
        """What the batches of a day take that are sent whatever was found, at most."""
        return evaluations(self.per_day)

    @property
    def renewed_in_ms(self) -> int:
        """How long until all of them are there again: they come back evenly, over a day."""
        if self.left is None or self.per_day <= 0:
            return 0
        return (self.per_day - self.left) * DAY_MS // self.per_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the page shows."""

    needs: Sequence[Need]
    lists: Sequence[ListAge]
    quotas: Sequence[Quota]
    covered: bool
    """Whether what is sent depends on nothing that was found."""
    problem: str
    """Why nothing can be said about the list; empty: it can."""
    hint: str
    updates: Sequence[tuple[str, LastUpdate | None]]
    """By subset, whose name is empty where there is one."""
    update_minutes: int
    """Between two updates that a daemon makes by itself; 0: it makes none."""
    daemons: Sequence[Daemon]
    unresolved: int
    overdue: int
    scan: ScanSummary | None
    """The last that was finished."""


def gather(world: PartnerWorld, _: Visitor, __: Values) -> Overview:
    """Everything, as it stands now; what is damaged keeps nothing else from being shown."""
    home, now_ms = world.home, world.now_ms
    standings = [_standing(world, one) for one in world.homes]
    problem, hint = next(((why, what) for now, why, what in standings if now is None), ("", ""))
    hits = [hit for one in world.homes for hit in hit_spool(one).readable().hits]
    updates = [last_update(one.partner) for one in world.homes]
    found = [
        (name, one, now) for name, one, (now, *_) in zip(world.names, world.homes, standings, strict=True)
    ]
    return Overview(
        needs=needs(hits, list(zip([now for now, *_ in standings], updates, strict=True)), now_ms),
        lists=[list_age(one, now) for _, one, now in found if now],
        quotas=[
            Quota(name, now.enrolment.evaluations_per_day, now.evaluations_left)
            for name, _, now in found
            if now
        ],
        covered=load_partner_settings(home.folder).cover is Cover.BEAT,
        problem=problem,
        hint=hint,
        updates=list(zip(world.names, updates, strict=True)),
        update_minutes=load_partner_settings(home.folder).agent.update_minutes,
        daemons=running_daemons(home.partner),
        unresolved=sum(hit.unresolved for hit in hits),
        overdue=sum(hit.overdue(now_ms) for hit in hits),
        scan=next(iter(reversed(finished_scans(home.partner))), None),
    )


def list_age(home: Home, now: PartnerStatus) -> ListAge:
    """How old the list of one subset is."""
    _, cursor = PartnerFolder(home.partner).load()
    return ListAge(
        subset=now.enrolment.subset,
        version=now.version,
        entries=now.entries,
        made_ms=cursor.seen_ms,
        ends_ms=now.not_after_ms,
        usable_until_ms=now.usable_until_ms,
        confirmed_ms=now.enrolment.confirmed_ms,
        made_by=now.made_by,
    )


def _standing(world: PartnerWorld, home: Home) -> tuple[PartnerStatus | None, str, str]:
    try:
        return read_partner_status(home, clock=world.clock), "", ""
    except NodeError as exc:
        return None, str(exc), exc.hint
    except (KeysError, ProtocolError) as exc:
        return None, str(exc), ""


PAGES: Final = (
    Page(
        name="overview",
        path="/console/",
        title="Overview",
        gather=gather,
        section=Section.TOP,
        roles=EVERYBODY,
        live=True,
    ),
)
