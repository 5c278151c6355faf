"""What this node records of each capability of the model national response, in sentences with numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from keys.trust.node_parts import LogStatus
from node.clock import DAY_MS, milliseconds
from node.console.languages import translated as _
from node.console.words import lasting, number
from node.console.world import World
from node.judgement.recall import Latency, recall
from node.lists.catalogue import ListReport, report_lists
from node.store.lists.records import LogKind
from protocol.lists.event import collection_name
from protocol.statement.case import Outcome
from protocol.statement.resolution import Action

LONGEST_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that is counted here."""

    what: str
    value: str


def facts(world: World) -> Mapping[int, Sequence[Figure]]:
    """By the number of the capability; what is not in it, this node knows nothing of."""
    lists, hits = report_lists(world.store), _hits(world)
    with world.store.read() as unit:
        synced = [peer.synced_ms for peer in unit.peers.ls()]
        proposals, enrolled = unit.proposals.open_count(), len(unit.partners.ls())
    partners = Figure(_("companies enrolled as partners"), number(enrolled))
    return {
        2: [partners, hits.reported],
        7: [*_entries(lists), *_federation(world, synced), _key_age(world)],
        12: [Figure(_("proposals of partners that wait to be looked at"), number(proposals))],
        16: [*hits.removals, *_recall(world)],
        17: [hits.reported, *hits.disputes],
        19: [partners, *hits.disputes],
        21: _collections(lists),
    }


def _entries(lists: Sequence[ListReport]) -> list[Figure]:
    own = sum(sum(each.active.values()) for each in lists if each.log.kind is LogKind.OWN_LIST)
    whole = sum(sum(each.active.values()) for each in lists)
    return [
        Figure(_("active entries in own lists"), number(own)),
        Figure(_("active entries in lists of other agencies"), number(whole - own)),
    ]


def _collections(lists: Sequence[ListReport]) -> list[Figure]:
    found: Counter[int] = Counter()
    for each in lists:
        found.update(each.active)
    return [
        Figure(_("active entries in collection {name}").format(name=collection_name(name)), number(count))
        for name, count in sorted(found.items())
        if count
    ] or [Figure(_("active entries"), number(0))]


def _federation(world: World, synced: Sequence[int]) -> list[Figure]:
    """How many agencies, what waits for this one's word, and how far behind it may be; `synced`: when, of each peer."""
    members = world.identity.trust.members().members
    countries = {member.country for member in members if member.country}
    judged = world.judge.known()
    lag = _("no peer is followed")
    if synced:
        lag = lasting(world.now_ms - min(synced)) if min(synced) else _("a peer was never synced")
    return [
        Figure(_("agencies in the register"), number(len(members))),
        Figure(_("countries in the register"), number(len(countries))),
        Figure(
            _("files of other agencies that wait for this one's word"),
            _("not counted yet") if judged is None else number(len(judged.waiting)),
        ),
        Figure(_("since the peer synced longest ago was synced"), lag),
    ]


def _key_age(world: World) -> Figure:
    """Of the keys in force that the node signs with by itself."""
    document, now = world.identity.trust.document(), world.identity.clock.now()
    windows = [
        *(key.valid for key in document.auth_keys),
        *(key.valid for key in document.token_keys),
        *(key.valid for key in document.statement_keys),
        *(key.valid for log in document.logs if log.status is LogStatus.ACTIVE for key in log.vkeys),
    ]
    starts = [window.start for window in windows if window.start <= now < window.end]
    age = lasting(milliseconds(now) - milliseconds(min(starts))) if starts else _("there is none")
    return Figure(_("age of the oldest online key"), age)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hits:
    """What partners found, and what became of it."""

    reported: Figure
    removals: Sequence[Figure]
    disputes: Sequence[Figure]


def _hits(world: World) -> _Hits:
    kept = world.identity.settings.retention.report_days
    days = min(kept or LONGEST_DAYS, LONGEST_DAYS)
    since_ms = world.now_ms - days * DAY_MS
    with world.store.read() as unit:
        reported = sum(unit.hits.by_day(since_ms=since_ms).values())
        waiting = unit.hits.counts(now_ms=world.now_ms)
        told = unit.hit_outcomes.resolved(since_ms=since_ms, within_ms=DAY_MS)
        cases = [case for case in unit.partner_cases.ls() if case.opened_ms >= since_ms]
    acted = [each for each in told if each.action != Action.FALSE_POSITIVE]
    removed = sum(each.count for each in acted)
    in_time = sum(each.in_time for each in acted)
    slowest = max((each.slowest_ms for each in acted), default=0)
    within = _("{count} of {all}").format(count=number(in_time), all=number(removed))
    window = _("in the last {days} days").format(days=days)
    upheld = sum(case.outcome == Outcome.UPHELD for case in cases)
    return _Hits(
        reported=Figure(_("hits reported {window}").format(window=window), number(reported)),
        removals=[
            Figure(_("files removed, disabled or preserved {window}").format(window=window), number(removed)),
            Figure(_("of these within 24 hours of the report"), within),
            Figure(_("longest time to removal"), lasting(max(slowest, 0)) if removed else "-"),
            Figure(
                _("hits overdue now: nobody said within 24 hours what became of the file"),
                number(waiting.overdue),
            ),
            Figure(_("open hits that no release lists any more"), number(waiting.withdrawn)),
        ],
        disputes=[
            Figure(_("disputes opened {window}").format(window=window), number(len(cases))),
            Figure(_("of these upheld: the list was wrong"), number(upheld)),
            Figure(_("of these not answered yet"), number(sum(case.outcome is None for case in cases))),
        ],
    )


def _recall(world: World) -> list[Figure]:
    found = recall(world.store)
    return [
        Figure(_("withdrawals that a peer has not applied yet"), number(found.open)),
        Figure(_("from a withdrawal until peers hold it"), _took(found.held)),
        Figure(_("from a withdrawal until peers release nothing that it ended"), _took(found.released)),
    ]


def _took(latency: Latency | None) -> str:
    if latency is None:
        return _("nothing was measured yet")
    middle, most = lasting(latency.median_ms), lasting(latency.max_ms)
    return _("median {median}, longest {longest}").format(median=middle, longest=most)
