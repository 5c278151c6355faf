"""`AsyncClient`: a partner's machine inside an asyncio program.

Decides what lives as long as the client (of each subset the release in memory, one connection and one token; hashing
processes) and what each call does. What is looked up at the same time shares batches; a hit is in the spool, durably,
before a call returns it; a node that does not answer makes files `unknown`, which are kept and looked up later.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from keys.errors import KeysError
from keys.message import Message
from node.clock import SystemClock, milliseconds
from node.errors import NodeError, UsageError, VerificationError
from node.files import try_locked
from node.hashing.file_hashes import Hashed
from node.hashing.open_files import HashProcesses, write_whole
from node.hashing.plan import HashPlan, images_installed
from node.home import Home
from node.hoster import client
from node.hoster.disclose import disclose as show
from node.hoster.disclose import require_switched_on
from node.hoster.events import FAILURES, Events
from node.hoster.hits import exchange
from node.hoster.hits.homes import hit_spool, home_of
from node.hoster.hits.instructions import unverified
from node.hoster.hits.resolutions import Action
from node.hoster.hits.spool import SpooledHit
from node.hoster.judge.machine import CONFIRM_LOCK
from node.hoster.judge.subset import SubsetJudge, joint_judge, require_tried, subset_judges
from node.hoster.release.update import UpdateReport
from node.hoster.settle import settle
from node.hoster.status import read_partner_status
from node.hoster.subsets import chosen
from node.ports.verdicts import Outcome, Verdict
from node.sdk.disclosure import disclosed_results, to_show
from node.sdk.notification import require_agreed, tell_each
from node.sdk.partition import Key, Row
from node.sdk.results import (
    DisclosedResult,
    FileResult,
    HitResult,
    ReportResult,
    StatusResult,
    UpdateResult,
    file_result,
    hit_result,
    joint_status,
    joint_update,
    report_result,
    status_result,
    update_result,
)
from node.sdk.screen import Screen, screen_of
from protocol.digest import Algorithm, Digest
from protocol.errors import ProtocolError

HOME_VARIABLE: Final = "SIGFED_HOME"
DEFAULT_JOBS: Final = 2
_CLOCK = SystemClock()
_Subset = TypeVar("_Subset")
_Value = TypeVar("_Value")


class AsyncClient:
    """Asks about files, and does what is to be done about hits. An async context manager; any task may use it."""

    def __init__(
        self,
        home: str | PathLike[str] | None = None,
        *,
        jobs: int = DEFAULT_JOBS,
        plan: HashPlan | None = None,
        subset: str = "",
    ) -> None:
        """The client enrolled in `home` (default: `SIGFED_HOME`, then the folder that the command line uses).

        Where it follows several subsets, each of them is asked; `subset` names one that is to be asked alone.

        `jobs` processes hash files by `plan` (default: pictures too, where the `images` extra is installed): a picture
        that crashes its decoder does not crash your program.
        """
        self._homes = _homes(home, subset)
        self._followed: tuple[SubsetJudge, ...] = ()
        self._judge = joint_judge(())
        plan = plan or HashPlan(images=images_installed())
        self._images = plan.images
        self._processes = HashProcesses(jobs, plan)
        self._loading = asyncio.Lock()
        self._open: AsyncExitStack | None = None
        self._used = False

    async def __aenter__(self) -> Self:
        """Load the releases in force.

        Raises:
            NotInitialisedError: nobody is enrolled there.
            NodeError: the agency's keys must be confirmed first, and that did not work.
        """
        if self._used:
            raise UsageError("a client is opened once", hint="make another one")
        self._used = True
        async with _clear(), AsyncExitStack() as stack:
            for home in self._homes:
                await client.confirmed(home)
            self._followed = await stack.enter_async_context(
                subset_judges(self._homes, images=self._images, tell=_nobody)
            )
            self._judge = joint_judge(self._followed)
            await stack.enter_async_context(self._processes)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            stack, self._open = self._open, None
            await stack.aclose()

    async def check_file(self, path: str | PathLike[str], name: str = "") -> FileResult:
        """What a file is; raises OSError when it cannot be read, is a link or no regular file.

        `name` is kept with a hit instead of the path: where people will find the file, when it is a copy that is read.
        """
        return await self._judged(await self._hashed(path), name or os.fspath(path))

    async def check_bytes(self, data: bytes, name: str = "") -> FileResult:
        """What a file is whose bytes are here; `name` is kept with a hit and never leaves this machine."""
        await self._fresh()
        descriptor = os.memfd_create("sigfed-check", os.MFD_CLOEXEC)
        try:
            await asyncio.to_thread(write_whole, descriptor, data)
            hashed = await self._processes.hash(descriptor)
        finally:
            os.close(descriptor)
        return await self._judged(hashed, name)

    async def check_hashes(self, hashes: Mapping[str, str], name: str = "") -> FileResult:
        """What a file is that is given by all its hashes: hexadecimal digits by algorithm (`sha256`, `md5`, `pdq` …).

        Give all that you have: the list may know it by any of them. Where no subset takes in any of the kinds given it
        is unknown.

        Raises:
            UsageError: an algorithm or value that is none.
        """
        digests = tuple(_digest(algorithm, digits) for algorithm, digits in hashes.items())
        if not digests:
            raise UsageError("no hash is given")
        await self._fresh()
        self._require_release()
        return await self._verdict([digests], name, handed=True)

    async def confirm(self, rows: Iterable[Row[Key]]) -> list[FileResult]:
        """What the files are that `scan_partition` gave rows of, in their order; names are the rows' keys."""
        await self._fresh()
        return list(await asyncio.gather(*(self._confirmed(row) for row in rows)))

    async def screen(self) -> Screen:
        """The screen of the release in force, or of each that is, for `scan_partition`.

        Raises:
            ListTooOldError: one ended; `update` brings a newer one.
        """
        await self._fresh()
        for each in self._followed:
            each.in_force.examiner().require_current()
        first, *others = (screen_of(each.in_force.release, each.in_force.version) for each in self._followed)
        return replace(first, others=tuple(others))

    async def hits(self) -> list[HitResult]:
        """All hits that were found on this machine, oldest first."""
        return await self._in_thread(self._hits)

    async def report(self, *ids: str, to: Sequence[str] = ()) -> ReportResult:
        """Report these hits to the agency, or without ids all that wait; what cannot be sent now stays.

        Then the reporters `to` of `partner.toml` are told of those that the agency confirmed.

        Raises:
            NotFoundError: there is no such hit here.
            UsageError: no reporter has that name, or nobody agreed to it yet: nothing was sent.
        """
        wanted = await self._in_thread(lambda: self._by_home(ids))
        for home in wanted:
            await self._in_thread(partial(require_agreed, home, to))

        async def reported(home: Home) -> ReportResult:
            done = await exchange.report(home, wanted[home])
            told, problem = await tell_each(home, wanted[home], to)
            return ReportResult(
                hits=tuple(hit_result(hit, self._name(home)) for hit in done.hits),
                left=done.left,
                problem="; ".join(filter(None, (done.problem, unverified(done.unverified), problem))),
                told=told,
            )

        return report_result(await self._each(wanted, lambda home: self._alone(lambda: reported(home))))

    async def disclose(self, *paths: str | PathLike[str]) -> list[DisclosedResult]:
        """Which of these pictures are near a listed one, by showing PDQ values to the agency, in the clear.

        Each is looked up privately first, as by `check_file`, and only what is not on the list is shown: to the agency
        of the first subset alone. Off until somebody switches it on in `partner.toml`, and the agency at its end.

        Raises:
            UsageError: it is switched off here; nothing was shown.
            OSError: a file cannot be read; nothing was shown.
        """
        await self._in_thread(lambda: require_switched_on(self._homes[0]))
        hashed = [await self._hashed(path) for path in paths]
        found = [await self._judged(each, os.fspath(path)) for each, path in zip(hashed, paths, strict=True)]
        shown = to_show(hashed, found)
        if not shown.values:
            return disclosed_results(found, shown, None)
        done = await self._alone(lambda: show(self._homes[0], shown))
        return disclosed_results(found, shown, done)

    async def resolve(self, hit_id: str, action: str) -> HitResult:
        """Record what became of a file: `removed`, `disabled`, `preserved` or `false-positive`; nothing is done to it.

        Of a reported hit the agency is told, unless `partner.toml` says otherwise; `update` makes up for it when
        it does not answer.

        Raises:
            NotFoundError: there is no such hit here.
            UsageError: it is no action, or more than one hit is meant.
        """
        try:
            wanted = Action(action)
        except ValueError:
            raise UsageError("an action is one of: {names}", ", ".join(Action)) from None

        async def resolved(home: Home) -> SpooledHit:
            return (await exchange.resolve(home, hit_id, wanted)).hit

        return await self._hit(hit_id, resolved)

    async def dispute(self, hit_id: str, reason: str, contact: str = "") -> HitResult:
        """Tell the agency that a reported hit is wrong.

        Raises:
            NotFoundError: there is no such hit here.
            UsageError: it is not reported yet, or the words do not fit.
            ConflictError: it was disputed before, with other words.
        """
        return await self._hit(
            hit_id, lambda home: exchange.dispute(home, hit_id, reason=reason, contact=contact)
        )

    async def status(self) -> StatusResult:
        """How this machine stands; nobody is asked."""
        return await self._in_thread(self._standing)

    async def update(self) -> UpdateResult:
        """Bring the newest release of each subset in force, as `sigfed update` does, and look up what was unknown.

        Raises:
            PeerUnreachableError: the agency does not answer.
            VerificationError: what it sent does not verify; the release before stays in force.
        """
        await self._fresh()

        async def updated(each: SubsetJudge) -> UpdateResult:
            report, wrong = await self._alone(partial(_updated, each.home))
            await self._fresh()
            each.judge.wake()
            confirmed = 0
            lock = each.home.partner / CONFIRM_LOCK
            with try_locked(lock) as ours:  # the daemon of this home confirms as well
                if ours:
                    confirmed = await each.judge.confirm()
            return update_result(report, each.name, confirmed, wrong)

        return joint_update(await self._each(self._followed, updated))

    async def _hashed(self, path: str | PathLike[str]) -> Hashed:
        await self._fresh()
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return await self._processes.hash(descriptor)
        finally:
            os.close(descriptor)

    async def _judged(self, hashed: Hashed, name: str) -> FileResult:
        self._require_release()
        require_tried(self._followed, images=self._images)
        faults = [fault.words for fault in hashed.faults]
        return await self._verdict([part.digests for part in hashed.parts], name, faults)

    async def _verdict(
        self,
        parts: Sequence[Sequence[Digest]],
        name: str,
        faults: Sequence[str] = (),
        *,
        handed: bool = False,
    ) -> FileResult:
        async with _clear():
            return file_result(name, (await self._judge.judge(parts, name, handed=handed)).whole, faults)

    async def _confirmed(self, row: Row[Key]) -> FileResult:
        name = str(row.key)
        if not row.parts and row.faults:
            unread = Verdict(outcome=Outcome.UNKNOWN, reason=row.faults[0])
            return file_result(name, unread, row.faults)
        return await self._verdict(row.parts, name, row.faults)

    async def _fresh(self) -> None:
        """Use what an update of this or another process put in force."""
        if self._open is None:
            raise UsageError("the client is not open", hint="use it in a with block")
        async with _clear(), self._loading:
            for each in self._followed:
                await each.reload()

    def _require_release(self) -> None:
        """Raise `NotInitialisedError` where there is nothing to look up in at all."""
        if not any(each.in_force.version for each in self._followed):
            self._followed[0].in_force.examiner()

    def _name(self, home: Home) -> str:
        """The name of the subset that is followed there."""
        return next(each.name for each in self._followed if each.home == home)

    def _hits(self) -> list[HitResult]:
        found = [
            (hit.found_ms, self._name(home), hit) for home in self._homes for hit in hit_spool(home).ls()
        ]
        return [hit_result(hit, name) for _, name, hit in sorted(found, key=lambda one: one[0])]

    def _by_home(self, ids: Sequence[str]) -> dict[Home, list[str]]:
        """Where each of these hits is; without ids, everywhere. Raises `NotFoundError` and `UsageError`."""
        if not ids:
            return {home: [] for home in self._homes}
        found: dict[Home, list[str]] = {}
        for text in ids:
            found.setdefault(home_of(self._homes, text), []).append(text)
        return found

    async def _hit(self, hit_id: str, work: Callable[[Home], Coroutine[Any, Any, SpooledHit]]) -> HitResult:
        home = await self._in_thread(lambda: home_of(self._homes, hit_id))
        return hit_result(await self._alone(lambda: work(home)), self._name(home))

    async def _each(
        self, subsets: Iterable[_Subset], work: Callable[[_Subset], Coroutine[Any, Any, _Value]]
    ) -> list[_Value]:
        """Do something for each subset; what fails keeps none of the others from it, and is raised at the end."""
        done: list[_Value] = []
        failure: NodeError | OSError | None = None
        for subset in subsets:
            try:
                done.append(await work(subset))
            except (NodeError, OSError) as exc:
                failure = failure or exc
        if failure is not None:
            raise failure
        return done

    async def _alone(self, work: Callable[[], Coroutine[Any, Any, _Value]]) -> _Value:
        """Run in a thread with a loop of its own: waiting for a lock that a command holds must not stop ours."""
        return await self._in_thread(lambda: asyncio.run(work()))

    @staticmethod
    async def _in_thread(work: Callable[[], _Value]) -> _Value:
        async with _clear():
            return await asyncio.to_thread(work)

    def _standing(self) -> StatusResult:
        now_ms = milliseconds(_CLOCK.now())
        return joint_status(
            [
                status_result(
                    read_partner_status(home), self._name(home), hit_spool(home).ls(), now_ms=now_ms
                )
                for home in self._homes
            ]
        )


async def _updated(home: Home) -> tuple[UpdateReport, list[str]]:
    """The report, and what went wrong with the operator's programs and with what is done about hits."""
    events = Events.of(home)
    try:
        report = (await client.update(home)).report
    except FAILURES as exc:
        list(events.failed(exc))
        raise
    wrong = list(events.updated(report))
    settled = await settle(home, anew=report.anew, verified=report.held)
    return report, [*wrong, *([settled.problem] if settled.problem else [])]


@asynccontextmanager
async def _clear() -> AsyncIterator[None]:
    """Turn failures of the inner layers into the one family that callers catch."""
    try:
        yield
    except (ProtocolError, KeysError) as exc:
        raise VerificationError("what the agency signed does not verify: {reason}", exc) from exc


def _homes(folder: str | PathLike[str] | None, subset: str) -> tuple[Home, ...]:
    named = os.environ.get(HOME_VARIABLE, "") if folder is None else folder
    home = Home(Path(named)) if named else Home.default()
    return (chosen(home, subset),) if subset else home.followed


def _digest(algorithm: str, digits: str) -> Digest:
    try:
        return Digest(Algorithm[algorithm.upper()], bytes.fromhex(digits))
    except KeyError:
        known = ", ".join(each.name.lower() for each in Algorithm)
        raise UsageError(
            "{algorithm} is no algorithm", repr(algorithm), hint=Message("there are: {known}", known)
        ) from None
    except (ValueError, ProtocolError):
        # The value itself is in no error: it may be of a listed file.
        raise UsageError(
            "the value of {algorithm} is no {algorithm} hash in hexadecimal digits", algorithm
        ) from None


def _nobody(_subset: str, _hit: SpooledHit, _late: bool) -> None:  # noqa: FBT001 -- as the judge calls it
    """A program hears of a hit by its result, and of one found late by `hits`."""
