"""What a partner's overview says: how old the list is, what failed, what runs, what is left, and what to do first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from node.clock import HOUR_MS
from node.errors import PeerUnreachableError
from node.hoster.events import Events
from node.hoster.folder import PartnerFolder
from node.hoster.judge.daemons import running_daemon
from node.hoster.lookup.allowance import Meter
from node.hoster.release.last_update import LastUpdate, keep_last_update
from node.store.accounts.records import PersonRole
from support.partner_console import Seat, partner_console_of, world_of
from support.release_logs import LIFE

GRACE = timedelta(days=7)


@asynccontextmanager
async def looking(seat: Seat) -> AsyncIterator[str]:
    """The words of the overview."""
    async with partner_console_of(world_of(seat)) as console, console.as_role(PersonRole.VIEWER) as browser:
        reply = await browser.get("/console/")
    assert reply.status == 200
    yield reply.words


async def words_of(seat: Seat) -> str:
    async with looking(seat) as words:
        return words


async def test_a_home_in_which_all_is_well(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    await seat.hold()
    words = await words_of(seat)
    assert "Nothing needs you now." in words
    assert "current 1 99" in words
    assert "in 14 days" in words
    assert "none is known of since this home was set up" in words
    assert "none runs" in words
    assert "all 1,000 evaluations of a day are left: none was made yet" in words


async def test_a_home_without_a_list(tmp_path: Path) -> None:
    words = await words_of(Seat(tmp_path))
    assert "No list is held yet." in words
    assert "none held" in words


@pytest.mark.parametrize(
    ("age", "loud", "need"),
    [
        (LIFE - timedelta(minutes=1), "", ""),
        (LIFE, "In its grace it can be used until", "list is outdated, and in its grace urgent"),
        (LIFE + GRACE, "its grace is over", "list is outdated, and nothing can be looked up urgent"),
    ],
    ids=["current", "grace", "over"],
)
async def test_an_outdated_list_is_loud(tmp_path: Path, age: timedelta, loud: str, need: str) -> None:
    seat = Seat(tmp_path)
    await seat.hold()
    seat.pass_time(age)
    words = await words_of(seat)
    assert ("The list is outdated" in words) == bool(loud)
    assert loud in words
    assert need in words


async def test_a_damaged_list_keeps_nothing_else_from_being_shown(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    await seat.hold()
    seat.find("a.jpg", hours_ago=30)
    (seat.home.partner / "releases" / "1" / "answers.u64").write_bytes(b"nonsense")
    words = await words_of(seat)
    assert "The list cannot be read." in words
    assert "sigfed update --whole" in words
    assert "1 hit is overdue: say what became of the file urgent" in words


async def test_the_last_update_and_its_error(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    await seat.hold()
    failed = LastUpdate(at_ms=seat.now_ms - 2 * HOUR_MS, error="the node does not answer", hint="try later")
    keep_last_update(seat.home.partner, failed)
    words = await words_of(seat)
    assert "failed 2 hours ago the node does not answer try later" in words
    assert "1 failed update: the last one" in words
    keep_last_update(seat.home.partner, LastUpdate(at_ms=seat.now_ms - HOUR_MS))
    words = await words_of(seat)
    assert "went well 1 hour ago" in words
    assert "Nothing needs you now." in words


async def test_why_an_update_failed_is_said_in_the_language_of_the_page(tmp_path: Path) -> None:
    """Also once it was kept: another process made the update."""
    seat = Seat(tmp_path)
    await seat.hold()
    error = PeerUnreachableError("{node} did not answer in time", "fr.example")
    for _ in Events.of(seat.home).failed(error):
        pass
    async with partner_console_of(world_of(seat)) as console, console.as_role(PersonRole.VIEWER) as browser:
        french = await browser.get("/console/", Accept_Language="fr")
    assert "pas répondu à temps" in french.words


async def test_a_daemon_is_found_while_it_runs(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    await seat.hold()
    began_ms = seat.now_ms - 3 * HOUR_MS
    with running_daemon(seat.home.partner, "icap", now_ms=began_ms):
        assert "runs sigfed icap , for 3 hours" in await words_of(seat)
    assert "none runs" in await words_of(seat)


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        (400, "about 600 of 1,000 evaluations a day are left; all are back in 9 hours"),
        (1000, "used up of 1,000 evaluations a day; all are back in 24 hours"),
        (0, "all 1,000 evaluations of a day are left"),
    ],
)
async def test_what_is_left_of_the_quota_and_when_it_is_back(tmp_path: Path, spent: int, words: str) -> None:
    seat = Seat(tmp_path)
    await seat.hold()
    enrolment, _ = PartnerFolder(seat.home.partner).load()
    Meter.of(PartnerFolder(seat.home.partner), enrolment, seat.world.clock).spent(spent)
    assert words in await words_of(seat)


async def test_what_is_overdue_comes_first(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    await seat.hold()
    for name, hours_ago in (("a.jpg", 2), ("b.jpg", 25), ("c.jpg", 26)):
        seat.find(name, hours_ago=hours_ago)
    words = await words_of(seat)
    overdue = words.index("2 hits are overdue: say what became of the files urgent")
    assert overdue < words.index("1 hit to resolve within its 24 hours")
    assert "3 hits are recorded here, and nobody was told yet" in words
