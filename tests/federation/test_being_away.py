"""Whoever was away while keys were replaced catches up alone, or is told what to do."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keys.errors import NotCurrentError
from keys.key import LogPrivateKey
from keys.trust.held_trust import open_held
from keys.trust.vkey import DatedVkey
from node.errors import VerificationError
from node.hoster.trust.witness_policy import unwitnessed
from node.trust.own import window
from support.ceremonies import replace_everybody
from support.federation import Agency, Call, Federation, check_follows, honest
from support.release_logs import WitnessedWorld

BASE = (1, 2, 3)


def roll_log_key(agency: Agency) -> None:
    """Another key signs the list from now on, and the old one no more."""
    fresh = LogPrivateKey.from_seed(b"f" * 32)
    vkey = DatedVkey.of(fresh.public, name=agency.origin, valid=window(agency.clock.now(), 365))
    targets = replace_everybody(agency, "after the roll")
    agency.trust.revise_document(
        lambda old: replace(
            old,
            logs=tuple(
                replace(log, vkeys=(vkey,)) if log.origin == agency.origin else log for log in old.logs
            ),
        ),
        signers=targets,
    )
    agency.log_keys[:] = [fresh]


async def test_a_key_that_takes_over_between_trust_files_and_head_is_believed(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish("before")
    assert (await federation.sync(fr, nl)).succeeded
    federation.advance(hours=2)
    nl.add("after")
    link = federation.link(fr, nl)

    def taking_over(call: Call, answer: bytes) -> bytes:
        if call.what == "timestamp":
            link.meddle = honest
            roll_log_key(nl)
            nl.publish()
        return answer

    link.meddle = taking_over
    report = await federation.sync(fr, nl)
    assert link.meddle is honest, "the key was replaced"
    assert report.succeeded, report.words
    check_follows(fr, nl)


@pytest.mark.threat("the root lost or stolen")
async def test_a_peer_away_during_two_rotations_of_everybody_and_a_log_key_catches_up_alone(
    federation: Federation,
) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish("before")
    assert (await federation.sync(fr, nl)).succeeded

    federation.advance(days=30)
    replace_everybody(nl, "second")
    federation.advance(days=30)
    roll_log_key(nl)
    nl.publish("after")
    with fr.store.read() as unit:
        away = unit.peers.get(nl.name)
    assert len(away.trust.roots) == 1

    report = await federation.sync(fr, nl)
    assert report.succeeded, report.words
    check_follows(fr, nl)
    with fr.store.read() as unit:
        back = unit.peers.get(nl.name)
    opened = open_held(back.trust)
    assert (opened.root.version, opened.document) == (3, nl.trust.document())
    assert not {key.raw for key in opened.root.keys} & {key.raw for key in open_held(away.trust).root.keys}
    assert back.confirmed_ms == fr.now_ms
    assert fr.membership.members().members[1].root_sha256 == back.trust.pin, "what was compared stays pinned"


@pytest.mark.threat("old trust files")
async def test_keys_of_a_peer_that_was_not_heard_for_a_week_count_after_it_was_heard(
    federation: Federation,
) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish()
    await federation.sync(fr, nl)
    callers, kid = fr.callers(), nl.trust.document().auth_keys[0].kid
    assert callers.credential(nl.name, kid) is not None
    federation.advance(days=6, hours=23)
    assert callers.credential(nl.name, kid) is not None
    federation.advance(days=60)
    assert callers.credential(nl.name, kid) is None
    assert (await federation.sync(fr, nl)).succeeded
    assert callers.credential(nl.name, kid) is not None


@pytest.mark.parametrize("days", [60, 400])
async def test_a_partner_that_comes_back_goes_on_where_it_stopped(tmp_path: Path, days: int) -> None:
    world = WitnessedWorld(tmp_path, members=(), rule=unwitnessed)
    world.log.release(BASE)
    world.show()
    assert (await world.update()).new == 1
    world.clock.advance(timedelta(days=days / 2))
    replace_everybody(world.fr, "second")
    world.clock.advance(timedelta(days=days / 2))
    replace_everybody(world.fr, "third")
    world.log.release((*BASE, 5))
    world.show()
    assert (await world.update()).new == 2
    enrolment, _ = world.folder.load()
    assert [len(enrolment.trust.roots), open_held(enrolment.trust).root.version] == [3, 3]


async def test_a_node_whose_holders_never_met_again_is_believed_no_more(tmp_path: Path) -> None:
    """After 400 days without another root nothing that it says counts, and the partner is told which date ended."""
    world = WitnessedWorld(tmp_path, members=(), rule=unwitnessed)
    world.log.release(BASE)
    world.show()
    await world.update()
    world.clock.advance(timedelta(days=400))
    world.log.release((*BASE, 5))
    world.show()
    with pytest.raises(VerificationError, match=r"the root of .* expired on") as caught:
        await world.update()
    assert isinstance(caught.value.__cause__, NotCurrentError)
    assert world.version == 1, "what was in force stays"
