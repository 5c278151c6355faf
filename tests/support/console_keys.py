"""What a holder of offline keys does with a proposal that the console handed out."""

from keys.trust.proposals.proposal import from_json, to_json
from keys.trust.proposals.sign import open_proposal, sign
from node.clock import system_entropy
from node.console.world import World
from node.identity.key_holders import holder_keychain, wanted_signers
from support.agencies import ROOT_PASSPHRASE


def signed_by_holder(world: World, data: bytes) -> bytes:
    """What comes back from a holder whose machine has the offline keys of this home."""
    opened = open_proposal(from_json(data))
    keychain = holder_keychain(
        world.identity.home.offline_keys,
        node=world.node,
        passphrase=ROOT_PASSPHRASE.encode,
        entropy=system_entropy,
    )
    return to_json(sign(opened, wanted_signers(opened, keychain)).proposal)
