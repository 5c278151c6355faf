"""What a node says of what ends, on the day it was founded, after half a year and after a year."""

from typing import Any

import pytest

from support.processes import Cli

LATE = {"targets metadata", "node document"}


def told(cli: Cli, clock: str) -> dict[str, Any]:
    """What `status` says when the clock is moved."""
    finished = cli.run("status", clock=clock)
    assert finished.exit == 0, finished.err
    return finished.first


@pytest.mark.parametrize(
    ("clock", "late", "ended"),
    [
        ("+1h", set(), set()),
        ("+15h", {"timestamp"}, set()),
        ("+100d", LATE, {"snapshot", "timestamp"}),
        ("+181d", set(), {*LATE, "snapshot", "timestamp"}),
    ],
    ids=["founded", "not running for a night", "past its half", "past its end"],
)
def test_status_tells_what_is_past_its_half(agency: Cli, clock: str, late: set[str], ended: set[str]) -> None:
    ends = told(agency, clock)["ends"]
    assert late <= {one["what"] for one in ends if one["standing"] == "late"}
    assert {one["what"] for one in ends if one["standing"] == "ended"} == ended
    assert all(one["stops"] and one["who"] and one["step"] for one in ends)


def test_status_ends_with_the_next_step_and_its_date(agency: Cli) -> None:
    finished = agency.run("status")
    due = finished.first["next_due"]
    assert due["alarm"] < due["end"]
    assert due["step"]


@pytest.mark.parametrize(
    ("clock", "exit_code", "healths"),
    [("+1h", 0, {"ok"}), ("+100d", 2, {"warn", "fail"}), ("+14d", 2, {"fail"})],
    ids=["founded", "past its half", "two weeks without a running node"],
)
def test_the_doctor_tells_the_same(agency: Cli, clock: str, exit_code: int, healths: set[str]) -> None:
    finished = agency.run("doctor", clock=clock)
    assert finished.exit == exit_code
    ends = [one for one in finished.results if one["check"] == "ends"]
    assert {one["health"] for one in ends} == healths
    if "ok" not in healths:
        assert len(ends) == len(told(agency, clock)["ends"])
        assert all(one["step"] for one in ends)


@pytest.mark.parametrize("clock", ["-20d", "+400d"], ids=["behind", "ahead"])
def test_the_doctor_suspects_a_clock_by_which_no_document_counts(agency: Cli, clock: str) -> None:
    finished = agency.run("doctor", clock=clock)
    [trust] = [one for one in finished.results if one["check"] == "trust"]
    assert trust["health"] == "fail"
    assert "clock" in trust["step"]
    assert finished.err.count("ends") <= 1, finished.err
