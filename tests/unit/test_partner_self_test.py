"""The self-test of releases: asked once an epoch, repeated here in each later release, and never passed by guessing."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from node.errors import OverQuotaError, VerificationError
from node.hoster.release.self_test import SelfTest, self_test
from node.hoster.store.kinds import FactName, Kind
from protocol.subset.canary import ABSENT, PRESENT
from protocol.subset.files import Held
from protocol.subset.label import CANARY_LABEL
from support.partner_rows import bodies, replace_body, spoil
from support.subsets import LABEL, build_screen, make_release, output

OUTPUTS = [output("present"), output("absent")]


def held(version: int, *names: str, epoch: int = 1, screened: bool = True) -> Held:
    """A release whose answers are the outputs of these names."""
    labels = [CANARY_LABEL if name == "present" else LABEL for name in names]
    outputs = [output(name) for name in names]
    release = make_release(range(len(names)), outputs=outputs, labels=labels, epoch=epoch)
    screen = build_screen([PRESENT] if screened else [ABSENT], release.manifest.screen_width)
    return Held(version, replace(release, screen=screen))


class Node:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self) -> Sequence[bytes]:
        self.asked += 1
        return OUTPUTS


async def test_the_node_is_asked_once_an_epoch(tmp_path: Path) -> None:
    node = Node()
    releases = [
        held(1, "present", "one"),
        held(2, "present", "one", "two"),
        held(3, "present", epoch=2),
        held(4, "present", "one", epoch=2),
    ]

    how = [await self_test(tmp_path, release, node) for release in releases]

    assert how == [SelfTest.ASKED, SelfTest.HERE, SelfTest.ASKED, SelfTest.HERE]
    assert node.asked == 2


@pytest.mark.parametrize(
    ("release", "text"),
    [
        (held(2, "one", "two"), "the answers miss the test file"),
        (held(2, "present", "absent"), "a file that is on no list is a hit"),
        (held(2, "present", screened=False), "the screen misses the test file"),
    ],
    ids=["no hit", "all hits", "screened out"],
)
async def test_a_later_release_that_fails_is_refused_unasked(
    tmp_path: Path, release: Held, text: str
) -> None:
    node = Node()
    await self_test(tmp_path, held(1, "present"), node)

    with pytest.raises(VerificationError, match=f"release 2: self-test: {text}"):
        await self_test(tmp_path, release, node)

    assert node.asked == 1


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"subset": 1}', json.dumps({"subset": "", "epoch": 1, "pk": "", "outputs": ["AA=="]})],
)
async def test_what_is_kept_and_damaged_is_asked_for_again(tmp_path: Path, text: str) -> None:
    node = Node()
    await self_test(tmp_path, held(1, "present"), node)
    replace_body(tmp_path, Kind.FACT, FactName.SELF_TEST, text.encode())

    assert await self_test(tmp_path, held(2, "present"), node) is SelfTest.ASKED
    assert await self_test(tmp_path, held(3, "present"), node) is SelfTest.HERE


async def test_what_could_not_be_asked_is_not_kept(tmp_path: Path) -> None:
    async def used_up() -> Sequence[bytes]:
        raise OverQuotaError("used up", retry_after_seconds=60)

    with pytest.raises(OverQuotaError):
        await self_test(tmp_path, held(1, "present"), used_up)

    assert await self_test(tmp_path, held(2, "present"), Node()) is SelfTest.ASKED


async def test_what_the_disk_altered_is_asked_for_again(tmp_path: Path) -> None:
    await self_test(tmp_path, held(1, "present"), Node())
    [kept] = bodies(tmp_path, Kind.FACT).values()
    spoil(tmp_path, Kind.FACT, FactName.SELF_TEST, kept.replace(b'"epoch": 1', b'"epoch": 2'))
    assert await self_test(tmp_path, held(2, "present"), Node()) is SelfTest.ASKED
