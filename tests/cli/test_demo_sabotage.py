"""Claims of the demonstration are spoilt in turn: each is seen not to hold, and the walk does not exit with 0.

The honest part before a sabotage is played once and taken up again; the sabotage makes the world wrong (see
`support.sabotage`), never the judgement.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.demo.chapters.chapters import CHAPTERS, claims_of
from node.demo.claims import CLAIMS
from node.demo.walk import HELD, NOT_HELD, REPORT, conclude, run, stage
from support.sabotage import DEEDS, sabotage
from support.sizes import size
from support.walks import Collector, KeptWalk, loaded_commands, names_of, play_to_claim, scenes_of

ROWS = 800
WALK = claims_of(CHAPTERS)
KINDS = (
    "grant-kept",  # a command with another option
    "heads-cosigned",  # a member that is none any more
    "quorum-hit",  # an entry taken back
    "single-agency-clean",  # another file listed
    "hit-evidence-verifies",  # a file altered
    "altered-screen-refused",  # an alteration undone
    "old-release-stays",  # a release cut short
    "withdrawn-clean",  # the wrong hashes
    "withdrawn-not-reported",  # a command too early
    "case-data-stays",  # a file at the wrong party
    "shredded-gone",  # a hash kept
    "audit-names-both",  # a record altered
)
"""One claim for each kind of sabotage."""
SPOILT = size(quick=KINDS, thorough=WALK)


def scene_of(claim: str) -> str:
    """The scene in which a claim is spoilt: that of its moment, which may be within an alteration."""
    moment = DEEDS[claim][0]
    return moment.replace("altered-", "alter-")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptWalk]:
    scenes = {scene_of(claim) for claim in (*SPOILT, WALK[-1])}
    with loaded_commands():
        yield KeptWalk(tmp_path_factory.mktemp("kept"), rows=ROWS, keep=scenes)


def test_every_claim_can_be_spoilt() -> None:
    assert list(DEEDS) == list(CLAIMS)
    assert {scene_of(claim) for claim in WALK} <= set(names_of(scenes_of(CHAPTERS)))


@pytest.mark.slow
def test_a_chapter_is_played_with_what_it_rests_on_alone(tmp_path: Path) -> None:
    output = Collector()
    with loaded_commands():
        assert run(tmp_path / "new", output=output, rows=ROWS, chapter="meet") == HELD
    *claims, last = output.results
    assert [(line["claim"], line["held"]) for line in claims] == [("grant-kept", True)]
    assert last["ok"]
    page = tmp_path.joinpath("new", REPORT).read_text(encoding="utf-8")
    assert " 1 claim held" in page
    assert "3. They meet" in page
    assert "4. They agree" not in page


@pytest.mark.parametrize("claim", WALK)
def test_one_claim_that_does_not_hold_decides_the_end(tmp_path: Path, claim: str) -> None:
    world = stage(tmp_path, output=Collector(), rows=0)
    for name in WALK:
        world.record.find(name, held=name != claim, detail="as it was seen")
    assert conclude(world, seconds=1.0) == NOT_HELD
    assert isinstance(world.listener, Collector)
    *found, last = world.listener.results
    assert [result["claim"] for result in found if not result["held"]] == [claim]
    assert last["ok"] is False
    assert "did not hold" in Path(world.place(REPORT)).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.threat("a poisoned entry")
@pytest.mark.parametrize("claim", SPOILT)
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


@pytest.mark.slow
def test_the_same_end_without_sabotage_holds(kept: KeptWalk) -> None:
    """What is taken up is sound: played honestly to its end, everything holds."""
    last = WALK[-1]
    world = kept.taken_up(scene_of(last))
    play_to_claim(world, kept.scenes, scene_of(last), last)
    assert conclude(world, seconds=1.0) == HELD
