"""Proposals of made-up files, and a node that takes them: no sockets."""

import os

from node.partners.proposals.intake import TakingProposals
from node.partners.proposals.service import PartnerProposals
from protocol.digest import Algorithm
from protocol.lists.event import BASELINE
from protocol.statement.proposal import Proposal, ProposedFile
from support.hits import HOSTER, SUBSET, SUBSET_ID, HitWorld
from support.lists import digest

_ALGORITHMS = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)


def proposed(name: str) -> ProposedFile:
    """The hashes of a made-up file."""
    return ProposedFile(tuple(digest(name, algorithm) for algorithm in _ALGORITHMS))


def proposal_of(*names: str, partner: str = HOSTER, reason: str = "found by our moderators") -> Proposal:
    """A proposal of made-up files, with an id of its own."""
    return Proposal(
        partner=partner,
        subset_id=SUBSET_ID,
        proposal_id=os.urandom(16),
        claim=BASELINE,
        reason=reason,
        contact="abuse@hoster.example",
        files=tuple(map(proposed, names)),
    )


def taking(world: HitWorld) -> TakingProposals:
    """What takes proposals in a world."""
    return TakingProposals(
        world.fr.store, world.fr.clock, node=world.fr.name, signer=lambda: world.statement_key
    )


def proposals_of(world: HitWorld, partner: str = HOSTER) -> PartnerProposals:
    """What a partner's requests about its proposals reach."""
    return PartnerProposals(taking(world), partner, frozenset({SUBSET}))
