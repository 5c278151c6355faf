"""The judge by one subset: screen, shared look-ups, and what happens when the node cannot be asked.

The rules: a hit is in the spool, durably, before anybody is told of it, also when whoever asked has gone away. What
cannot be looked up is `UNKNOWN` with the reason in words, never clean; it is kept durably and looked up later, and a
hit that is found then is recorded and told like any other. Whether an unknown file may pass is for whoever answers. A
node that does not answer is left alone for a while, so that uploads do not queue up behind its timeouts.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Final

from node.clock import Clock, milliseconds
from node.errors import NodeError, OverQuotaError, PeerUnreachableError
from node.files import refused
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.judge.queue import LookUpQueue
from node.hoster.lookup.examiner import Examiner, Hit
from node.hoster.lookup.unconfirmed_files import Unconfirmed, UnconfirmedFiles
from node.journal import Journal
from node.ports.verdicts import CLEAN, Outcome, Verdict, Verdicts
from protocol.digest import Digest
from protocol.errors import ProtocolError

FIRST_REST_SECONDS: Final = 2.0
LONGEST_REST_SECONDS: Final = 60.0
"""The node is asked again at least this often, whatever happened; only a quota says more."""
CONFIRMED_AT_ONCE: Final = 1_000
"""Files that wait and are looked up in one go."""
LOOKED_UP_TOGETHER: Final = 100
"""Of these, so many share batches: each alone would cost a padded batch of its own, and a beat."""
_journal = Journal("judge")

Told = Callable[[SpooledHit, bool], None]
"""Hears of each hit that is in the spool, and whether it was found late: after the file had passed as unknown."""


class LocalJudge:
    """`node.ports.verdicts.Judge` over what is held on this machine."""

    def __init__(
        self,
        queue: LookUpQueue,
        examining: Callable[[], Examiner],
        *,
        spool: HitSpool,
        unconfirmed: UnconfirmedFiles,
        clock: Clock,
        told: Told,
        images: bool = True,
        answer_seconds: float | None = None,
    ) -> None:
        """Whoever asks waits `answer_seconds` for the node at most: what is not answered by then is unknown.

        `images` says whether pictures are hashed on this machine.
        """
        self._queue = queue
        self._examining = examining
        self._spool = spool
        self._unconfirmed = unconfirmed
        self._clock = clock
        self._told = told
        self._images = images
        self._answer_seconds = answer_seconds
        self._recording = asyncio.Lock()
        self._working: set[asyncio.Task[Verdicts]] = set()
        self.late = 0
        """Hits of files that had passed as unknown."""
        self._failure: NodeError | ProtocolError | None = None
        self._rests_until = 0.0
        self._rest = FIRST_REST_SECONDS

    @property
    def version(self) -> int:
        """Of the release that is looked up in; 0: there is none yet."""
        try:
            return self._examining().version
        except NodeError:
            return 0

    @property
    def failure(self) -> str:
        """Why the node is left alone now, in words; empty while it is asked."""
        return str(self._failure) if self._resting() else ""

    @property
    def waiting(self) -> int:
        """Files that wait for a verdict."""
        return len(self._unconfirmed)

    async def judge(self, parts: Sequence[Sequence[Digest]], name: str, *, handed: bool = False) -> Verdicts:
        """As the port says. Whoever asked may leave: what was begun is recorded all the same."""
        work = asyncio.create_task(self._judged(parts, name, self._asking_nothing(parts, handed=handed)))
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        return await asyncio.shield(work)

    async def drain(self, seconds: float | None = None) -> None:
        """Wait, at most so long, until everything that was begun is recorded."""
        if self._working:
            await asyncio.wait(self._working, timeout=seconds)

    def wake(self) -> None:
        """Ask the node again from now on: it answered, or there is another release."""
        self._failure, self._rests_until, self._rest = None, 0.0, FIRST_REST_SECONDS

    async def confirm(self) -> int:
        """Look up what waits; how many of them have their verdict now. Nothing is raised for a node that is down."""
        if self._resting():
            return 0
        confirmed = 0
        while confirmed < CONFIRMED_AT_ONCE:
            waiting, damaged = await asyncio.to_thread(self._unconfirmed.readable, LOOKED_UP_TOGETHER)
            if damaged:
                _journal.error("unconfirmed-damaged", files=damaged)
            done = await asyncio.gather(*map(self._confirmed, waiting))
            confirmed += sum(done)
            if not done or not all(done):
                break
        return confirmed

    async def _confirmed(self, waiting: Unconfirmed) -> bool:
        verdicts, failure = await self._looked_up(waiting.parts, waiting.name, late=True)
        if failure is not None or not all(map(_is_settled, verdicts.values())):
            return False
        await asyncio.to_thread(self._unconfirmed.forget, waiting)
        return True

    def _asking_nothing(self, parts: Sequence[Sequence[Digest]], *, handed: bool) -> dict[int, Verdict]:
        """Those whose hashes ask the release in force nothing: it is known before anything is looked up or kept.

        Of each release anew: the first may come after the start.
        """
        try:
            examiner = self._examining()
        except NodeError:
            return {}  # without a release every file is unknown, and kept until there is one
        if handed:
            reasons = dict(enumerate(map(examiner.unasked, parts)))
        else:
            reasons = dict.fromkeys(range(len(parts)), examiner.untried(images=self._images))
        return {
            place: Verdict(outcome=Outcome.UNKNOWN, reason=reason, asked=not handed)
            for place, reason in reasons.items()
            if reason
        }

    async def _judged(
        self, parts: Sequence[Sequence[Digest]], name: str, verdicts: dict[int, Verdict]
    ) -> Verdicts:
        """All of them; `verdicts` has those that are known already."""
        asked = [place for place in range(len(parts)) if place not in verdicts]
        failure = None
        if asked:
            found, failure = await self._looked_up([parts[place] for place in asked], name, late=False)
            verdicts |= {asked[place]: verdict for place, verdict in found.items()}
        left = [place for place in asked if place not in verdicts]
        unsettled = [place for place, verdict in verdicts.items() if not _is_settled(verdict)]
        if left or unsettled:
            await self._keep([parts[place] for place in sorted([*left, *unsettled])], name)
            verdicts |= dict.fromkeys(left, Verdict(outcome=Outcome.UNKNOWN, reason=str(failure)))
        return Verdicts(tuple(verdicts[place] for place in range(len(parts))))

    async def _looked_up(
        self, parts: Sequence[Sequence[Digest]], name: str, *, late: bool
    ) -> tuple[dict[int, Verdict], NodeError | ProtocolError | None]:
        """Verdicts by place, and why some are missing."""
        found: dict[int, Verdict] = {}
        try:
            if self._resting():
                return self._screened(parts), self._failure
            async for place, hit in self._in_time(
                self._queue.verdicts(parts), None if late else self._answer_seconds
            ):
                found[place] = await self._verdict(hit, name, late=late)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the file is unknown and must be kept
            failure = _in_words(exc)
            self._leave_alone(failure)
            return found, failure
        self.wake()
        return found, None

    async def _in_time(
        self, answers: AsyncIterator[tuple[int, Hit | None]], seconds: float | None
    ) -> AsyncIterator[tuple[int, Hit | None]]:
        """The answers, until it takes too long: the connection to the node is more patient than who uploads."""
        until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        while True:
            try:
                async with asyncio.timeout_at(until):
                    answer = await anext(answers, None)
            except TimeoutError:
                raise PeerUnreachableError("the agency's node did not answer in time") from None
            if answer is None:
                return
            yield answer

    def _screened(self, parts: Sequence[Sequence[Digest]]) -> dict[int, Verdict]:
        """Those that the screen clears, without asking the node."""
        examiner = self._examining()
        examiner.require_current()
        survivors = frozenset(examiner.survivors(parts))
        return {place: verdict_of(None) for place in range(len(parts)) if place not in survivors}

    async def _verdict(self, hit: Hit | None, name: str, *, late: bool) -> Verdict:
        if hit is None or hit.test_file:
            return verdict_of(hit)
        try:
            kept = await self._record(hit, name)
        except Exception as exc:  # noqa: BLE001 - it is a hit all the same, and must not pass for unknown
            _journal.error("hit-not-recorded", reason=_not_kept(exc))
            return replace(verdict_of(hit), reason="the hit could not be recorded on this machine")
        self.late += late
        self._told(kept, late)
        return verdict_of(hit, hit_id=kept.id)

    async def _record(self, hit: Hit, name: str) -> SpooledHit:
        now_ms = milliseconds(self._clock.now())
        async with self._recording:
            return await asyncio.to_thread(self._recorded, hit, name, now_ms)

    def _recorded(self, hit: Hit, name: str, now_ms: int) -> SpooledHit:
        kept = self._spool.record(hit, name=name, now_ms=now_ms)
        assert kept is not None, "a hit that is not the test file has a report"
        return kept

    async def _keep(self, parts: Sequence[Sequence[Digest]], name: str) -> None:
        now_ms = milliseconds(self._clock.now())
        try:
            kept = await asyncio.to_thread(self._unconfirmed.keep, parts, name=name, now_ms=now_ms)
        except Exception as exc:  # noqa: BLE001 - its verdict must be told
            _journal.error("unconfirmed-not-kept", reason=_not_kept(exc))
            return
        if not kept:
            _journal.error("unconfirmed-not-kept", reason="too many wait already")

    def _resting(self) -> bool:
        return monotonic() < self._rests_until

    def _leave_alone(self, exc: NodeError | ProtocolError) -> None:
        now = monotonic()
        if now < self._rests_until:
            return  # told by the same failure already
        seconds = float(exc.retry_after_seconds) if isinstance(exc, OverQuotaError) else self._rest
        self._failure, self._rests_until = exc, now + seconds
        self._rest = min(self._rest * 2, LONGEST_REST_SECONDS)
        _journal.warning("not-answered", error=type(exc).__name__, reason=str(exc), seconds=seconds)


def _is_settled(verdict: Verdict) -> bool:
    """Whether nothing is left to do: a hit that could not be recorded is looked up again, when it can."""
    return verdict.outcome is not Outcome.HIT or bool(verdict.hit_id)


def _not_kept(exc: Exception) -> str:
    """Why something was not kept, as far as it may be told: see `_in_words`."""
    if isinstance(exc, OSError):
        exc = refused("the folder", exc)
    return str(exc) if isinstance(exc, NodeError) else type(exc).__name__


def _in_words(exc: Exception) -> NodeError | ProtocolError:
    """Why a look-up failed; the text of an error that nobody foresaw may hold anything, and is not told."""
    if isinstance(exc, NodeError | ProtocolError):
        return exc
    return NodeError("the look-up failed: {kind}", type(exc).__name__)


def verdict_of(hit: Hit | None, *, hit_id: str = "") -> Verdict:
    """The verdict of a file that was looked up; `hit_id` is that of the hit in the spool."""
    if hit is None:
        return CLEAN
    return Verdict(
        outcome=Outcome.TEST_FILE if hit.test_file else Outcome.HIT,
        algorithms=tuple(algorithm.name.lower() for algorithm in hit.algorithms),
        collection=hit.collection,
        countries=tuple(dict.fromkeys(source.country for source in hit.sources)),
        weak=hit.weak,
        hit_id=hit_id,
    )
