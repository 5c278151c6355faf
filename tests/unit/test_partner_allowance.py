"""What is left of a day's evaluations, as a partner's home counts them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.hoster.lookup.allowance import Meter
from support.fakes_api import HandClock

PER_DAY = 8_640
"""One every ten seconds."""


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2026, 5, 4, 12, tzinfo=UTC))


@pytest.fixture
def meter(tmp_path: Path, clock: HandClock) -> Meter:
    return Meter(tmp_path, PER_DAY, clock)


def test_before_the_first_nothing_is_known(meter: Meter) -> None:
    assert meter.left() is None


def test_it_empties_and_fills_over_a_day(meter: Meter, clock: HandClock) -> None:
    meter.spent(64)
    meter.spent(64)
    assert meter.left() == PER_DAY - 128
    clock.advance(640)
    assert meter.left() == PER_DAY - 64
    clock.advance(24 * 60 * 60)
    assert meter.left() == PER_DAY


def test_when_the_node_refuses_it_is_right(meter: Meter, clock: HandClock) -> None:
    meter.spent(64)
    meter.used_up()
    assert meter.left() == 0
    clock.advance(12 * 60 * 60)
    assert meter.left() == PER_DAY // 2


def test_it_is_never_less_than_none(meter: Meter) -> None:
    meter.spent(PER_DAY + 1)
    assert meter.left() == 0


def test_a_smaller_quota_counts_at_once(meter: Meter, clock: HandClock) -> None:
    meter.spent(64)
    assert Meter(meter.folder, 1000, clock).left() == 1000


def test_a_clock_that_goes_back_fills_nothing(meter: Meter, clock: HandClock) -> None:
    meter.spent(640)
    clock.advance(-3600)
    assert meter.left() == PER_DAY - 640


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"left": "x", "at_ms": 1}', '{"left": 1}', '{"left": 1e999}']
)
def test_what_is_damaged_is_not_known(meter: Meter, text: str) -> None:
    meter.spent(64)
    (meter.folder / "allowance.json").write_text(text)
    assert meter.left() is None
    meter.spent(64)
    assert meter.left() == PER_DAY - 64


def test_a_folder_that_takes_nothing_stops_nothing(tmp_path: Path, clock: HandClock) -> None:
    (tmp_path / "file").touch()
    meter = Meter(tmp_path / "file", PER_DAY, clock)
    meter.spent(64)
    meter.used_up()
    assert meter.left() is None


def test_only_its_owner_reads_it(meter: Meter) -> None:
    meter.spent(64)
    assert (meter.folder / "allowance.json").stat().st_mode & 0o777 == 0o600
