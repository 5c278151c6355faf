"""What an update does with a bad release: the last good list stays, the reason is said, and nobody asks for ever."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from node.cli.exit_codes import ExitCode, exit_code
from node.clock import system_entropy
from node.errors import ListTooOldError, VerificationError
from node.hoster.lookup.examiner import Examiner
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.trust.node import known
from node.hoster.trust.witness_policy import unwitnessed
from protocol.messages import ReleasePart
from protocol.subset.files import Held, write_answers, write_screen
from support.release_logs import ScriptedLog, WitnessedWorld
from support.sodium import loaded_group

HELD, NEWEST = (1000, 1001, 1002), (1000, 1001, 1002, 1003)
Lie = Callable[[ScriptedLog, ReleasePart], bytes]
"""What a node sends as a part of release 3 to a partner that holds release 2."""


@pytest.fixture
async def world(tmp_path: Path) -> WitnessedWorld:
    """A partner that holds the second release; the node shows the third."""
    made = WitnessedWorld(tmp_path, members=(), rule=unwitnessed)
    made.log.release(range(500, 700))
    made.log.release(HELD)
    made.show()
    assert (await made.update()).new == 2
    made.log.release(NEWEST)
    made.show()
    return made


def part_of(log: ScriptedLog, part: ReleasePart, *, since: int, claimed: int | None = None) -> bytes:
    """The changes from one release to the third, perhaps said to be those from another."""
    held = Held(claimed or since, log.releases[since - 1])
    return (write_screen if part is ReleasePart.SCREEN else write_answers)(log.releases[2], since=held)


def from_a_release_that_is_not_held(log: ScriptedLog, part: ReleasePart) -> bytes:
    return part_of(log, part, since=1)


def from_another_base_than_it_says(log: ScriptedLog, part: ReleasePart) -> bytes:
    return part_of(log, part, since=1, claimed=2)


def the_files_of_the_release_before(log: ScriptedLog, part: ReleasePart) -> bytes:
    return log.part(2, part, None)


def truncated(log: ScriptedLog, part: ReleasePart) -> bytes:
    return log.part(3, part, 2)[:-1]


def nothing(log: ScriptedLog, part: ReleasePart) -> bytes:
    return b""


@pytest.mark.threat("an update that fails for ever")
@pytest.mark.parametrize(
    "lie",
    [
        from_a_release_that_is_not_held,
        from_another_base_than_it_says,
        the_files_of_the_release_before,
        truncated,
        nothing,
    ],
    ids=lambda lie: lie.__name__,
)
async def test_bad_files_leave_the_last_good_list_in_force(
    world: WitnessedWorld, lie: Lie, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ReleasePart] = []

    async def lying(_subset: str, *, part: ReleasePart, **_: object) -> bytes:
        asked.append(part)
        return lie(world.log, part)

    with monkeypatch.context() as patched:
        patched.setattr(world.node, "release_part", lying)
        with pytest.raises(VerificationError) as refused:
            await world.update()
    assert exit_code(refused.value) is ExitCode.VERIFICATION_FAILED
    assert str(refused.value)
    assert refused.value.hint
    assert (world.version, world.answers) == (2, set(HELD))
    assert len(asked) == len(set(asked)), "each part is asked for once"
    assert [path.name for path in (world.folder.folder / "releases").iterdir()] == ["2"]
    assert (await world.update()).new == 3
    assert world.answers == set(NEWEST)


@pytest.mark.threat("an update that fails for ever")
async def test_an_old_head_is_refused_once_a_newer_one_is_held(world: WitnessedWorld) -> None:
    replayed = world.node.note
    world.log.release((*NEWEST, 1004))
    world.show()
    await world.update()
    world.node.note = replayed
    with pytest.raises(VerificationError, match="rollback") as refused:
        await world.update()
    assert exit_code(refused.value) is ExitCode.VERIFICATION_FAILED
    assert (world.version, world.answers) == (4, {*NEWEST, 1004})


@pytest.mark.threat("an update that fails for ever")
async def test_a_head_that_only_repeats_itself_grows_too_old(world: WitnessedWorld) -> None:
    """A node that freezes the list wins three weeks, and no verdict after that."""
    await world.update()
    enrolment, held = HeldReleases(world.folder).in_force()
    examiner = Examiner(
        enrolment,
        known(enrolment),
        held,
        group=loaded_group,
        api=world.node,
        clock=world.clock,
        entropy=system_entropy,
    )
    world.clock.advance(timedelta(days=20))
    examiner.require_current()
    world.clock.advance(timedelta(days=2))
    with pytest.raises(ListTooOldError, match="ended on") as refused:
        examiner.require_current()
    assert exit_code(refused.value) is ExitCode.LIST_TOO_OLD
