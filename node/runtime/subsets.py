"""Subsets of an opened node: made in steps that are safe to repeat, released without a server."""

from datetime import timedelta

from keys.roles import Role
from keys.trust.node_parts import EpochInfo
from node.clock import milliseconds
from node.errors import AlreadyExistsError
from node.evaluator.in_process import InProcessEvaluator
from node.ports.subsets import SubsetRecord
from node.runtime.logs import announce
from node.runtime.opening import Identity
from node.services.announcing import announce_epoch
from node.services.releasing import Releaser, ReleaseReport
from node.services.shelf import Shelf
from node.services.subsets import create_subset as catalogue_subset
from node.services.subsets import subset_origin
from node.services.trusting import window
from node.signing.epochs import epoch_secrets, oprf_label
from node.sodium import load_group
from protocol.oprf.suite import epoch_key
from protocol.subset.filter import SubsetFilter

EPOCH_DAYS = 90
_FIRST = 1


def create_subset(identity: Identity, shelf: Shelf, name: str, wanted: SubsetFilter) -> SubsetRecord:
    """Make the subset `name`: epoch key, tables, log key, announcement; asks for a root key.

    Raises:
        AlreadyExistsError: there is such a subset.
        UsageError: a name that is not one.
    """
    now = identity.clock.now()
    label = oprf_label(name, _FIRST)
    try:
        seed = identity.keychain.create_secret(Role.OPRF, label)
    except AlreadyExistsError:
        seed = identity.keychain.secret(Role.OPRF, label)
    pk = epoch_key(load_group(), seed).public
    made = catalogue_subset(shelf, identity.settings.node, name, wanted, pk=pk, now_ms=milliseconds(now))
    announce(identity, subset_origin(identity.settings.node, name))
    epoch = EpochInfo(epoch=_FIRST, pk=pk, valid=window(now, EPOCH_DAYS))
    announce_epoch(identity.trust, name, epoch, signers=identity.root_signers())
    return made


def release_here(identity: Identity, shelf: Shelf, name: str) -> ReleaseReport:
    """Release a subset in this process, whether or not the node is running."""
    with InProcessEvaluator(load_group(), epoch_secrets(identity.keychain)) as evaluator:
        releaser = Releaser(shelf, identity.log_signer(), evaluator)
        return release_with(identity, releaser, name)


def release_with(identity: Identity, releaser: Releaser, name: str) -> ReleaseReport:
    """Release a subset with what this node's members list now."""
    return releaser.release(
        name,
        members=identity.trust.members(),
        now=identity.clock.now(),
        max_age=timedelta(hours=identity.settings.guards.max_checkpoint_age_hours),
    )
