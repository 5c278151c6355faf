"""The key of a release log was stolen: what a partner refuses, what it keeps, and how it goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from keys.key import LogPrivateKey
from keys.roles import Role
from keys.trust.lifecycle import Lineage
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import FinalCheckpoint
from keys.trust.revocations import Reason, Revocation, none_revoked
from keys.trust.tuf.target_files import REVOKED_FILE
from node.errors import VerificationError
from node.hoster.trust.node import known
from node.trust.own import window
from node.trust.successors import with_key
from support.release_logs import LOG_KEY, WitnessedWorld
from support.subsets import ORIGIN
from support.trust import sign_revocations

NEW_KEY = LogPrivateKey.from_seed(b"n" * 32)


@pytest.fixture
def world(tmp_path: Path) -> WitnessedWorld:
    made = WitnessedWorld(tmp_path, members=())
    made.log.release([1, 2, 3])
    made.show()
    return made


def take_back(world: WitnessedWorld, *, last_good: int, resumes: int | None) -> None:
    """The holders take the key of the release log back; another signs."""
    fr, now = world.fr, world.fr.clock.now()
    (info,) = (log for log in fr.trust.document().logs if log.origin == ORIGIN)
    entry = Revocation(
        role=Role.LOG,
        key=info.vkeys[0].vkey,
        time=now.replace(microsecond=0),
        reason=Reason.COMPROMISE,
        last_good=FinalCheckpoint(last_good, b"\x01" * 32),
        resumes=resumes,
    )

    def change(document: NodeDocument) -> NodeDocument:
        return with_key(document, Lineage(Role.LOG, ORIGIN), NEW_KEY.public, window(now, 365))

    fr.trust.revise_revocations(
        lambda old: replace(old, entries=(entry,)), document=change, signers=fr.signers
    )


async def test_a_release_by_the_stolen_key_is_refused(world: WitnessedWorld) -> None:
    await world.update()
    take_back(world, last_good=1, resumes=1)
    world.log.release([1])
    world.show()
    with pytest.raises(VerificationError):
        await world.update()
    assert world.answers == {1, 2, 3}


@pytest.mark.threat("a stolen online key")
async def test_what_a_thief_may_have_released_is_not_taken_and_the_next_release_is(
    world: WitnessedWorld,
) -> None:
    await world.update()
    world.log.release([1, 2, 3, 66])
    take_back(world, last_good=1, resumes=2)
    world.node.show(key=NEW_KEY)
    with pytest.raises(VerificationError, match="release 2 may be that of a thief"):
        await world.update()
    assert (world.version, world.answers) == (1, {1, 2, 3})
    world.log.release([1, 2, 3, 4])
    world.node.show(key=NEW_KEY)
    report = await world.update()
    assert (report.new, world.answers, report.warnings) == (3, {1, 2, 3, 4}, ())


async def test_a_release_of_a_thief_that_is_in_force_is_named(world: WitnessedWorld) -> None:
    world.log.release([1])
    world.show()
    await world.update()
    take_back(world, last_good=1, resumes=2)
    world.node.show(key=NEW_KEY)
    report = await world.update()
    assert "release 2, which is in force, may be that of a thief" in " ".join(report.warnings)
    world.log.release([1, 2, 3])
    world.node.show(key=NEW_KEY)
    report = await world.update()
    assert (report.new, world.answers, report.warnings) == (3, {1, 2, 3}, ())


async def test_revocations_that_are_held_are_never_forgotten(world: WitnessedWorld) -> None:
    await world.update()
    take_back(world, last_good=1, resumes=1)
    world.node.show(key=NEW_KEY)
    await world.update()
    enrolment, _ = world.folder.load()
    assert known(enrolment).revocations == world.fr.trust.revocations()
    emptied = sign_revocations(replace(none_revoked(world.fr.name), version=9), world.fr.signers)
    world.fr.files.put(REVOKED_FILE, emptied)
    world.fr.trust.leave_room(lambda document: document, signers=world.fr.signers, room=1)
    with pytest.raises(VerificationError, match="do not follow"):
        await world.update()


@pytest.mark.parametrize("shown", [None, b"{}"], ids=["nothing", "something else"])
async def test_an_update_stops_without_the_revocations(world: WitnessedWorld, shown: bytes | None) -> None:
    await world.update()
    take_back(world, last_good=1, resumes=1)
    for name in [name for name in world.fr.files.data if name.endswith(".revoked.json")]:
        if shown is None:
            world.fr.files.delete(name)
        else:
            world.fr.files.put(name, shown)
    world.log.release([1, 2, 3, 4])
    world.node.show(key=NEW_KEY)
    with pytest.raises(VerificationError):
        await world.update()
    assert (world.version, world.answers) == (1, {1, 2, 3})
    assert LOG_KEY.public != NEW_KEY.public
