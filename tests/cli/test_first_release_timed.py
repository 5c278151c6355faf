"""From nothing to a first release, and to a first check: typed from the README, and timed.

The promise is thirty minutes for people. The commands must leave nearly all of that to them.
"""

import sys
from itertools import takewhile

import pytest

from support.tour import Done

PROMISE_SECONDS = 30 * 60


def _until(done: list[Done], words: str) -> list[Done]:
    before = list(takewhile(lambda one: words not in one.step.command, done))
    assert len(before) < len(done), f"no command has {words}"
    return done[: len(before) + 1]


def test_an_agency_to_its_first_release_and_a_hoster_to_its_first_check(
    readme_tour: list[Done], capsys: pytest.CaptureFixture[str]
) -> None:
    agency = _until(readme_tour, "subset release")
    hoster = [one for one in _until(readme_tour, "sigfed check") if one.step.who == "hoster"]
    agencies = {who: sum(one.seconds for one in agency if one.step.who == who) for who in ("fr", "nl")}
    seconds = sum(one.seconds for one in hoster)
    with capsys.disabled():
        sys.stdout.write(
            f"\n  first release: {agencies['fr']:.0f} s of commands at the releasing agency"
            f" ({len(agency)} commands, {agencies['nl']:.0f} s at the other);"
            f" first check: {seconds:.0f} s of commands at the hoster ({len(hoster)} commands)\n"
        )
    assert any("subset release" in one.step.command and one.exit_code == 0 for one in agency)
    assert any("HIT" in line for one in hoster for line in one.printed)
    assert sum(agencies.values()) + seconds < PROMISE_SECONDS
