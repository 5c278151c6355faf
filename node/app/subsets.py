"""Subsets of an opened node: made in steps that are safe to repeat, released without a server."""

from keys.trust.members import open_members
from keys.trust.names import is_log_name
from keys.trust.node_parts import EpochInfo
from keys.trust.tuf.target_files import MEMBERS_FILE
from node.errors import AlreadyExistsError, TripwireError, UsageError
from node.evaluator.local_evaluator import InProcessEvaluator
from node.group.load import load_group
from node.group.sodium import load_sodium
from node.identity.audit import tell
from node.identity.identity import Identity
from node.identity.logs import announce, publish_own
from node.identity.rollback import signer_of
from node.ports.evaluator import Evaluator
from node.signing.epochs import epoch_secrets, oprf_label, public_of_epoch
from node.store.store import Store
from node.store.subsets.records import SubsetRecord
from node.subsets.catalogue import create_subset as catalogue_subset
from node.subsets.catalogue import report_subset, subset_origin
from node.subsets.draft import RuleDocuments
from node.subsets.epochs import EPOCH_DAYS, enter_epoch
from node.subsets.registers import keep_register
from node.subsets.release import Releaser, ReleaseReport
from node.trust.announce import announce_epoch
from node.trust.foundation import log_label
from node.trust.others.documents import member_documents
from node.trust.others.log_trust import log_trust
from node.trust.own import window
from protocol.subset.filter import SubsetFilter
from protocol.tlog.policy import write_policy
from protocol.witness.policy import witness_policy

_FIRST = 1


def create_subset(identity: Identity, store: Store, name: str, wanted: SubsetFilter) -> SubsetRecord:
    """Make the subset `name`: epoch key, tables, log key, announcement; asks for a targets key.

    Raises:
        AlreadyExistsError: there is such a subset, or one of another filter that is not announced yet.
        UsageError: a name that is not one.
    """
    if not is_log_name(name):
        raise UsageError("a subset is named with up to 64 small letters, digits and hyphens")
    signers = identity.targets_signers()
    now = identity.clock.now()
    pk = public_of_epoch(identity.keychain, load_sodium(), name, _FIRST)
    made = _catalogued(identity, store, name, wanted, pk)
    announce(identity, made.origin, signers=signers)
    epoch = EpochInfo(epoch=_FIRST, pk=pk, valid=window(now, EPOCH_DAYS))
    announce_epoch(identity.trust, name, epoch, signers=signers)
    for role, label in (("log", log_label(made.origin)), ("oprf", oprf_label(name, _FIRST))):
        tell(identity, store, "key.create", label, details={"role": role})
    return made


def _catalogued(identity: Identity, store: Store, name: str, wanted: SubsetFilter, pk: bytes) -> SubsetRecord:
    """The new subset, or the one of an earlier try that was cut off before its epoch was announced."""
    now_ms = identity.now_ms
    try:
        return catalogue_subset(store, identity.settings.node, name, wanted, pk=pk, now_ms=now_ms)
    except AlreadyExistsError:
        found = report_subset(store, name).subset
        if found.filter != wanted or any(info.name == name for info in identity.trust.document().subsets):
            raise
        return found


def release_here(identity: Identity, store: Store, name: str) -> ReleaseReport:
    """Publish what is waiting, then release a subset, in this process, whether or not the node is running.

    A release takes in published lists only: a withdrawal that is still waiting must not miss it. Nothing is published
    for a name that is no subset; raises `NotFoundError`.
    """
    with InProcessEvaluator(
        load_group(identity.settings.group), epoch_secrets(identity.keychain, of=name)
    ) as evaluator:
        return release_now(identity, store, evaluator, name)


def release_now(identity: Identity, store: Store, evaluator: Evaluator, name: str) -> ReleaseReport:
    """Publish what is waiting, then release a subset; as `release_here`, with an evaluator that is there already."""
    report_subset(store, name)
    for failure in publish_own(identity, store).failed.values():
        raise failure
    keep_own_register(identity, store)
    return release_with(identity, store, evaluator, name)


def release_with(identity: Identity, store: Store, evaluator: Evaluator, name: str) -> ReleaseReport:
    """Release a subset with what this node's members list now, in the youngest epoch that has begun."""
    now = identity.clock.now()
    epoch = enter_epoch(store, evaluator, name, identity.trust.document(), now=now)
    releaser = Releaser(store, signer_of(identity, store), evaluator, _rule_documents(identity, store, name))
    try:
        report = releaser.release(
            name,
            members=identity.trust.members(),
            now=now,
            until=epoch.valid.end,
            max_age=identity.settings.guards.max_checkpoint_age,
        )
    except TripwireError as exc:
        tell(identity, store, "subset.release", name, outcome="tripwire", details={"why": str(exc)})
        raise
    if report.published:
        tell(identity, store, "subset.release", name, details=_numbers(report))
    return report


def keep_own_register(identity: Identity, store: Store) -> None:
    """Keep the register that the next release is made with: evidence of its hits will need it."""
    envelope = identity.trust_files.get(MEMBERS_FILE)
    keep_register(store.objects, envelope, open_members(envelope, identity.trust.root()))


def _rule_documents(identity: Identity, store: Store, subset: str) -> RuleDocuments:
    """The documents whose hashes a release of `subset` names: whose cosignatures on its log this node would ask for.

    A partner derives the policy itself, and is told when the two differ.
    """
    now = identity.clock.now()
    origin = subset_origin(identity.settings.node, subset)
    held = member_documents(store, identity.introductions, identity.trust)
    policy = witness_policy(
        origin,
        identity.trust.members(),
        held,
        log_keys=log_trust(identity.trust.document(), origin, now).log_keys,
        now=now,
    )
    return RuleDocuments(witness_policy=write_policy(policy))


def _numbers(report: ReleaseReport) -> dict[str, str]:
    names = ("version", "entries", "added", "removed")
    return {name: str(getattr(report, name)) for name in names}
