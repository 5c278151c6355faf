"""The chapter in which every key is replaced: it holds, and each of its claims is seen when it is spoilt.

It is played once, and taken up again where something is spoilt.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.demo.chapters.chapters import claims_of, programme
from node.demo.parties import Party
from node.demo.walk import HELD, NOT_HELD, REPORT, conclude
from support.sabotage import DEEDS, sabotage
from support.sizes import size
from support.walks import KeptWalk, loaded_commands, play_to_claim

pytestmark = pytest.mark.slow

*BEFORE, ASK, ROTATION = programme("rotation")
CHAPTERS = (*BEFORE, replace(ASK, name="enrol", scenes=ASK.scenes[:1]), ROTATION)
"""What it rests on: a hoster that has enrolled; what that asks and reports is another test's matter."""
CLAIMS = claims_of([ROTATION])
SPOILT = size(quick=("every-key-rotated", "old-copy-refused"), thorough=CLAIMS)
STEPS = [scene.name for scene in ROTATION.scenes if scene.name.startswith(("rotate-", "renew"))]
ROWS = 60
_SCENES = {"copied": "copy", "cards": "rotate-root"}
"""Of moments within a scene."""


def scene_of(claim: str) -> str:
    """The scene in which a claim is spoilt."""
    moment = DEEDS[claim][0]
    return _SCENES.get(moment, moment)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptWalk]:
    scenes = {"try-copy", *(scene_of(claim) for claim in SPOILT)}
    with loaded_commands():
        yield KeptWalk(tmp_path_factory.mktemp("kept"), rows=ROWS, keep=scenes, chapters=CHAPTERS)


@pytest.mark.parametrize("claim", SPOILT)
def test_a_spoilt_claim_is_seen(kept: KeptWalk, claim: str) -> None:
    world = kept.taken_up(scene_of(claim))
    assert all(finding.held for finding in world.record.findings), "honest so far"
    world.at_moment = sabotage(claim)
    play_to_claim(world, kept.scenes, scene_of(claim), claim)
    found = next(finding for finding in world.record.findings if finding.claim.name == claim)
    assert not found.held
    assert not found.detail.startswith("not tested")
    world.record.give_up("the test has seen enough")
    assert conclude(world, seconds=1.0) == NOT_HELD


def test_the_chapter_holds_and_shows_everybodys_view(kept: KeptWalk) -> None:
    world = kept.taken_up("try-copy")
    play_to_claim(world, kept.scenes, "try-copy", CLAIMS[-1])
    assert [finding for finding in world.record.findings if not finding.held] == []
    assert conclude(world, seconds=1.0) == HELD
    page = Path(world.place(REPORT)).read_text(encoding="utf-8")
    assert page.count('<span class="number">') == 3 + len(STEPS), "a row each, and three looks at all keys"
    assert page.count("counts no key of the beginning") == len(Party)
    assert page.count("has said that it knows") == len(STEPS) - 2, (
        "storage and the hoster's key are not NL's matter"
    )
    assert "9. Every key is replaced" in page
