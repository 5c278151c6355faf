"""The partner's side of proposals: kept before they are sent, sent once, and nothing believed that does not verify."""

import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from keys.key import StatementPrivateKey
from node.cli.exit_codes import ExitCode, unfinished
from node.errors import (
    NodeError,
    NotFoundError,
    PeerRefusedError,
    PeerUnreachableError,
    RateLimitedError,
    StoreError,
    UsageError,
    VerificationError,
)
from node.home import Home
from node.hoster.folder import Enrolment
from node.hoster.proposals import exchange
from node.hoster.proposals.folder import OwnProposal, OwnProposals
from node.hoster.proposals.sender import Proposer, Sender, Words, choose
from node.hoster.store.kinds import Kind
from node.hoster.trust.node import Known
from protocol.digest import Algorithm, Digest
from protocol.statement.proposal_receipt import ProposalReceipt
from protocol.statement.proposal_state import FileOutcome, FileState, ProposalState
from protocol.subset.canary import PRESENT
from support.digest_search import DigestSearch
from support.hits import HOSTER, ORIGIN, SUBSET, HitWorld, hit_world
from support.lists import digest
from support.partner_rows import bodies, replace_body
from support.proposed import proposal_of, proposals_of, proposed

WORDS = Words(claim=1, reason="found by our moderators", contact="")
TAKEN = FileOutcome(FileState.TAKEN)


class Wire:
    """The node's API, with something in between that fails, or answers for it."""

    def __init__(self, world: HitWorld) -> None:
        self._inner = proposals_of(world)
        self.before: NodeError | None = None
        self.after: NodeError | None = None
        self.answer: bytes | None = None
        self.asked = 0

    async def propose(self, subset: str, proposal: bytes) -> bytes:
        return await self._pass(self._inner.propose(subset, proposal))

    async def proposal(self, subset: str, proposal_id: str) -> bytes:
        return await self._pass(self._inner.proposal(subset, proposal_id))

    async def withdraw_proposal(self, subset: str, proposal_id: str) -> bytes:
        return await self._pass(self._inner.withdraw_proposal(subset, proposal_id))

    async def _pass(self, reply: Awaitable[bytes]) -> bytes:
        self.asked += 1
        if self.before is not None:
            reply.close()  # type: ignore[attr-defined]  # a coroutine that nobody waits for
            raise self.before
        data = await reply
        if self.after is not None:
            raise self.after
        return data if self.answer is None else self.answer


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path) as made:
        yield made


@pytest.fixture
def wire(world: HitWorld) -> Wire:
    return Wire(world)


@pytest.fixture
def folder(tmp_path: Path) -> OwnProposals:
    return OwnProposals(tmp_path / "partner")


def enrolment(world: HitWorld) -> Enrolment:
    return Enrolment(
        url="https://fr.example/",
        partner=HOSTER,
        subset=SUBSET,
        origin=ORIGIN,
        evaluations_per_day=1000,
        grace_days=7,
        trust=world.fr.trust.current(),
        confirmed_ms=world.fr.now_ms,
    )


def sender(world: HitWorld, folder: OwnProposals, wire: Wire) -> Sender:
    trust = world.fr.trust
    known = Known(
        root=trust.root(), document=trust.document(), members=trust.members(), revocations=trust.revocations()
    )
    return Sender(folder, enrolment(world), known, wire)


def made(world: HitWorld, folder: OwnProposals, *names: str) -> OwnProposal:
    proposer = Proposer(folder, enrolment(world), world.fr.clock, entropy=os.urandom)
    [kept] = proposer.make([(name, proposed(name)) for name in names], WORDS)
    return kept


def databases(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}


def test_which_files_are_proposed() -> None:
    known, new = proposed("known"), proposed("new")
    chosen = choose(
        [
            ("known.jpg", known.digests),
            ("new.jpg", tuple(reversed(new.digests))),
            ("copy.jpg", new.digests),
            ("test.txt", (PRESENT,)),
            ("flat.png", (*proposed("flat").digests, Digest(Algorithm.PDQ, bytes(32)))),
            ("none", ()),
            ("two", (digest("a", Algorithm.MD5), digest("b", Algorithm.MD5))),
        ],
        frozenset({known}),
    )
    assert chosen.files == (("new.jpg", new),)
    assert dict(chosen.left_out) == {
        "known.jpg": "it was proposed before",
        "copy.jpg": "the same file as new.jpg",
        "test.txt": "the published test file",
        "flat.png": "every byte is the same",
        "none": "not one or more hashes, one of each algorithm, in order",
        "two": "not one or more hashes, one of each algorithm, in order",
    }


async def test_it_is_kept_private_and_sealed_before_it_is_sent(
    world: HitWorld, folder: OwnProposals, tmp_path: Path
) -> None:
    kept = made(world, folder, "new")
    assert folder.ls() == [kept]
    assert (kept.word, kept.waiting, kept.names) == ("waiting", True, ("new",))
    files = databases(tmp_path / "partner")
    assert DigestSearch([each.value for each in kept.proposal.files[0].digests]).sightings_in(files) == []
    assert modes(tmp_path / "partner") == {0o600}
    assert not any(b"moderators" in data for data in files.values())


async def test_it_is_sent_against_a_receipt_and_followed(
    world: HitWorld, folder: OwnProposals, wire: Wire
) -> None:
    node = sender(world, folder, wire)
    sent = await node.send(made(world, folder, "new"))
    assert (sent.word, node.receipt(sent).node) == ("sent", "fr.example")
    assert await node.send(sent) == sent
    assert wire.asked == 1, "what has a receipt is not sent again"
    asked = await node.ask(sent)
    assert asked.state is not None
    assert asked.state.files == (FileOutcome(FileState.WAITING),)
    gone = await node.withdraw(asked)
    assert (gone.word, folder.get(gone.id)) == ("decided", gone)
    assert await node.ask(gone) == gone
    assert wire.asked == 3, "what is decided is not asked about again"
    assert folder.proposed() == frozenset()


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(PeerUnreachableError("cannot be reached"), id="the node is down"),
        pytest.param(RateLimitedError("too many", retry_after_seconds=9), id="too many a day"),
        pytest.param(PeerRefusedError("failed", status=500), id="the node failed"),
        pytest.param(NotFoundError("has no such thing"), id="the node takes none"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_could_not_be_sent_waits_and_is_one_proposal(
    world: HitWorld, folder: OwnProposals, wire: Wire, failure: NodeError, when: str
) -> None:
    kept, node = made(world, folder, "new"), sender(world, folder, wire)
    setattr(wire, when, failure)
    with pytest.raises(type(failure)):
        await node.send(kept)
    assert folder.get(kept.id).waiting
    wire.before = wire.after = None
    assert (await node.send(kept)).word == "sent"
    with world.fr.store.read() as unit:
        assert len(unit.proposals.ls()) == 1


@pytest.mark.parametrize("status", [400, 409, 422])
async def test_what_the_node_refuses_says_so_and_may_be_proposed_anew(
    world: HitWorld, folder: OwnProposals, wire: Wire, status: int
) -> None:
    wire.before = PeerRefusedError("refused", status=status)
    refused = await sender(world, folder, wire).send(made(world, folder, "new"))
    assert (refused.word, refused.waiting) == ("refused", False)
    assert refused.refused
    assert folder.proposed() == frozenset()


async def test_a_receipt_must_be_the_nodes_for_this_proposal(
    world: HitWorld, folder: OwnProposals, wire: Wire
) -> None:
    kept, node = made(world, folder, "new"), sender(world, folder, wire)
    right = ProposalReceipt(
        node="fr.example",
        partner=HOSTER,
        proposal_id=kept.proposal.proposal_id,
        proposal_sha256=kept.proposal.sha256(),
        files=1,
        received_ms=1,
    )
    key = world.statement_key
    for answer in (
        right.signed(StatementPrivateKey.from_seed(os.urandom(32))),
        replace(right, node="nl.example").signed(key),
        replace(right, files=2).signed(key),
        replace(right, proposal_sha256=proposal_of("other").sha256()).signed(key),
        b"",
    ):
        wire.answer = answer
        with pytest.raises(VerificationError):
            await node.send(kept)
        assert folder.get(kept.id).waiting
    wire.answer = right.signed(key)
    assert (await node.send(kept)).word == "sent"


@pytest.mark.parametrize("answer", [b"noise", ProposalState(received_ms=1, files=(TAKEN, TAKEN)).to_bytes()])
async def test_what_the_node_says_must_be_of_this_proposal(
    world: HitWorld, folder: OwnProposals, wire: Wire, answer: bytes
) -> None:
    node = sender(world, folder, wire)
    sent = await node.send(made(world, folder, "new"))
    wire.answer = answer
    for ask in (node.ask, node.withdraw):
        with pytest.raises(VerificationError):
            await ask(sent)
    assert folder.get(sent.id) == sent


@pytest.mark.parametrize("words", [replace(WORDS, reason=""), replace(WORDS, contact="c" * 201)])
async def test_words_that_do_not_fit_leave_nothing_behind(
    world: HitWorld, folder: OwnProposals, words: Words
) -> None:
    proposer = Proposer(folder, enrolment(world), world.fr.clock, entropy=os.urandom)
    with pytest.raises(UsageError):
        proposer.make([("a", proposed("a"))], words)
    assert folder.ls() == []


async def test_an_exchanged_one_is_noticed(world: HitWorld, folder: OwnProposals, tmp_path: Path) -> None:
    one, other = made(world, folder, "new"), made(world, folder, "newer")
    partner = tmp_path / "partner"
    replace_body(partner, Kind.PROPOSAL, one.id, bodies(partner, Kind.PROPOSAL)[other.id])
    with pytest.raises(StoreError, match="damaged"):
        folder.get(one.id)
    assert folder.get(other.id) == other


def test_ids_are_found_by_their_first_digits(folder: OwnProposals) -> None:
    with pytest.raises(UsageError):
        folder.get("abc")
    with pytest.raises(NotFoundError):
        folder.get("abcd")


@pytest.mark.parametrize("failure", [PeerRefusedError("no", status=413), VerificationError("no receipt")])
async def test_what_is_wrong_with_one_keeps_no_other_from_being_sent(
    world: HitWorld,
    folder: OwnProposals,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    failure: NodeError,
) -> None:
    first, second = (made(world, folder, name) for name in ("one", "another"))

    @asynccontextmanager
    async def reached(_home: Home, _folder: OwnProposals) -> AsyncIterator[Sender]:
        yield sender(world, folder, wire)

    send = Sender.send

    async def failing(self: Sender, kept: OwnProposal) -> OwnProposal:
        if kept.id == first.id:
            raise failure
        return await send(self, kept)

    monkeypatch.setattr(Sender, "send", failing)
    monkeypatch.setattr(exchange, "_sender", reached)
    monkeypatch.setattr(exchange, "_alone", lambda _home: nullcontext(folder))
    done = await exchange.send(Home(tmp_path), [first.id, second.id])
    assert [each.id for each in done.proposals] == [second.id]
    assert (done.left, done.stopped) == (1, None)
    assert (done.failed, done.problem) == ([(first, failure)], f"proposal {first.id[:8]}: {failure}")
    assert unfinished(done, some=True) == ExitCode.PARTIAL
    failure = NotFoundError("the agency's node takes no proposals")
    done = await exchange.send(Home(tmp_path), [first.id, second.id])
    assert (done.proposals, done.failed, done.stopped) == ([], [], failure), "it says so of each"
