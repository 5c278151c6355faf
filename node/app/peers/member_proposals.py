"""Registers of members, proposed: what the holders sign elsewhere before another agency counts, or counts no more."""

import asyncio

from node.access.notation import typed_words
from node.app.peers.membership import membership
from node.identity.identity import Identity
from node.peers.membership import recognise
from node.remote.bootstrap import fetch_trust
from node.remote.proxy import proxy_of
from node.rotation import proposals
from node.store.peers.records import FetchedTrust


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
        return asyncio.run(
            fetch_trust(url, pinned, clock=identity.clock, entropy=identity.entropy, proxy=proxy)
        )

    introduced = recognise(fetched, words, identity.clock)
    name, proposing = proposals.begin(identity, f"member-{introduced.document.node}")
    with membership(proposing) as members:
        members.add_member(
            introduced, country=country, authority_for=authority_for, signers=proposing.targets_signers()
        )
    return name


def propose_removal(identity: Identity, node: str) -> str:
    """Follow a member no more and serve it nothing from now on, and propose a register without it; gives the proposal.

    Raises:
        NotFoundError: it is not a member.
        UsageError: it is this node.
    """
    name, proposing = proposals.begin(identity, f"without-{node}")
    with membership(proposing) as members:
        members.remove_member(node, signers=())
    return name
