"""Reviewing proposals: what an analyst sees, taking files up under the rules of an import, refusing them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.errors import ConflictError, NotFoundError, UsageError
from node.lists.corrections.shred import prepare, shred
from node.lists.guards import Guards
from node.lists.imports.intake import Statement
from node.objects.filters import FolderFilters
from node.partners.proposals import review
from node.partners.proposals.review import SeenProposal, Taken, get_proposal, refuse, see_proposal, take_up
from node.store.partners.records import ProposalRecord
from protocol.digest import Algorithm
from protocol.lists.event import NATIONAL
from protocol.lists.ext import Basis, Reason
from protocol.statement.proposal import Proposal
from protocol.statement.proposal_state import FileState
from support.case_rows import unpack_cases
from support.hits import OTHER, SUBSET, HitWorld, hit_world
from support.lists import digest
from support.proposed import proposal_of, proposals_of, proposed
from support.stores import let_in, row

EXAMINED = Statement(basis=Basis.REVIEWED, criteria=1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, begin=begin) as made:
        yield made


async def begin(world: HitWorld) -> None:
    world.list_both("listed")
    world.nl.add("theirs")
    for agency in world.agencies:
        agency.publish()
    await world.federation.settle()


@pytest.fixture
def guards(world: HitWorld, tmp_path: Path) -> Guards:
    return Guards(world.fr.store, FolderFilters(tmp_path / "filters"))


async def received(world: HitWorld, proposal: Proposal) -> ProposalRecord:
    await proposals_of(world, proposal.partner).propose(SUBSET, proposal.to_bytes())
    return record_of(world, proposal)


def record_of(world: HitWorld, proposal: Proposal) -> ProposalRecord:
    return get_proposal(world.fr.store, proposal.proposal_id.hex())


def take(
    world: HitWorld, guards: Guards, record: ProposalRecord, *numbers: int, said: Statement = EXAMINED
) -> Taken:
    return take_up(
        world.fr.store,
        guards,
        record,
        numbers,
        origin=world.fr.origin,
        collection=NATIONAL,
        statement=said,
        now_ms=world.fr.now_ms,
    )


def see(world: HitWorld, guards: Guards, record: ProposalRecord) -> SeenProposal:
    return see_proposal(world.fr.store, guards, record)


def states(world: HitWorld, guards: Guards, record: ProposalRecord) -> list[FileState]:
    return [FileState(each.record.state) for each in see(world, guards, record).files]


async def test_what_is_known_is_said_to_the_analyst(world: HitWorld, guards: Guards) -> None:
    guards.add_tripwires([digest("a tripwire")], note="", now_ms=0)
    guards.add_benign("stock pictures", [row("stock", digests=[digest("stock", Algorithm.MD5)])], now_ms=0)
    world.fr.withdraw("listed")
    proposal = proposal_of("new", "listed", "theirs", "a tripwire", "stock")
    seen = see(world, guards, await received(world, proposal))
    assert [each.known for each in seen.files] == [
        (),
        (
            "listed before in fr.example/lists/main, baseline, and ended",
            "listed in nl.example/lists/main, baseline",
        ),
        ("listed in nl.example/lists/main, baseline",),
        ("a tripwire of this node",),
        ("it is in the known-benign set stock pictures",),
    ]
    assert (seen.kept.reason, seen.kept.contact) == (proposal.reason, proposal.contact)


async def test_a_file_that_is_taken_up_is_listed_with_all_its_hashes(world: HitWorld, guards: Guards) -> None:
    record = await received(world, proposal_of("new", "newer"))
    done = take(world, guards, record, 1)
    assert (done.taken, done.held, done.imported.entries) == ((1,), (), 3)
    assert states(world, guards, record) == [FileState.TAKEN, FileState.WAITING]
    assert record_of(world, proposal_of_id(record)).closed_ms is None
    world.fr.publish()
    assert set(proposed("new").digests) <= world.fr.digests(world.fr.origin)
    assert not world.fr.digests(world.fr.origin).intersection(proposed("newer").digests)
    assert take(world, guards, record).taken == (2,)
    assert record_of(world, proposal_of_id(record)).closed_ms == world.fr.now_ms


def proposal_of_id(record: ProposalRecord) -> Proposal:
    return replace(proposal_of("any"), proposal_id=record.proposal_id)


async def test_who_proposed_it_is_kept_with_the_case_data(world: HitWorld, guards: Guards) -> None:
    record = await received(world, proposal_of("new"))
    take(world, guards, record)
    store = world.fr.store
    with store.read() as unit:
        batches = unit.cases.ls(unit.logs.get(world.fr.origin).id, first=0)
    [case] = [
        each
        for batch in batches
        for each in unpack_cases(store.vault.unseal(batch.object, store.objects.get(batch.object)))
        if each.case.get("Proposed by")
    ]
    assert case.source_id == f"hoster/{record.proposal_id.hex()[:8]}/1"
    assert case.case == {
        "Proposed by": "hoster",
        "Proposal": record.proposal_id.hex(),
        "File": "1",
        "Claim": "baseline",
    }


async def test_a_file_that_is_listed_is_taken_up_like_any_other(world: HitWorld, guards: Guards) -> None:
    record = await received(world, proposal_of("theirs"))
    world.fr.add("theirs", collection=NATIONAL)
    done = take(world, guards, record)
    assert done.taken == (1,)
    assert states(world, guards, record) == [FileState.TAKEN]


@pytest.mark.threat("a proposal as a question")
async def test_a_partners_word_is_no_basis(world: HitWorld, guards: Guards) -> None:
    record = await received(world, proposal_of("new"))
    with pytest.raises(UsageError, match="no basis"):
        take(world, guards, record, said=Statement(basis=Basis.RELIES_ON, criteria=1, relies_on="hoster"))
    assert states(world, guards, record) == [FileState.WAITING]


@pytest.mark.threat("a proposal as a question")
async def test_what_a_guard_sets_aside_goes_on_waiting_until_a_person_let_it_pass(
    world: HitWorld, guards: Guards
) -> None:
    guards.add_benign("stock pictures", [row("stock", digests=[digest("stock", Algorithm.MD5)])], now_ms=0)
    record = await received(world, proposal_of("new", "stock"))
    done = take(world, guards, record)
    assert (done.taken, done.held, done.imported.quarantined) == ((1,), (2,), 1)
    assert states(world, guards, record) == [FileState.TAKEN, FileState.WAITING]
    with world.fr.store.read() as unit:
        [aside] = unit.quarantine.ls()
    let_in(world.fr.store, world.fr.trust.members(), str(aside.id), now_ms=world.fr.now_ms)
    assert take(world, guards, record).taken == (2,)


async def test_what_was_shredded_is_not_taken_up(world: HitWorld, guards: Guards) -> None:
    record = await received(world, proposal_of("listed", "new"))
    plan = prepare(world.fr.store, world.fr.origin, digest("listed"))
    shred(world.fr.store, world.fr.origin, plan.position, reason=Reason.ERROR)
    world.fr.publish()
    record = record_of(world, proposal_of_id(record))
    assert see(world, guards, record).files[0].known == ("its hashes were deleted: shredded, or taken back",)
    done = take(world, guards, record)
    assert (done.taken, done.held) == ((2,), (1,))
    assert refuse(world.fr.store, record, [], reason="cannot be examined any more", now_ms=5) == [1]
    assert states(world, guards, record) == [FileState.REFUSED, FileState.TAKEN]


async def test_an_import_that_died_before_the_decision_is_repeated(
    world: HitWorld, guards: Guards, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await received(world, proposal_of("new"))

    class Dying(Exception):  # noqa: N818 - no error of ours
        pass

    def die(*_: object, **__: object) -> int:
        raise Dying

    with monkeypatch.context() as patch:
        patch.setattr("node.store.partners.proposals.ProposalRows.decide", die)
        with pytest.raises(Dying):
            take(world, guards, record)
    assert states(world, guards, record) == [FileState.WAITING]
    done = take(world, guards, record)
    assert (done.taken, done.imported.entries, done.imported.already_listed) == ((1,), 0, 1)


@pytest.mark.parametrize(
    ("numbers", "error"),
    [([3], NotFoundError), ([0], NotFoundError), ([1], UsageError), ([2, 1], UsageError)],
)
async def test_which_files_may_be_decided(
    world: HitWorld, guards: Guards, numbers: list[int], error: type[Exception]
) -> None:
    record = await received(world, proposal_of("new", "newer"))
    refuse(world.fr.store, record, [1], reason="an advertisement", now_ms=1)
    with pytest.raises(error):
        refuse(world.fr.store, record, numbers, reason="another", now_ms=2)
    with pytest.raises(error):
        take(world, guards, record, *numbers)
    seen = see(world, guards, record).files
    assert [each.record.reason for each in seen] == ["an advertisement", ""]


@pytest.mark.parametrize("reason", ["", "a\nb", "x" * 501])
async def test_a_reason_is_one_line(world: HitWorld, reason: str) -> None:
    record = await received(world, proposal_of("new"))
    with pytest.raises(UsageError):
        refuse(world.fr.store, record, [], reason=reason, now_ms=1)


async def test_two_who_decide_at_once(
    world: HitWorld, guards: Guards, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await received(world, proposal_of("new"))
    waiting = review._waiting

    def overtaken(*args: object) -> list[int]:
        seen = waiting(*args)  # type: ignore[arg-type]
        monkeypatch.setattr(review, "_waiting", waiting)
        refuse(world.fr.store, record, [], reason="an advertisement", now_ms=1)
        return seen

    monkeypatch.setattr(review, "_waiting", overtaken)
    with pytest.raises(ConflictError) as caught:
        take(world, guards, record)
    assert "what was queued is in the list" in caught.value.hint
    assert states(world, guards, record) == [FileState.REFUSED]


async def test_ids_are_found_by_their_first_digits(world: HitWorld) -> None:
    proposal = proposal_of("new")
    await received(world, proposal)
    await proposals_of(world, OTHER).propose(SUBSET, replace(proposal, partner=OTHER).to_bytes())
    identity = proposal.proposal_id.hex()
    assert get_proposal(world.fr.store, f"{OTHER}/{identity[:6]}").partner == OTHER
    for text, error in (("abc", UsageError), ("0" * 32, NotFoundError), (identity, UsageError)):
        with pytest.raises(error):
            get_proposal(world.fr.store, text)


async def test_closed_proposals_are_forgotten_after_their_time(world: HitWorld, guards: Guards) -> None:
    closed, open_ = await received(world, proposal_of("new")), await received(world, proposal_of("newer"))
    take(world, guards, closed)
    with world.fr.store.write() as unit:
        assert unit.proposals.forget(closed_before_ms=world.fr.now_ms) == 0
        assert unit.proposals.forget(closed_before_ms=world.fr.now_ms + 1) == 1
        assert [each.proposal_id for each in unit.proposals.ls()] == [open_.proposal_id]
        assert unit.proposals.files(closed) == []
        assert len(unit.proposals.files(open_)) == 1
