"""The witnesses of an in-memory federation: honest, out of reach, or lying, as a test wants them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

from keys.key import WitnessPrivateKey
from keys.trust.node_document import NodeDocument
from node.errors import PeerUnreachableError, RestoredError
from node.peers.sync.requirements import Requiring
from node.peers.sync.sync import Syncer
from node.trust.others.documents import member_documents
from node.witnesses.cosignatures import Cosigning
from node.witnesses.standings import Cosigned, Standings
from node.witnesses.witness import KeyCosigner, ServedWitness, Witness
from protocol.api import WitnessApi
from protocol.witness.cosign import Refuse
from support.federation import LIMITS, Agency, Federation

MAX_AGE = timedelta(seconds=LIMITS.max_checkpoint_age_s)

Lie = Callable[[bytes], bytes | Refuse]
"""What a lying witness answers to a request."""


def witness_of(agency: Agency) -> Witness:
    """The agency's own witness."""
    info = agency.trust.document().witness
    assert info is not None, "founded with one"
    key = agency.keys.key(WitnessPrivateKey, "1")
    return Witness(
        agency.store, agency.clock, node=agency.name, cosigner=lambda: KeyCosigner(info.name, [key])
    )


def requiring_of(agency: Agency, *, quorum: int | None = None) -> Requiring:
    """What the agency asks of heads."""
    return Requiring(
        store=agency.store,
        node=agency.name,
        members=agency.trust.members,
        documents=lambda: member_documents(agency.store, agency.introductions, agency.trust),
        witness=lambda: witness_of(agency),
        forgot=_forgot,
        max_age=MAX_AGE,
        quorum=quorum,
    )


def _forgot(words: str) -> NoReturn:
    raise RestoredError(words)


class _Lying:
    def __init__(self, lie: Lie) -> None:
        self._lie = lie

    async def add_checkpoint(self, body: bytes) -> bytes | Refuse:
        return self._lie(body)

    async def witnessed(self, origin_sha256: str) -> bytes:
        raise NotImplementedError


@dataclass
class Witnesses:
    """The witnesses of a federation, and how each behaves."""

    federation: Federation
    down: set[str] = field(default_factory=set)
    lies: dict[str, Lie] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Nodes whose witness was reached, in order."""

    @asynccontextmanager
    async def dial(self, document: NodeDocument) -> AsyncIterator[WitnessApi]:
        """The witness that a document names."""
        if document.node in self.down:
            raise PeerUnreachableError(f"{document.node} cannot be reached: no connection")
        self.asked.append(document.node)
        if document.node in self.lies:
            yield _Lying(self.lies[document.node])
            return
        (agency,) = (one for one in self.federation.agencies if one.name == document.node)
        yield ServedWitness(witness_of(agency), agency.clock)

    def cosigning(self, agency: Agency, *, quorum: int | None = None) -> Cosigning:
        """What has the agency's heads cosigned."""
        return Cosigning(self.standings(agency, quorum=quorum), self.dial)

    def standings(self, agency: Agency, *, quorum: int | None = None) -> Standings:
        """How the agency's heads stand."""
        return Standings(
            store=agency.store,
            clock=agency.clock,
            node=agency.name,
            members=agency.trust.members,
            documents=lambda: member_documents(agency.store, agency.introductions, agency.trust),
            goes_on=lambda _: True,
            max_age=MAX_AGE,
            quorum=quorum,
        )

    async def collect(self, agency: Agency) -> Cosigned:
        """Have the head of the agency's list cosigned."""
        (standing,) = await self.cosigning(agency).collect()
        return standing

    def require(self, *, quorum: int | None = None) -> None:
        """From now on every agency asks for witnesses before it follows."""
        for agency in self.federation.agencies:
            agency.syncer = Syncer(agency.store, agency.clock, requiring=requiring_of(agency, quorum=quorum))
