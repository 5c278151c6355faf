"""The judge as daemons and the SDK hold it: all subsets that are followed, hashing processes, what is done by itself.

By itself it brings newer releases in use, looks up what waits, and updates, for each subset apart.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from node.clock import MINUTE_MS, SystemClock, milliseconds, system_entropy
from node.errors import NodeError
from node.files import try_locked
from node.hashing.open_files import HashProcesses
from node.hashing.plan import HashPlan, images_installed
from node.home import Home
from node.hoster.beat import beat
from node.hoster.cover import beat_minutes
from node.hoster.events import FAILURES
from node.hoster.folder import PartnerFolder
from node.hoster.hits.spool import SpooledHit
from node.hoster.hooks import Facts, Hooks
from node.hoster.judge.daemons import running_daemon
from node.hoster.judge.inspection import LocalInspector
from node.hoster.judge.joint import JointJudge
from node.hoster.judge.subset import SubsetJudge, joint_judge, require_tried, subset_judges
from node.hoster.settings import AgentSettings, load_partner_settings
from node.hoster.settle import bring_update
from node.journal import Journal
from node.pages.text import counted

RELOAD_SECONDS: Final = 2.0
"""An update of another process is in force here this soon."""
CONFIRM_SECONDS: Final = 30.0
MAX_WAITING_PROGRAMS: Final = 1000
"""Hits of which the operator's program is still to be told."""
ANSWER_SECONDS: Final = 15.0
"""An upload waits for the node so long at most."""
DRAIN_SECONDS: Final = 10.0
"""What is being looked up when the daemon is told to stop may take this long; a node may never answer."""
HASHING_SECONDS: Final = 60.0
"""A file waits so long at most for a process that hashes it."""
STALLED_SECONDS: Final = 10.0
"""Where one has waited so long, no verdicts are given."""
CONFIRM_LOCK: Final = "confirm.lock"
"""Held by whoever looks up what waits."""
BEAT_LOCK: Final = "beat.lock"
"""Held by the daemon that sends this home's batches."""
_ASKING: Final = 2
"""Works of one subset that wait for its node: the update, and the beat."""
_SPLAY: Final = 0.1
"""Part of an interval by which it varies, so that a thousand partners do not ask at the same moment."""
_ANSWERS: Final = "answers"
"""How a node stands that is asked."""
_CLOCK: Final = SystemClock()
_journal = Journal("agent")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judging:
    """What gateways are given."""

    followed: tuple[SubsetJudge, ...]
    """One for each subset, the first that the home follows before the others."""
    judge: JointJudge
    inspector: LocalInspector
    processes: HashProcesses
    images: bool
    """Whether pictures are hashed."""
    fail_closed: bool

    async def reload(self) -> None:
        """Bring newer releases in use now."""
        for each in self.followed:
            await each.reload()

    def serves(self) -> dict[str, object]:
        """What is judged by: the first subset and its release, and where several are followed each of them."""
        each = [{"subset": one.name, "version": one.in_force.version} for one in self.followed]
        return {**each[0], **({"subsets": each} if len(each) > 1 else {})}

    def standing(self) -> Mapping[str, Any]:
        """How it stands, in facts without a hash; where several subsets are followed, all of it and each of them."""
        each = [self._standing(one) for one in self.followed]
        whole = each[0]
        if len(each) > 1:
            silent = next((one for one in each if not one["serving"]), None)
            whole = whole | {
                "serving": silent is None,
                "reason": f"{silent['subset']}: {silent['reason']}" if silent else "",
                "not_after_ms": min(one.in_force.not_after_ms for one in self.followed),
                "node": next((one["node"] for one in each if one["node"] != _ANSWERS), _ANSWERS),
                "waiting": sum(one.judge.waiting for one in self.followed),
            }
        waited = self.processes.waited_seconds
        if whole["serving"] and waited > STALLED_SECONDS:
            whole = whole | {"serving": False, "reason": f"files wait {waited:.0f} s to be hashed"}
        return whole | {"fail_closed": self.fail_closed} | ({"subsets": each} if len(each) > 1 else {})

    def _standing(self, followed: SubsetJudge) -> dict[str, Any]:
        in_force, reason = followed.in_force, self._silence(followed)
        return {
            "serving": not reason,
            "reason": reason,
            "subset": followed.name,
            "version": in_force.version,
            "entries": in_force.entries,
            "not_after_ms": in_force.not_after_ms,
            "node": followed.judge.failure or _ANSWERS,
            "waiting": followed.judge.waiting,
        }

    def _silence(self, followed: SubsetJudge) -> str:
        """Why no verdicts of a subset are given; empty while they are."""
        try:
            examiner = followed.in_force.examiner()
            examiner.require_current()
            examiner.require_tried(images=self.images)
        except NodeError as exc:
            return str(exc)
        return ""


@asynccontextmanager
async def judging(
    homes: Sequence[Home], settings: AgentSettings, *, kind: str, fail_closed: bool
) -> AsyncIterator[Judging]:
    """Judge by every subset of `homes` while the block lasts; what was begun at its end is recorded.

    `homes` are those of one client; `kind` is the command that serves.

    Raises:
        NotInitialisedError: nobody is enrolled in this home.
        UsageError: it follows subsets of PDQ values alone, and nothing here hashes pictures.
    """
    async with AsyncExitStack() as stack:
        images = images_installed()
        # Nodes that say nothing hold these threads for minutes; hits are written down with the loop's own.
        asking = ThreadPoolExecutor(_ASKING * len(homes), "asking")
        stack.push_async_callback(asyncio.to_thread, asking.shutdown, cancel_futures=True)
        telling = stack.enter_context(_Telling(Hooks(load_partner_settings(homes[0].folder).hooks)))
        followed = await stack.enter_async_context(
            subset_judges(
                homes,
                images=images,
                tell=telling.tell,
                answer_seconds=ANSWER_SECONDS,
                drain_seconds=DRAIN_SECONDS,
            )
        )
        for each in require_tried(followed, images=images):
            _journal.error("not-judged", subset=each.name, reason="no pictures are hashed here")
        jobs = settings.jobs or os.cpu_count() or 1
        processes = await stack.enter_async_context(
            HashProcesses(jobs, HashPlan(images=images), wait_seconds=HASHING_SECONDS)
        )
        judge = joint_judge(followed)
        made = Judging(
            followed=followed,
            judge=judge,
            inspector=LocalInspector(judge, processes, max_bytes=settings.max_file_mib * 2**20),
            processes=processes,
            images=images,
            fail_closed=fail_closed,
        )
        for each in followed:
            await stack.enter_async_context(_working(each, settings, telling, asking))
            stack.enter_context(running_daemon(each.home.partner, kind, now_ms=milliseconds(_CLOCK.now())))
        yield made


@asynccontextmanager
async def _working(
    followed: SubsetJudge, settings: AgentSettings, telling: "_Telling", asking: Executor
) -> AsyncIterator[None]:
    """Do what is done by itself for one subset while the block lasts; `asking` has threads that may wait for nodes."""
    home, judge = followed.home, followed.judge
    loop = asyncio.get_running_loop()

    async def confirm() -> None:
        with try_locked(home.partner / CONFIRM_LOCK) as mine:  # another daemon of this home confirms as well
            if mine and judge.waiting:
                confirmed = await judge.confirm()
                _journal.info("confirmed", subset=followed.name, files=confirmed, waiting=judge.waiting)

    async def bring() -> None:
        if not await asyncio.to_thread(updated_lately, home, settings.update_minutes, now=_CLOCK.now()):
            # In a loop of its own: it waits for the lock of another update, and verifies for seconds.
            await loop.run_in_executor(asking, _update, followed, telling)
        await followed.reload()

    beating = ExitStack()  # holds the lock from the first beat on: of several daemons of a home one sends
    mine = False

    async def cover() -> None:
        nonlocal mine
        with ExitStack() as trying:
            mine = mine or trying.enter_context(try_locked(home.partner / BEAT_LOCK))
            if mine:
                beating.push(trying.pop_all())
                await loop.run_in_executor(asking, _beat, followed, telling)

    works = [
        _every(RELOAD_SECONDS, followed.reload),
        _every(CONFIRM_SECONDS, confirm, begin_seconds=0.0),
        _every(beat_minutes(followed.in_force.evaluations_per_day) * 60, cover),
    ]
    if settings.update_minutes:
        minute = 60.0
        works.append(_every(settings.update_minutes * minute, bring))
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        beating.close()


async def _every(
    seconds: float, work: Callable[[], Awaitable[object]], *, begin_seconds: float | None = None
) -> None:
    """Do something again and again, about so often; what fails is journalled and tried again at its next time."""
    wait = seconds if begin_seconds is None else begin_seconds
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        pause = wait * (1 + _SPLAY * (int.from_bytes(system_entropy(2)) / 2**15 - 1))
        await asyncio.sleep(began + pause - loop.time())  # how long the work took shows in no later moment
        wait, began = seconds, loop.time()
        try:
            await work()
        except FAILURES as exc:
            _journal.warning("failed", error=type(exc).__name__, reason=str(exc))
        except Exception as exc:  # noqa: BLE001 - it must be done again; its text may hold anything
            _journal.error("failed", error=type(exc).__name__)


def updated_lately(home: Home, minutes: float, *, now: datetime) -> bool:
    """Whether somebody updated this home in the later half of so many minutes.

    Several daemons of one home bring each other's updates in use: one of them asks the node, not each.
    """
    enrolment, _ = PartnerFolder(home.partner).load()
    age_ms = milliseconds(now) - enrolment.confirmed_ms
    return 0 <= age_ms < minutes * MINUTE_MS / 2  # a clock that was ahead must not keep updates away


def _update(followed: SubsetJudge, telling: "_Telling") -> None:
    """As the command does it, with the operator's programs."""
    subset = followed.name
    report, settled = bring_update(followed.home, say=lambda words: _say([words]))
    _journal.info("updated", subset=subset, old=report.old, new=report.new)
    telling.late(subset, settled.found)
    if settled.closed or settled.to_undo:
        _journal.warning("hits-withdrawn", subset=subset, closed=settled.closed, to_undo=settled.to_undo)
    if settled.told or settled.purged or settled.answered:
        _journal.info(
            "hits", subset=subset, told=settled.told, purged=settled.purged, answered=settled.answered
        )
    if settled.problem:
        _journal.warning("hits", subset=subset, reason=settled.problem)


def _beat(followed: SubsetJudge, telling: "_Telling") -> None:
    """Send the batch that is due, whatever there is to ask; in a loop of its own, for judging takes seconds."""
    beaten = asyncio.run(beat(followed.home))
    telling.late(followed.name, beaten.found)
    if beaten.problem:
        _journal.warning("beat", subset=followed.name, reason=beaten.problem)


class _Telling:
    """Tells of hits: the journal at once, the operator's program one after another. A context manager.

    Whoever uploads a listed file again and again has the program run for it once at a time; many hits do not pile up
    without bound. None of them is lost: they are in the spool.
    """

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._worker = ThreadPoolExecutor(1, "on-hit")
        self._waiting: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(cancel_futures=True)  # the hits are in the spool; stopping must not take hours
        if self._waiting:
            untold = counted(len(self._waiting), "hit")
            _say([f"the program of on_hit was not told of {untold}: see sigfed hit ls"])

    def tell(self, subset: str, hit: SpooledHit, late: bool) -> None:  # noqa: FBT001 - as `Tell` says
        """Neither hears of the file's name or of what it met: whoever needs them asks with `sigfed hit show`."""
        facts = {
            "hit": hit.id,
            "subset": subset,
            "late": "yes" if late else "no",
            "weak": "yes" if hit.weak else "no",
        }
        _journal.warning("hit", **facts)
        if hit.id in self._waiting:
            return
        if len(self._waiting) >= MAX_WAITING_PROGRAMS:
            _say(["the program of on_hit is not told of this hit: too many wait for it"])
            return
        self._waiting.add(hit.id)
        self._worker.submit(self._run, hit.id, {**facts, "collection": hit.collection})

    def late(self, subset: str, hits: Iterable[SpooledHit]) -> None:
        """Tell of hits in files that were stored before."""
        for hit in hits:
            self.tell(subset, hit, True)  # noqa: FBT003 - as `Tell` says

    def _run(self, hit_id: str, facts: Facts) -> None:
        self._waiting.discard(hit_id)
        _say(self._hooks.found(facts))


def _say(wrong: Iterable[str]) -> None:
    for words in wrong:
        _journal.warning("program", reason=words)
