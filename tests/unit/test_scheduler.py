"""Jobs: run again whatever happened before; our failures are journalled, bugs are not hidden."""

import asyncio

import pytest

from node.errors import PeerUnreachableError
from node.scheduler import Job, Scheduler, run_guarded


async def test_a_failed_job_is_journalled_and_does_not_stop_the_node(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails() -> None:
        raise PeerUnreachableError("nl.example does not answer")

    with caplog.at_level("INFO", logger="sigfed"):
        await run_guarded(Job(name="sync", minutes=1, work=fails))
    assert "job-failed job=sync error=PeerUnreachableError" in caplog.text


async def test_a_bug_is_raised() -> None:
    async def broken() -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError):
        await run_guarded(Job(name="sync", minutes=1, work=broken))


async def test_a_job_that_is_cut_off_as_the_node_stops_is_no_bug() -> None:
    begun = asyncio.Event()

    async def lasts() -> None:
        begun.set()
        await asyncio.Event().wait()

    running = asyncio.ensure_future(run_guarded(Job(name="sync", minutes=1, work=lasts)))
    await begun.wait()
    running.cancel()
    await running
    assert not running.cancelled()


async def test_only_jobs_with_an_interval_are_scheduled_and_they_run() -> None:
    ran = asyncio.Event()

    async def work() -> None:
        ran.set()

    scheduler = Scheduler([Job(name="sync", minutes=5, work=work), Job(name="publish", minutes=0, work=work)])
    scheduler.start()
    assert scheduler.names() == ["sync"]
    scheduler.run_now("sync")
    await asyncio.wait_for(ran.wait(), 60)
    scheduler.stop()
