"""Every action of a partner's console in Chromium, by keyboard: its form is found, filled in and sent.

Nobody answers where this home is enrolled: the page says so of what would reach the agency.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from node.console.hoster.surface import ACTIONS, SURFACE
from node.console.hoster.world import PartnerWorld
from node.store.accounts.records import PersonRole
from support.driving import Step, drive
from support.partner_console import EXAMPLES, Seat, partner_console_of, world_of
from support.windows import windows_open

_A = PersonRole.ANALYST

_STEPS: Sequence[Step[PartnerWorld]] = (
    Step("hit-hold", _A, "It is not purged before"),
    Step("hit-unhold", _A, "It is purged in its time"),
    Step("hit-reveal", _A, "shown once: "),
    Step("hit-report", _A, "fr.example cannot be reached", refused=True),
    Step("hits-report", _A, "fr.example cannot be reached", refused=True),
    Step("hit-resolve", _A, "is recorded", fields={"outcome": "removed"}),
    Step("update", _A, "fr.example cannot be reached", refused=True),
    Step("language", _A, "nothing, at .*/console/account$", fields={"language": "en"}),
)
_ELSEWHERE = {
    "hit-dispute": "test_a_hit_from_the_report_to_the_dispute",
    "hit-ask": "test_a_hit_from_the_report_to_the_dispute",
}
"""Their forms stand there once an agency has taken the hit: carried out beside one that runs, by that test."""
_BESIDE_A_NODE = Path(__file__).parents[1] / "cli" / "commands" / "test_partner_console.py"


def test_every_action_is_driven() -> None:
    assert sorted([*(step.action for step in _STEPS), *_ELSEWHERE]) == sorted(row.name for row in ACTIONS)
    for test in _ELSEWHERE.values():
        assert f"async def {test}(" in _BESIDE_A_NODE.read_text()


@pytest.mark.slow
async def test_actions_by_keyboard(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    await seat.hold()
    with seat.busy():
        async with partner_console_of(world_of(seat)) as running, windows_open() as windows:
            assert await drive(windows, running, SURFACE, EXAMPLES, _STEPS) == []
