"""`sigfed status` and `sigfed doctor` of a partner: how old the list is, who stands behind it, what is wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import VerificationError
from node.health import Health
from node.hoster.lookup.allowance import Meter
from node.hoster.status import PartnerStatus, examine_partner, read_partner_status
from support import partner_console
from support.partner_console import BE, LISTED, NL


class Seat(partner_console.Seat):
    """A partner's home, and what is said of it."""

    @property
    def status(self) -> PartnerStatus:
        return read_partner_status(self.home, clock=self.world.clock)

    @property
    def found(self) -> dict[str, Health]:
        return {check.name: check.health for check in examine_partner(self.home, clock=self.world.clock)}

    def words(self, name: str) -> str:
        checks = examine_partner(self.home, clock=self.world.clock)
        return next(f"{check.words} / {check.step}" for check in checks if check.name == name)


@pytest.fixture
def seat(tmp_path: Path) -> Seat:
    return Seat(tmp_path)


FINE = dict.fromkeys(("enrolment", "list", "witnesses", "libsodium", "group", "files"), Health.OK)


async def test_a_list_that_is_as_it_should_be(seat: Seat) -> None:
    await seat.hold()
    assert seat.found == FINE
    now = seat.status
    assert (now.version, now.entries, now.ahead, now.gone, now.evidence) == (1, len(LISTED) - 1, 0, 0, ())
    assert list(now.words) == [
        "2 of 2 needed witnesses stand behind it (be.example, nl.example), last on 2026-05-04 12:00 UTC"
    ]
    assert now.cosigned_ms == int(seat.world.clock.now().timestamp() * 1000)


async def test_what_is_left_of_a_day_is_told_once_something_was_counted(seat: Seat) -> None:
    await seat.hold()
    assert seat.status.evaluations_left is None
    Meter.of(seat.world.folder, seat.status.enrolment, seat.world.clock).spent(64)
    assert seat.status.evaluations_left == seat.status.enrolment.evaluations_per_day - 64


async def test_before_the_first_release(seat: Seat) -> None:
    now = seat.status
    assert (now.version, now.entries, now.backing, now.cosigned_ms, list(now.words)) == (0, 0, None, 0, [])
    assert seat.found == {
        "enrolment": Health.OK,
        "list": Health.FAIL,
        "libsodium": Health.OK,
        "group": Health.OK,
        "files": Health.OK,
    }


@pytest.mark.parametrize(
    ("days", "health", "says"),
    [
        (13, Health.OK, "valid until 2026-05-18"),
        (15, Health.WARN, "in its grace"),
        (22, Health.FAIL, "ended on 2026-05-18"),
    ],
)
async def test_the_age_of_the_list(seat: Seat, days: int, health: Health, says: str) -> None:
    await seat.hold()
    seat.world.clock.advance(timedelta(days=days))
    assert seat.found["list"] is health
    assert says in seat.words("list")


async def test_cosignatures_that_are_too_old(seat: Seat) -> None:
    await seat.hold()
    seat.world.clock.advance(timedelta(days=14, seconds=1))
    assert seat.found["witnesses"] is Health.WARN
    assert seat.words("witnesses").startswith("0 of 2 needed witnesses stand behind it / sigfed update")


async def test_a_release_that_waits(seat: Seat) -> None:
    await seat.hold()
    seat.world.log.release((*LISTED[3:], 7))
    seat.world.show(NL)
    with pytest.raises(VerificationError):
        await seat.world.update()
    assert seat.found == FINE | {"waiting": Health.WARN}
    assert list(seat.status.words)[1] == (
        "release 2 waits for witnesses; 3 answers that it takes away are gone already"
    )


async def test_evidence_that_is_kept(seat: Seat) -> None:
    await seat.hold()
    earlier = seat.world.log.copy()
    seat.world.log.release(LISTED)
    seat.world.show(NL, BE)
    await seat.world.update()
    seat.world.show(NL, BE, log=earlier)
    with pytest.raises(VerificationError, match="rollback"):
        await seat.world.update()
    assert seat.found == FINE | {"evidence": Health.WARN}
    (kept,) = seat.status.evidence
    assert f"evidence is kept in {kept}" in list(seat.status.words)


@pytest.mark.parametrize("name", ["manifest.cbor", "screen.u64", "answers.u64"])
async def test_a_file_that_is_cut(seat: Seat, name: str) -> None:
    await seat.hold()
    path = seat.home.partner / "releases/1" / name
    path.write_bytes(path.read_bytes()[:-1])
    assert seat.found == {"state": Health.FAIL}
    assert "sigfed update --whole" in seat.words("state")
