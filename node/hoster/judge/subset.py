"""What judges by one subset that a partner's home follows: its release, its connection, its spool, joined.

Whoever answers (the daemons, the SDK) makes one for each subset, and `JointJudge` makes one verdict of theirs.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from node.clock import SystemClock
from node.home import Home
from node.hoster.hits.homes import hit_spool, unconfirmed_files
from node.hoster.hits.spool import SpooledHit
from node.hoster.judge.joint import JointJudge
from node.hoster.judge.local import LocalJudge
from node.hoster.judge.queue import LookUpQueue
from node.hoster.release.release_in_force import InForce
from node.hoster.subsets import names_of

_CLOCK = SystemClock()

Tell = Callable[[str, SpooledHit, bool], None]
"""As `node.hoster.judge.local.Told`, with the name of the subset before it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SubsetJudge:
    """What judges by one subset."""

    home: Home
    name: str
    """Of the subset, as `sigfed --subset` takes it."""
    in_force: InForce
    judge: LocalJudge

    async def reload(self) -> bool:
        """Bring a newer release in use now; whether there was one."""
        if not await self.in_force.reload():
            return False
        self.judge.wake()
        return True


@asynccontextmanager
async def subset_judges(
    homes: Sequence[Home],
    *,
    images: bool,
    tell: Tell,
    answer_seconds: float | None = None,
    drain_seconds: float | None = None,
) -> AsyncIterator[tuple[SubsetJudge, ...]]:
    """One for each of a client's homes, in their order; what was begun when the block ends is recorded.

    `images` says whether pictures are hashed here. Look-ups that are under way at the end are waited for, at most
    `drain_seconds`: what is not answered by then is unknown, and kept.

    Raises:
        NotInitialisedError: nobody is enrolled in one of them.
    """
    async with AsyncExitStack() as stack:
        made = []
        for home, name in zip(homes, names_of(homes), strict=True):
            in_force = await stack.enter_async_context(InForce(home))
            queue = LookUpQueue(in_force.examiner)
            judge = LocalJudge(
                queue,
                in_force.examiner,
                spool=hit_spool(home),
                unconfirmed=unconfirmed_files(home),
                clock=_CLOCK,
                told=partial(tell, name),
                images=images,
                answer_seconds=answer_seconds,
            )
            stack.push_async_callback(judge.drain)
            await stack.enter_async_context(queue)
            stack.push_async_callback(judge.drain, drain_seconds)
            made.append(SubsetJudge(home=home, name=name, in_force=in_force, judge=judge))
        yield tuple(made)


def joint_judge(followed: Sequence[SubsetJudge]) -> JointJudge:
    """The one verdict of all of them."""
    return JointJudge({each.name: each.judge for each in followed})


def require_tried(followed: Sequence[SubsetJudge], *, images: bool) -> list[SubsetJudge]:
    """Those that files which are hashed here ask nothing, because `images` are not hashed.

    Of these every file is unknown, but who follows another subset as well has its hits.

    Raises:
        UsageError: they are all that is followed.
    """
    released = [each for each in followed if each.in_force.version]
    untried = [each for each in released if each.in_force.examiner().untried(images=images)]
    if len(untried) == len(followed):
        untried[0].in_force.examiner().require_tried(images=images)
    return untried
