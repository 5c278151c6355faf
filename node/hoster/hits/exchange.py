"""The hits of a partner's client: reported, proven, disputed and resolved, over the connection to its node."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from keys.message import Message
from node.clock import milliseconds
from node.errors import NodeError, VerificationError
from node.home import Home
from node.hoster.cover import whole_ticks
from node.hoster.folder import PartnerFolder
from node.hoster.hits.ends import judge_again, judged_by_releases
from node.hoster.hits.homes import alone, hit_spool
from node.hoster.hits.resolutions import Action
from node.hoster.hits.sender import HitSender
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.lookup.examiner import Examiner
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.own_node import MEANS, Means, examiner_of
from node.hoster.settings import load_partner_settings
from node.hoster.trust.node import known
from node.hoster.turns import Done, Turns, in_turn, is_of_one
from protocol.statement.case import CaseAnswer
from protocol.statement.end import ReportEnd
from protocol.statement.receipt import Receipt
from protocol.statement.resolution import ResolutionReceipt

Signed = TypeVar("Signed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported(Turns[SpooledHit]):
    """What became of hits that were to be reported."""

    hits: Sequence[SpooledHit]
    left: int
    """Hits that are still to be reported."""
    unverified: int = 0
    """As in `Heard`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Turns[SpooledHit]):
    """What became known of hits without anybody's doing here."""

    ended: Sequence[SpooledHit]
    """No release lists them any more."""
    answered: Sequence[SpooledHit]
    """Their disputes were answered."""
    unverified: int = 0
    """How many reports the node says have ended, where what it gave for that does not verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A hit of which it is recorded what became of the file."""

    hit: SpooledHit
    stopped: NodeError | None = None
    """Why the agency was not told, where it is to be."""

    @property
    def said(self) -> Message:
        """What left this machine with it, or why nothing did."""
        if self.stopped is not None:
            return Message("The agency was not told yet: {why}. The next update tells it.", self.stopped)
        if self.hit.acknowledged:
            return Message("The agency was told: the id of your report, what you did, and when.")
        if self.hit.not_told:
            return Message("The agency was not told: {why}.", self.hit.not_told)
        if self.hit.tried:
            return Message("The agency was not told: there is no receipt for the report.")
        return Message("Nobody was told: the hit is not reported.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A hit with what was signed about it, verified."""

    hit: SpooledHit
    receipt: Receipt | None
    answer: CaseAnswer | None
    acknowledged: ResolutionReceipt | None
    end: ReportEnd | None
    problem: VerificationError | None
    """Why something of that is missing: it does not verify any more, as of a key that was stolen since."""


async def report(home: Home, ids: Sequence[str]) -> Reported:
    """Report these hits, or without ids all that wait, and what became of them; the node down, what is left stays.

    A damaged file in the spool is told when everything else was reported.
    """
    reported: Done[SpooledHit] = Done(done=())
    told: Done[SpooledHit] = Done(done=())
    unverified = 0
    tells = _tells(home)

    def open_(hit: SpooledHit) -> bool:
        return hit.waiting or hit.untold

    with alone(home) as spool:
        hits, damage = spool.readable()
        wanted = [spool.get(text) for text in ids] if ids else [hit for hit in hits if open_(hit)]
        if wanted:
            async with reporting(home, spool) as (sender, examiner):
                # Where the quota is used up, what has to be evaluated again keeps nothing else from being reported.
                wanted.sort(key=lambda hit: sender.evaluates(hit, examiner))
                reported = await in_turn(wanted, lambda hit: sender.report(hit, examiner))
                if not tells:
                    told = Done(done=[sender.withhold(hit) for hit in reported.done])
                elif reported.stopped is None:
                    told = await in_turn(reported.done, sender.tell)
                unverified = len(sender.unverified)
        left = sum(open_(hit) for hit in spool.readable().hits)
    return Reported(
        hits=list({hit.id: hit for hit in (*reported.done, *told.done)}.values()),
        left=left,
        failed=[*reported.failed, *told.failed],
        stopped=reported.stopped or told.stopped or damage,
        unverified=unverified,
    )


async def evidence(home: Home, text: str) -> tuple[SpooledHit, bytes]:
    """A reported hit and the file that proves it; raises as `HitSender.evidence`."""
    spool = hit_spool(home)
    async with reporting(home, spool) as (sender, _):
        hit = spool.get(text)
        return hit, await sender.evidence(hit)


async def dispute(home: Home, text: str, *, reason: str, contact: str) -> SpooledHit:
    """Dispute a reported hit; raises as `HitSender.dispute`."""
    with alone(home) as spool:
        async with reporting(home, spool) as (sender, _):
            return await sender.dispute(spool.get(text), reason=reason, contact=contact)


async def show(home: Home, text: str) -> Shown:
    """A hit with its receipt and answer; the node is asked only while an answer is awaited."""
    with alone(home) as spool:
        async with reporting(home, spool) as (sender, _):
            hit = spool.get(text)
            if hit.disputed:
                hit = await sender.ask_case(hit)
            return _shown(sender, hit)


async def kept(home: Home, text: str) -> Shown:
    """A hit with what is kept of it; nobody is asked, and no command that changes hits is waited for."""
    PartnerFolder(home.partner).load()
    spool = hit_spool(home)
    hit = spool.get(text)
    async with reporting(home, spool) as (sender, _):
        return _shown(sender, hit)


def _shown(sender: HitSender, hit: SpooledHit) -> Shown:
    problems: list[VerificationError] = []

    def verified(look: Callable[[SpooledHit], Signed | None]) -> Signed | None:
        try:
            return look(hit)
        except VerificationError as exc:
            problems.append(exc)
            return None

    return Shown(
        hit=hit,
        receipt=verified(sender.receipt) if hit.receipt else None,
        answer=verified(sender.answer),
        acknowledged=verified(sender.acknowledged),
        end=verified(sender.end),
        problem=next(iter(problems), None),
    )


async def resolve(home: Home, text: str, action: Action) -> Resolved:
    """Record what became of a file, and tell the agency where it has the report; the node down, it is told later."""
    tells = _tells(home)
    with alone(home) as spool:
        async with reporting(home, spool) as (sender, _):
            hit = sender.resolve(spool.get(text), action)
            if not tells:
                return Resolved(hit=sender.withhold(hit))
            try:
                return Resolved(hit=await sender.tell(hit))
            except NodeError as exc:
                return Resolved(hit=hit, stopped=exc)


def judge(home: Home, *, means: Means = MEANS) -> list[SpooledHit]:
    """End the hits that the release in force does not list any more; nobody is asked."""
    with alone(home) as spool:
        if not judged_by_releases(spool):
            return []
        _, held = HeldReleases(PartnerFolder(home.partner)).in_force()
        return [] if held is None else judge_again(spool, held, now_ms=milliseconds(means.clock.now()))


async def hear(home: Home, *, begun: float, means: Means = MEANS) -> Heard:
    """Ask for what the node says of reported hits: ends, and answers. `begun` as in `reporting`.

    Nothing is asked of a home that reported nothing: only what was sent to the node can be asked about.
    """
    stopped: NodeError | None = None
    ended: list[SpooledHit] = []
    asked: Done[SpooledHit] = Done(done=())
    unverified = 0
    with alone(home) as spool:
        before = {hit.id: hit for hit in spool.readable().hits}
        told = [hit for hit in before.values() if hit.tried and not hit.end]
        disputed = [hit for hit in before.values() if hit.disputed]
        if told or disputed:
            async with reporting(home, spool, begun=begun, means=means) as (sender, _):
                try:
                    heard = await sender.hear_ends() if told else []
                    ended = [hit for hit in heard if _is_news(hit, before[hit.id])]
                except NodeError as exc:
                    stopped = exc
                if stopped is None or is_of_one(stopped):
                    asked = await in_turn([spool.find(hit.id) or hit for hit in disputed], sender.ask_case)
                unverified = len(sender.unverified)
    return Heard(
        ended=ended,
        answered=[hit for hit in asked.done if hit.answered],
        unverified=unverified,
        failed=asked.failed,
        stopped=stopped or asked.stopped,
    )


def _is_news(hit: SpooledHit, before: SpooledHit) -> bool:
    """Whether an end that was heard changes what a person is to know or to do."""
    return not before.ended_ms or (hit.to_undo and not before.to_undo)


async def tell_waiting(home: Home, *, begun: float, means: Means = MEANS) -> Reported:
    """Tell the agency what became of reported hits, where it was not told yet; reports themselves are not sent.

    `begun` as in `reporting`.
    """
    if not any(hit.untold for hit in hit_spool(home).readable().hits) or not _tells(home):
        return Reported(hits=(), left=0)
    with alone(home) as spool:
        untold = [hit for hit in spool.readable().hits if hit.untold]
        async with reporting(home, spool, begun=begun, means=means) as (sender, _):
            told = await in_turn(untold, sender.tell)
    left = len(untold) - len(told.done)
    return Reported(hits=told.done, left=left, failed=told.failed, stopped=told.stopped)


def _tells(home: Home) -> bool:
    return load_partner_settings(home.folder).hits.tell_resolutions


@asynccontextmanager
async def reporting(
    home: Home, spool: HitSpool, *, begun: float | None = None, means: Means = MEANS
) -> AsyncIterator[tuple[HitSender, Examiner]]:
    """What reports, and what evaluates again what an older epoch found; nothing is sent until one of them is used.

    `begun` is when somebody began what by itself leads to requests, on the loop's clock: reading the spool takes
    longer with each hit in it, and the node must not see how many were not reported.
    """
    enrolment, held = HeldReleases(PartnerFolder(home.partner)).in_force()
    async with means.reach(home, enrolment) as node:
        examiner = examiner_of(home, enrolment, held, node, means.clock)
        sender = HitSender(spool, enrolment, known(enrolment), node, means.clock)
        if begun is not None:
            await whole_ticks(begun)
        yield sender, examiner
