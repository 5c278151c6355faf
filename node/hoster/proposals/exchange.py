"""The proposals of a partner's client: made, sent, followed and taken back, over the connection to its node."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from node.clock import SystemClock, system_entropy
from node.errors import NodeError, NotFoundError
from node.files import locked
from node.formats.hash_queries import read_hash_queries_in
from node.hashing.outcomes import Outcome
from node.hashing.plan import HashPlan, images_installed
from node.hashing.workers import hash_files
from node.home import Home
from node.hoster.connection import reach_own_node
from node.hoster.folder import Enrolment, PartnerFolder
from node.hoster.proposals.folder import OwnProposal, OwnProposals, own_proposals
from node.hoster.proposals.sender import Chosen, Proposer, Sender, Words, choose
from node.hoster.trust.node import known
from node.hoster.turns import Done, Turns, in_turn, is_of_one
from protocol.digest import Digest
from protocol.statement.proposal_receipt import ProposalReceipt

_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Files that are to be proposed, and to whom."""

    chosen: Chosen
    enrolment: Enrolment
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Turns[OwnProposal]):
    """What became of proposals that were to be sent."""

    proposals: Sequence[OwnProposal]
    left: int
    """Proposals that are still to be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A proposal with its receipt, verified."""

    proposal: OwnProposal
    receipt: ProposalReceipt | None
    not_asked: NodeError | None = None
    """Why the node was not asked what became of it."""


def prepare(home: Home, *, files: Sequence[Path], source: str) -> Prepared:
    """Hash files, or read the hashes in `source` (a path, - for standard input), and choose what is to be proposed.

    Nothing is kept or sent.

    Raises:
        InputRefusedError: a source that cannot be read, or a line that is not a hash.
    """
    enrolment, _ = PartnerFolder(home.partner).load()
    named, unreadable = (read_hash_queries_in(source), []) if source else _hash(files)
    chosen = choose(named, own_proposals(home).proposed())
    left_out = (*unreadable, *chosen.left_out)
    return Prepared(
        chosen=replace(chosen, left_out=left_out), enrolment=enrolment, node=known(enrolment).document.node
    )


def propose(home: Home, prepared: Prepared, words: Words) -> Sequence[OwnProposal]:
    """Keep proposals of what was chosen, durably; `send` sends them."""
    with _alone(home) as folder:
        proposer = Proposer(folder, prepared.enrolment, _CLOCK, entropy=system_entropy)
        return proposer.make(prepared.chosen.files, words)


async def send(home: Home, ids: Sequence[str]) -> Sent:
    """Send these proposals, or without ids all that wait; the node down, what is left stays."""
    sent: Done[OwnProposal] = Done(done=())
    with _alone(home) as folder:
        wanted = [folder.get(text) for text in ids] if ids else [each for each in folder.ls() if each.waiting]
        if wanted:
            async with _sender(home, folder) as sender:
                sent = await in_turn(wanted, sender.send, of_one=_is_of_one)
        left = sum(each.waiting for each in folder.ls())
    return Sent(proposals=sent.done, left=left, failed=sent.failed, stopped=sent.stopped)


def _is_of_one(exc: NodeError) -> bool:
    """Whether an error says something of one proposal: a node that takes none says so of each."""
    return is_of_one(exc) and not isinstance(exc, NotFoundError)


async def show(home: Home, text: str) -> Shown:
    """A proposal with its receipt; the node is asked only while something of it waits there."""
    with _alone(home) as folder:
        async with _sender(home, folder) as sender:
            found, failed = folder.get(text), None
            try:
                found = await sender.ask(found)
            except NodeError as exc:
                failed = exc
            receipt = sender.receipt(found) if found.receipt else None
            return Shown(proposal=found, receipt=receipt, not_asked=failed)


async def withdraw(home: Home, text: str) -> OwnProposal:
    """Take back what waits; one that was never sent is only forgotten here."""
    with _alone(home) as folder:
        found = folder.get(text)
        if not found.receipt:
            folder.forget(found)
            return found
        async with _sender(home, folder) as sender:
            return await sender.withdraw(found)


@contextmanager
def _alone(home: Home) -> Iterator[OwnProposals]:
    """The folder, with other commands that change it kept out."""
    PartnerFolder(home.partner).load()
    with locked(home.partner / "proposals.lock"):
        yield own_proposals(home)


@asynccontextmanager
async def _sender(home: Home, folder: OwnProposals) -> AsyncIterator[Sender]:
    enrolment, _ = PartnerFolder(home.partner).load()
    async with reach_own_node(home, enrolment) as remote:
        yield Sender(folder, enrolment, known(enrolment), remote)


_Named = list[tuple[str, Sequence[Digest]]]
_Unread = list[tuple[str, str]]


def _hash(files: Sequence[Path]) -> tuple[_Named, _Unread]:
    """The hashes of each file itself; of several PDQ values of a picture the first one, as `sigfed hash` writes."""
    outcomes = hash_files(files, HashPlan(images=images_installed(), archives=False))
    named = [(str(each.path), digests) for each in outcomes if (digests := _digests(each))]
    unread = [(str(each.path), each.unreadable or "empty file") for each in outcomes if not _digests(each)]
    return named, unread


def _digests(outcome: Outcome) -> Sequence[Digest]:
    if outcome.hashed is None or not outcome.hashed.parts:
        return ()
    return list({each.algorithm: each for each in reversed(outcome.hashed.parts[0].digests)}.values())
