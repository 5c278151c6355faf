"""What is done after each update of a partner: its batch is sent, and hits are looked after.

What the release does not list any more is closed, ends and answers of the agency are heard, what waits to be told is
told, what is kept long enough goes. Nothing of it changes how the update ended, or keeps it being told: what does
not work now is tried with the next.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from keys.errors import SigfedError
from keys.message import Message
from node.home import Home
from node.hoster.beat import BeatResult, beat
from node.hoster.client import update
from node.hoster.cover import whole_ticks
from node.hoster.events import FAILURES, Events
from node.hoster.hits.exchange import hear, judge, tell_waiting
from node.hoster.hits.instructions import unverified
from node.hoster.hits.retention import purge_hits, scrub
from node.hoster.hits.spool import SpooledHit
from node.hoster.own_node import MEANS, Means
from node.hoster.release.update import UpdateReport
from node.hoster.store.release import MappedRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of hits after an update."""

    found: tuple[SpooledHit, ...] = ()
    """New hits in files that scans stored."""
    closed: int = 0
    """Hits that waited, and that no release lists any more: they are not reported."""
    to_undo: int = 0
    """Hits that no release lists any more, and that somebody was told of, or acted on."""
    answered: int = 0
    """Disputes that the agency answered."""
    told: int = 0
    """Reported hits of which the agency was told what became of the file."""
    purged: int = 0
    """Hits that were finished long ago."""
    problem: str = ""
    """Why not all of it was done, in words."""


async def settle(
    home: Home, *, anew: float, verified: MappedRelease | None = None, means: Means = MEANS
) -> Settled:
    """Send the batch, judge, hear, tell and purge; never raises for what an update does not depend on.

    `anew` is what `UpdateReport` says, `verified` the release that it holds. Whatever is sent goes on a tick and, as
    the update of the home's next subset may follow, it ends on one: all of it takes longer when there are hits.
    """
    begun = asyncio.get_running_loop().time()
    beaten, ended = BeatResult(), dict[str, SpooledHit]()
    answered = told = purged = 0
    problems: list[str] = []
    with _going_on(problems):
        beaten = await beat(home, anew=anew, verified=verified, means=means)
        if beaten.problem:
            problems.append(Message("the batch after the update was not answered: {reason}", beaten.problem))
    with _going_on(problems):
        ended |= {hit.id: hit for hit in judge(home, means=means)}
    with _going_on(problems):
        heard = await hear(home, begun=begun, means=means)
        ended |= {hit.id: hit for hit in heard.ended}
        answered = len(heard.answered)
        if heard.unverified:
            problems.append(unverified(heard.unverified))
        if heard.problem:
            problems.append(
                Message("the agency was not asked about every reported hit: {reason}", heard.problem)
            )
    with _going_on(problems):
        done = await tell_waiting(home, begun=begun, means=means)
        told = len(done.hits)
        if done.problem:
            problems.append(
                Message("the agency was not told what became of every reported hit: {reason}", done.problem)
            )
    with _going_on(problems):
        purged = purge_hits(home, clock=means.clock)
    with _going_on(problems):
        scrub(home)
    to_undo = sum(hit.to_undo for hit in ended.values())
    await whole_ticks(begun)
    return Settled(
        found=beaten.found,
        closed=len(ended) - to_undo,
        to_undo=to_undo,
        answered=answered,
        told=told,
        purged=purged,
        problem=Message.joined("; ", list(dict.fromkeys(problems))),
    )


@contextmanager
def _going_on(problems: list[str]) -> Iterator[None]:
    """What fails keeps nothing that follows from being done: that the node is asked must not tell what was found."""
    try:
        yield
    except (SigfedError, OSError) as exc:
        problems.append(Message("hits were not followed up: {reason}", exc))


def bring_update(home: Home, *, say: Callable[[str], None]) -> tuple[UpdateReport, Settled]:
    """As `sigfed update` does it, with the operator's programs; what went wrong with those is said.

    In a loop of its own, so in a thread of its own: it waits for the lock of another update, and verifies for seconds.

    Raises:
        NodeError, KeysError, ProtocolError, OSError: as `update`; the operator's programs were told.
    """
    events = Events.of(home)
    try:
        report = asyncio.run(update(home)).report
    except FAILURES as exc:
        for words in events.failed(exc):
            say(words)
        raise
    for words in events.updated(report):
        say(words)
    return report, asyncio.run(settle(home, anew=report.anew, verified=report.held))
