"""Honest agencies that gossip, and a peer that shows them different things."""

from dataclasses import dataclass, field

from node.errors import NotFoundError
from node.evidence.keep import suspended
from node.peers.gossip import Gossiper, GossipReport
from node.peers.holdings import ServedTelling, Telling
from node.store.lists.records import Quarantined
from node.store.peers.records import EvidenceKind, EvidenceRecord
from protocol.gossip import Gossip
from support.adversary import ListPeer
from support.federation import Agency
from support.lists import digest


def telling(agency: Agency) -> Telling:
    """What an agency tells."""
    return Telling(agency.store, agency.files, agency.introductions)


def gossiper(agency: Agency) -> Gossiper:
    """The asking side of an agency, as a new process has it."""
    return Gossiper(
        agency.store, agency.trust, agency.clock, own=agency.files, introductions=agency.introductions
    )


async def ask(asker: Agency, asked: Agency) -> GossipReport:
    """Let one agency hear what another holds."""
    return await gossiper(asker).ask(asked.name, ServedTelling(telling(asked)))


async def round_of_gossip(agencies: list[Agency]) -> None:
    """Everybody asks everybody once."""
    for asker in agencies:
        for asked in agencies:
            if asker is not asked:
                await ask(asker, asked)


def kept(agency: Agency, *kinds: EvidenceKind) -> list[EvidenceRecord]:
    """What an agency keeps, of these kinds or of all."""
    with agency.store.read() as unit:
        return [record for record in unit.evidence.ls() if not kinds or record.kind in kinds]


def standing_still(agency: Agency, origin: str) -> Quarantined | None:
    """The record that suspends a log."""
    with agency.store.read() as unit:
        return suspended(unit, unit.logs.get(origin))


def branches(peer: ListPeer, *, common: int, size: int) -> None:
    """Let the peer show another history than before, from `common` on, as long as `size`."""
    writer = peer.history(common)
    for number in range(common, size):
        writer.add(digest(f"branch {number}"))
    peer.show(writer)


@dataclass
class ToldByHand:
    """A peer that tells what a test says, and gives what it names."""

    told: bytes = field(default_factory=lambda: Gossip().to_bytes())
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def gossip(self, *, held: bytes | None) -> bytes | None:
        return None if held == self.told else self.told

    async def evidence(self, name: str) -> bytes:
        self.asked.append(name)
        if name not in self.objects:
            raise NotFoundError("no such thing")
        return self.objects[name]
