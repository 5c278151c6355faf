"""Twenty agencies, five of which lie in every way there is, at once and in any order.

Whatever the order, the honest ones end with the same effective set, which the rules alone tell; they follow
each other to the last event; and every lie is caught: proved before anybody where it left two signed things that
contradict each other, refused in its error where it left none, held to its cap where a rule allows some of it. That
these checks can fail is shown with one mechanism after another taken out.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest

from node.lists.pace import FollowGuards
from node.peers.gossip import Gossiper
from node.peers.gossip_heads import Hearing
from node.peers.sync import sync
from protocol.judgement.blocks import Blocking, Standing
from protocol.judgement.quorum import Decision
from protocol.lists import bundle
from support.elsewhere import hand_on, judged
from support.federation import Agency
from support.gossiping import kept, standing_still
from support.hasty import hasty
from support.liars import LyingList
from support.lies import LIES, PAPERS
from support.sizes import size
from support.twenty import Twenty
from support.whole import current, judge_whole

SEEDS = (1, 2)
PROVED = {
    "fork": ("verified: fork of", "at fault: the log"),
    "parting": ("verified: divergence of", "at fault: the log"),
    "papers": ("signed two node files", "at fault: whoever holds its targets keys"),
    # One head is smaller than the other, as signed: that it came later is the word of whoever was shown it.
    "rollback": ("verified: rollback of", "at fault: nobody that the signatures alone could name"),
    "freeze": ("verified: rollback of", "at fault: nobody that the signatures alone could name"),
}
"""What a process that has only pinned roots says of the evidence."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twenty]:
    """The federation while all are honest yet; each test rewinds it."""
    with hasty():
        world = Twenty(tmp_path_factory.mktemp("twenty"))
        with world.federation:
            asyncio.run(world.begin())
            yield world


# ---------------------------------------------------------------- what must hold


def check_effect(world: Twenty, told: Sequence[str], agencies: Sequence[Agency]) -> None:
    """What is effective follows from the rules: no liar alone admits an entry, or blocks one beyond its cap."""
    expected = world.expected(told)
    for agency, judge in zip(agencies, chain([current], repeat(judge_whole)), strict=False):
        # One of them also has to come to it by ranges and by parts; for all of them that would take minutes.
        judged = judge(
            agency.store, agency.trust.members(), now=agency.clock.now(), max_age=timedelta(days=1)
        )
        assert {value for _, value in judged.decision.effective} == expected, agency.name


def check_caught(world: Twenty, name: str, agencies: Sequence[Agency]) -> None:
    """These agencies met the lie as they must, hold its evidence, and follow the list no more if that convicts."""
    lie, there = LIES[name], world.lists[name]
    told = [agency for agency in world.honest[lie.told] if agency in agencies]
    assert told
    for agency in told:
        met = world.met[agency.name, there.origin] + world.met[agency.name, there.liar.name]
        assert not lie.ends or any(isinstance(error, lie.ends) for error in met), (name, agency.name, met)
        assert not lie.aside or lie.aside in set_aside(agency, there), (name, agency.name)
    convicts = lie.evidence is not None and lie.evidence.convicts
    for agency in agencies:
        kinds = [record.kind for record in kept(agency) if record.subject == subject_of(world, name)]
        expected = [lie.evidence] if convicts or (lie.evidence and agency in told) else []
        assert kinds == expected, (name, agency.name)
        assert (standing_still(agency, there.origin) is not None) is convicts, (name, agency.name)


def set_aside(agency: Agency, there: LyingList) -> set[str]:
    log = agency.log(there.origin)
    with agency.store.read() as unit:
        return {record.kind for record in unit.quarantine.ls(log.id)}


def subject_of(world: Twenty, name: str) -> str:
    """Whom the evidence of a lie is about: a list, or a whole node."""
    there = world.lists[name]
    return there.liar.name if name == PAPERS else there.origin


def check_accuses_liars_alone(world: Twenty) -> None:
    liars = {subject_of(world, name) for name, lie in LIES.items() if lie.evidence is not None}
    assert {record.subject for agency in world.honest for record in kept(agency)} == liars


# ---------------------------------------------------------------- somebody who was not there


def evidence_of(world: Twenty, name: str, agencies: Sequence[Agency]) -> bytes:
    """What one of the agencies keeps of a lie."""
    subject = subject_of(world, name)
    found = [(one, record) for one in agencies for record in kept(one) if record.subject == subject]
    agency, record = found[-1]
    return agency.objects.get(record.object)


def test_every_way_to_lie_that_leaves_evidence_is_verified_elsewhere() -> None:
    assert PROVED.keys() == {name for name, lie in LIES.items() if lie.evidence is not None}


# ---------------------------------------------------------------- all at once


@pytest.mark.slow
@pytest.mark.threat("a copied list")
@pytest.mark.parametrize("number", range(size(quick=1, thorough=6)))
def test_the_honest_converge_and_every_lie_is_caught_in_any_order(
    begun: Twenty, tmp_path_factory: pytest.TempPathFactory, number: int
) -> None:
    world = begun
    world.rewind(SEEDS[number % len(SEEDS)])
    steps = world.steps()
    order = list(steps)
    Random(number).shuffle(order)

    async def run() -> None:
        world.bad_lines = True
        for name in order:
            await steps[name]()
        await world.quiet()

    asyncio.run(run())
    world.federation.require_converged()
    check_effect(world, list(LIES), world.honest)
    for name in LIES:
        check_caught(world, name, world.honest)
    check_accuses_liars_alone(world)
    for name, words in PROVED.items():
        evidence = evidence_of(world, name, world.honest)
        about = world.lists[name].liar.identity
        said = judged(hand_on(evidence, about, tmp_path_factory.mktemp("judge")), about)
        assert said.exit == 0, said.err
        assert all(word in said.out for word in words), said.out


# ---------------------------------------------------------------- each alone, and with its mechanism taken out


def few(world: Twenty) -> list[Agency]:
    """Some from either side of every lie."""
    return [world.honest[at] for at in (2, 3, 5, 6)]


def few_hear(world: Twenty, lie: str) -> None:
    """From the beginning, one lie is told to a few."""
    world.rewind(SEEDS[0])
    asyncio.run(world.few_hear(lie, few(world)))


def check_alone(world: Twenty, lie: str) -> None:
    check_caught(world, lie, few(world))
    check_effect(world, [lie], few(world))


async def _none(*_: object) -> None:
    return None


def _all_apply(blocking: Blocking, _collection: int) -> Iterator[Standing]:
    return (Standing.APPLIES for _ in blocking._groups)


@dataclass(frozen=True, slots=True)
class Removed:
    """A mechanism, and the lie that passes without it."""

    lie: str
    owner: object
    name: str
    instead: Callable[..., object]


REMOVED = {
    "heads are compared": Removed("fork", Hearing, "take", lambda *_: None),
    "what peers know is awaited": Removed("freeze", Hearing, "_suspect_freeze", lambda *_: None),
    "trust files are compared": Removed("papers", Gossiper, "_take_files", _none),
    "contradictions are kept": Removed("rollback", sync, "keep_contradiction", _none),
    "what is granted must be opened": Removed("withheld", bundle, "_missing", lambda *_: []),
    "openings match commitments": Removed("replay", bundle, "_check_commitments", lambda *_: None),
    "a day has limits": Removed("adds", FollowGuards, "at_most", lambda own, _: own),
    "a list has a cap": Removed("withdrawals", Blocking, "_judge", _all_apply),
    "one country is not enough": Removed("disputes", Decision, "_is_enough", lambda *_: True),
}


@pytest.mark.parametrize("removed", REMOVED.values(), ids=REMOVED)
def test_without_its_mechanism_a_lie_passes_and_is_seen_here(begun: Twenty, removed: Removed) -> None:
    few_hear(begun, removed.lie)
    check_alone(begun, removed.lie)
    with patch.object(removed.owner, removed.name, removed.instead):
        few_hear(begun, removed.lie)
        with pytest.raises(AssertionError):
            check_alone(begun, removed.lie)


def test_altered_evidence_convinces_no_process(begun: Twenty, tmp_path: Path) -> None:
    few_hear(begun, "fork")
    evidence = evidence_of(begun, "fork", few(begun))
    assert b"\n19\n" in evidence, "the size that was signed"
    altered = evidence.replace(b"\n19\n", b"\n18\n", 1)
    about = begun.lists["fork"].liar.identity
    assert judged(hand_on(altered, about, tmp_path), about).exit == 14
