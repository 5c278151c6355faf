"""Keys that a root names are replaced while everybody works: timestamp, targets, and all holders of the root.

FR's peer and its partner follow each next root by themselves. Each time somebody copied the keys before, and answers
for FR afterwards. It is played once; each test looks at one thing that came of it.
"""

from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from keys.errors import ThresholdError
from support.held_keys import HeldKeysThief, Refusals, Versions, root_versions
from support.key_holders import take_over
from support.load import Load, Request

pytestmark = pytest.mark.slow

ROLES = ("timestamp", "targets", "root")
FOLLOWERS = ("peer", "partner")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of it."""

    load: Load
    before: dict[str, Refusals]
    """How forgeries were refused while the keys still signed."""
    after: dict[str, Refusals]
    """And once their successors did."""
    at_the_end: dict[str, Refusals]
    versions: dict[str, Versions]
    """Of FR's root, by the role whose keys it replaced."""
    suspended: list[Request]
    """What was asked while FR had suspended the hoster, after all else."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("held")
    thieves: dict[str, HeldKeysThief] = {}
    before: dict[str, Refusals] = {}
    after: dict[str, Refusals] = {}
    versions: dict[str, Versions] = {}
    with Load(folder) as load:
        for role in ROLES:
            load.flow(1)
            thief = thieves[role] = HeldKeysThief(load, folder / f"stolen-{role}")
            before[role] = thief.refusals(role)
            replace(load, role, folder)
            load.flow(1)
            versions[role], after[role] = root_versions(load), thief.refusals(role)
            load.days_pass(1)
        load.flow(1)
        at_the_end = {role: thief.refusals(role) for role, thief in thieves.items()}
        suspended = suspend_the_hoster(load)
    return Told(
        load=load, before=before, after=after, at_the_end=at_the_end, versions=versions, suspended=suspended
    )


def suspend_the_hoster(load: Load) -> list[Request]:
    """What is asked from then on, taken out of what nothing of may have failed; nobody asks any more afterwards."""
    asked = len(load.requests)
    load.fr.done("partner", "suspend", "hoster")
    load.flow(1)
    load.stop()
    load.fr.done("partner", "resume", "hoster")
    suspended, load.requests[asked:] = load.requests[asked:], []
    return suspended


def replace(load: Load, role: str, folder: Path) -> None:
    """With the holders' keys at home, by one command; at last three holders with machines of their own take over."""
    if role == "root":
        take_over(load.fr, folder)
    else:
        load.fr.done("key", "rotate", role, "--yes")


def test_no_request_failed(told: Told) -> None:
    told.load.require_nothing_failed()


def test_a_failed_request_is_seen(told: Told) -> None:
    with patch.object(told.load, "requests", told.suspended), pytest.raises(AssertionError, match="hoster"):
        told.load.require_nothing_failed()


def test_peer_and_partner_follow_by_themselves(told: Told) -> None:
    assert told.versions == {
        role: Versions(fr=version, peer=version, partner=version) for version, role in enumerate(ROLES, 2)
    }


@pytest.mark.parametrize("follower", FOLLOWERS)
@pytest.mark.parametrize("role", ROLES)
def test_a_copied_key_works_until_the_next_root_and_not_after(told: Told, role: str, follower: str) -> None:
    assert getattr(told.before[role], follower) is None
    for refusals in (told.after[role], told.at_the_end[role]):
        refusal = getattr(refusals, follower)
        assert isinstance(refusal.__cause__ if follower == "partner" else refusal, ThresholdError)
