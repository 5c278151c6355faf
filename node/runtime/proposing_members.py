"""A member of the register, proposed: what the holders of targets keys sign elsewhere before another agency counts."""

import asyncio

from node.runtime import waiting_proposals
from node.runtime.membership import membership
from node.runtime.opening import Identity
from node.runtime.outbound import proxy_of
from node.runtime.reaching import fetch
from node.services.access.spelling import typed_words
from node.services.peers.membership import FetchedTrust, recognise


def propose_member(
    identity: Identity, url: str, words: str, *, country: str | None, authority_for: frozenset[int]
) -> str:
    """Fetch a node at an address, check its fingerprint, and propose a register that counts it; gives the proposal.

    Raises:
        VerificationError: another fingerprint.
        AlreadyExistsError: it is a member.
        PeerUnreachableError: nobody answers there.
    """
    pinned, proxy = typed_words(words), proxy_of(identity.settings.outbound)

    def fetched() -> FetchedTrust:
        return asyncio.run(fetch(url, pinned, clock=identity.clock, entropy=identity.entropy, proxy=proxy))

    introduced = recognise(fetched, words, identity.clock)
    name, proposing = waiting_proposals.begin(identity, f"member-{introduced.document.node}")
    with membership(proposing) as members:
        members.add_member(
            introduced, country=country, authority_for=authority_for, signers=proposing.targets_signers()
        )
    return name
