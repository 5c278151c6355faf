"""Where the proposals of a partner's client are, for commands that only read them."""

from node.partner.proposals import OwnProposal, ProposalFolder
from node.partner.state import PartnerFolder
from node.runtime.home import Home


def proposal_folder(home: Home) -> ProposalFolder:
    """The proposals of the partner in `home`."""
    return ProposalFolder(home.partner / "proposals")


def proposals(home: Home) -> list[OwnProposal]:
    """All proposals, oldest first; raises `NotInitialisedError`."""
    PartnerFolder(home.partner).load()
    return proposal_folder(home).ls()
