"""Proposals of partners: kept once against a receipt, sealed, within bounds, and no oracle for what is listed."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from node.errors import ConflictError, NotFoundError, RateLimitedError, UsageError
from node.lists.guards import Guards
from node.objects.kept_proposals import KeptProposal, kept_proposal
from node.partners.proposals import intake
from node.partners.proposals.intake import TakingProposals
from node.store.partners.records import FileRecord, ProposalRecord
from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError, UntrustedError
from protocol.statement.proposal import Proposal, ProposedFile
from protocol.statement.proposal_receipt import open_proposal_receipt
from protocol.statement.proposal_state import FileOutcome, FileState, ProposalState
from protocol.subset.canary import PRESENT
from support.digest_search import DigestSearch
from support.hits import HOSTER, OTHER, SUBSET, HitWorld, hit_world, shred_file
from support.lists import digest
from support.proposed import proposal_of, proposals_of, proposed

WAITING, WITHDRAWN = FileOutcome(FileState.WAITING), FileOutcome(FileState.WITHDRAWN)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, begin=begin) as made:
        yield made


async def begin(world: HitWorld) -> None:
    world.list_both("listed")
    for agency in world.agencies:
        agency.publish()


def records(world: HitWorld) -> list[ProposalRecord]:
    with world.fr.store.read() as unit:
        return list(unit.proposals.ls())


def kept(world: HitWorld) -> KeptProposal:
    [record] = records(world)
    return kept_proposal(world.fr.store, record)


async def send(world: HitWorld, proposal: Proposal, *, partner: str = HOSTER) -> bytes:
    return await proposals_of(world, partner).propose(SUBSET, proposal.to_bytes())


async def state(world: HitWorld, proposal: Proposal) -> ProposalState:
    data = await proposals_of(world, HOSTER).proposal(SUBSET, proposal.proposal_id.hex())
    return ProposalState.from_bytes(data)


def decide(world: HitWorld, number: int, decided: FileState, reason: str = "") -> None:
    [record] = records(world)
    outcome = FileRecord(number=0, state=decided, reason=reason, decided_ms=world.fr.now_ms)
    with world.fr.store.write() as unit:
        assert unit.proposals.decide(record, [number], outcome) == 1


async def test_a_proposal_is_answered_with_a_receipt_and_waits(world: HitWorld) -> None:
    proposal = proposal_of("new", "newer")
    receipt = open_proposal_receipt(await send(world, proposal), proposal, world.statement_keys)
    assert (receipt.node, receipt.partner, receipt.files) == ("fr.example", HOSTER, 2)
    assert receipt.received_ms == world.fr.now_ms
    assert (await state(world, proposal)).files == (WAITING, WAITING)
    assert kept(world).files == proposal.files
    with world.fr.store.read() as unit:
        assert not list(unit.quarantine.ls())
        assert all(log.tail == log.head.size for log in unit.logs.ls()), "nothing is listed by itself"


async def test_the_same_proposal_is_one_proposal(world: HitWorld) -> None:
    proposal = proposal_of("new")
    first = await asyncio.gather(*(send(world, proposal) for _ in range(5)))
    world.federation.advance(hours=40)
    assert {await send(world, proposal), *first} == {first[0]}
    assert len(records(world)) == 1


async def test_an_id_is_used_for_one_proposal(world: HitWorld) -> None:
    proposal = proposal_of("new")
    await send(world, proposal)
    with pytest.raises(ConflictError):
        await send(world, replace(proposal, reason="another"))
    theirs = replace(proposal, partner=OTHER)
    await send(world, theirs, partner=OTHER)
    assert {record.partner for record in records(world)} == {HOSTER, OTHER}


# ------------------------------------------------------------------ hostile partners

Hostile = Callable[[Proposal], bytes]


def _body(**changes: object) -> Hostile:
    def make(proposal: Proposal) -> bytes:
        return replace(proposal, **changes).to_bytes()  # type: ignore[arg-type]  # any field

    return make


@pytest.mark.parametrize(
    ("make", "error"),
    [
        pytest.param(_body(partner=OTHER), UntrustedError, id="in another partner's name"),
        pytest.param(_body(subset_id=os.urandom(16)), UsageError, id="of another subset"),
        pytest.param(_body(files=(ProposedFile((PRESENT,)),)), MalformedError, id="the test file"),
        pytest.param(
            _body(files=(proposed("a"), ProposedFile((Digest(Algorithm.MD5, bytes(16)),)))),
            MalformedError,
            id="a hash of many files",
        ),
        pytest.param(lambda p: p.to_bytes() + b"\0", MalformedError, id="bytes behind it"),
        pytest.param(lambda _: b"", MalformedError, id="nothing"),
        pytest.param(lambda _: b"\xa1" * 70_000, MalformedError, id="noise"),
        pytest.param(_body(reason="\x1b]0;owned\x07"), MalformedError, id="a terminal's command"),
        pytest.param(_body(reason="x" * 501), MalformedError, id="a long reason"),
    ],
)
async def test_what_is_not_taken(world: HitWorld, make: Hostile, error: type[Exception]) -> None:
    with pytest.raises(error):
        await proposals_of(world).propose(SUBSET, make(proposal_of("new")))
    assert records(world) == []


async def test_a_node_that_takes_none_still_tells_of_those_it_took(world: HitWorld) -> None:
    proposal = proposal_of("new")
    await send(world, proposal)
    off = TakingProposals(
        world.fr.store, world.fr.clock, node=world.fr.name, signer=lambda: world.statement_key, enabled=False
    )
    with pytest.raises(NotFoundError):
        off.take(HOSTER, SUBSET, proposal_of("newer").to_bytes())
    assert off.state(HOSTER, SUBSET, proposal.proposal_id).files == (WAITING,)


@pytest.mark.parametrize("text", ["", "zz", "ab", "AB" * 16, "ab" * 17])
async def test_an_id_has_one_spelling(world: HitWorld, text: str) -> None:
    with pytest.raises(MalformedError):
        await proposals_of(world).proposal(SUBSET, text)


async def test_a_partner_sees_its_own_alone(world: HitWorld) -> None:
    proposal = proposal_of("new")
    await send(world, proposal)
    identity = proposal.proposal_id.hex()
    for ask in (proposals_of(world, OTHER).proposal, proposals_of(world, OTHER).withdraw_proposal):
        with pytest.raises(NotFoundError):
            await ask(SUBSET, identity)
    with pytest.raises(NotFoundError):
        await proposals_of(world).proposal("other", identity)
    assert (await state(world, proposal)).files == (WAITING,)


@pytest.mark.threat("a proposal as a question")
async def test_a_flood_of_one_partner_ends_and_others_still_propose(
    world: HitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_PROPOSALS_A_DAY", 3)
    first = proposal_of("0")
    for each in (first, proposal_of("1"), proposal_of("2")):
        await send(world, each)
    with pytest.raises(RateLimitedError):
        await send(world, proposal_of("3"))
    assert await send(world, first), "it was taken before"
    await send(world, proposal_of("theirs", partner=OTHER), partner=OTHER)
    world.federation.advance(hours=25)
    await send(world, proposal_of("3"))


@pytest.mark.threat("a proposal as a question")
async def test_proposals_that_come_together_are_counted_one_by_one(
    world: HitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_FILES_A_DAY", 10)
    sent = [send(world, proposal_of(*(f"{at} {each}" for each in range(3)))) for at in range(8)]
    done = await asyncio.gather(*sent, return_exceptions=True)
    assert sum(isinstance(each, bytes) for each in done) == 3
    assert sum(record.files for record in records(world)) == 9


async def test_files_that_wait_have_a_bound_that_decisions_lift(
    world: HitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_WAITING", 2)
    await send(world, proposal_of("0", "1"))
    world.federation.advance(hours=25)
    with pytest.raises(RateLimitedError, match="wait"):
        await send(world, proposal_of("2"))
    decide(world, 1, FileState.REFUSED, "no")
    await send(world, proposal_of("2"))


# ------------------------------------------------------------------ no oracle


@pytest.mark.threat("a proposal as a question")
async def test_what_is_listed_benign_or_a_tripwire_is_answered_like_anything_else(world: HitWorld) -> None:
    Guards(world.fr.store).add_tripwires([digest("a lawful file")], note="", now_ms=0)
    same = set()
    for name in ("listed", "a lawful file", "known to nobody"):
        proposal = proposal_of(name)
        receipt = open_proposal_receipt(await send(world, proposal), proposal, world.statement_keys)
        found = await state(world, proposal)
        same.add((receipt.files, receipt.received_ms, found))
    assert len(same) == 1


@pytest.mark.threat("a proposal as a question")
async def test_taking_a_proposal_asks_no_list(world: HitWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that depends on what is listed would tell by its time."""

    def asked(*_: object) -> None:
        raise AssertionError("a list was asked")

    monkeypatch.setattr("node.store.lists.entries.EntryRows.find", asked)
    monkeypatch.setattr("node.lists.guards.Guards.tripped", asked)
    proposal = proposal_of("listed")
    await send(world, proposal)
    await state(world, proposal)
    await proposals_of(world).withdraw_proposal(SUBSET, proposal.proposal_id.hex())


# ------------------------------------------------------------------ at rest


def databases(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*.db*"))


async def test_no_hash_and_no_word_lies_open(world: HitWorld, tmp_path: Path) -> None:
    proposal = proposal_of("new", reason="told by an informant")
    await send(world, proposal)
    data = databases(tmp_path)
    assert b"hoster" in data
    search = DigestSearch(frozenset(each.value for each in proposal.files[0].digests))
    assert search.sightings_in({"database": data}) == []
    assert b"informant" not in data
    assert proposal.sha256() not in data, "who guesses hashes could test them with it"


async def test_what_the_partner_takes_back_is_deleted(world: HitWorld) -> None:
    proposal = proposal_of("examined", "not yet")
    receipt = await send(world, proposal)
    decide(world, 1, FileState.TAKEN)
    for _ in range(2):
        data = await proposals_of(world).withdraw_proposal(SUBSET, proposal.proposal_id.hex())
        assert ProposalState.from_bytes(data).files == (FileOutcome(FileState.TAKEN), WITHDRAWN)
    assert kept(world).files == (proposal.files[0], None)
    assert records(world)[0].closed_ms == world.fr.now_ms
    assert await send(world, proposal) == receipt, "that it was told stays"
    with pytest.raises(ConflictError):
        await send(world, replace(proposal, files=proposal.files[:1]))


async def test_a_decision_is_final(world: HitWorld) -> None:
    proposal = proposal_of("new")
    await send(world, proposal)
    decide(world, 1, FileState.REFUSED, "an advertisement")
    await proposals_of(world).withdraw_proposal(SUBSET, proposal.proposal_id.hex())
    assert (await state(world, proposal)).files == (FileOutcome(FileState.REFUSED, "an advertisement"),)
    assert kept(world).files == proposal.files


async def test_a_proposed_hash_that_is_shredded_is_deleted(world: HitWorld) -> None:
    proposal = proposal_of("listed", "new")
    receipt = await send(world, proposal)
    shred_file(world.fr, "listed")
    assert kept(world).files == (None, proposal.files[1])
    assert await send(world, proposal) == receipt
    assert (await state(world, proposal)).files == (WAITING, WAITING)


async def test_a_proposal_brings_back_nothing_that_was_shredded(world: HitWorld) -> None:
    shred_file(world.fr, "listed")
    proposal = proposal_of("new", "listed")
    receipt = open_proposal_receipt(await send(world, proposal), proposal, world.statement_keys)
    assert receipt.files == 2
    assert kept(world).files == (proposal.files[0], None)
    assert (await state(world, proposal)).files == (WAITING, WAITING)
