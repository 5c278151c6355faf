"""Each claim of the demonstration is spoilt in turn: it is seen not to hold, and the walk does not exit with 0.

The honest part before a sabotage is played once and taken up again; the sabotage makes the world wrong (see
`node.demo.sabotage`), never the judgement.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.demo.chapters import CHAPTERS, claims_of
from node.demo.claims import CLAIMS
from node.demo.sabotage import DEEDS, VARIABLE, from_environment, nothing, sabotage
from node.demo.walk import HELD, NOT_HELD, REPORT, conclude
from node.errors import UsageError
from support.walks import Collector, KeptWalk, forked_commands, names_of, play_to_claim, scenes_of

ROWS = 800
WALK = claims_of(CHAPTERS)


def scene_of(claim: str) -> str:
    """The scene in which a claim is spoilt: that of its moment, which may be within an alteration."""
    moment = DEEDS[claim][0]
    return moment.replace("altered-", "alter-")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptWalk]:
    scenes = {scene_of(claim) for claim in WALK}
    with forked_commands():
        yield KeptWalk(tmp_path_factory.mktemp("kept"), rows=ROWS, keep=scenes)


def test_every_claim_can_be_spoilt() -> None:
    assert list(DEEDS) == list(CLAIMS)
    assert {scene_of(claim) for claim in WALK} <= set(names_of(scenes_of(CHAPTERS)))


@pytest.mark.parametrize("claim", WALK)
def test_a_spoilt_claim_is_seen(kept: KeptWalk, claim: str) -> None:
    world = kept.taken_up(scene_of(claim))
    assert all(finding.held for finding in world.record.findings), "honest so far"
    world.at_moment = sabotage(claim)
    play_to_claim(world, kept.scenes, scene_of(claim), claim)
    world.record.give_up("the test has seen enough")
    assert conclude(world, seconds=1.0) == NOT_HELD
    assert isinstance(world.listener, Collector)
    *found, last = world.listener.results
    spoilt = next(result for result in found if result["claim"] == claim)
    assert spoilt["held"] is False
    assert not spoilt["detail"].startswith("not tested")
    assert last["ok"] is False
    assert Path(last["report"]).name == REPORT


def test_the_same_end_without_sabotage_holds(kept: KeptWalk) -> None:
    """What is taken up is sound: played honestly to its end, everything holds."""
    last = WALK[-1]
    world = kept.taken_up(scene_of(last))
    play_to_claim(world, kept.scenes, scene_of(last), last)
    assert conclude(world, seconds=1.0) == HELD


def test_the_environment_asks_for_a_sabotage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert from_environment() is nothing
    monkeypatch.setenv(VARIABLE, "quorum-hit")
    assert from_environment() is not nothing
    monkeypatch.setenv(VARIABLE, "no-such-claim")
    with pytest.raises(UsageError, match="names no claim"):
        from_environment()
