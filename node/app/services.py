"""What a process of a node offers over HTTP, whether it runs the node or only serves."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from keys.key import TokenPrivateKey
from node.access.callers import StoredCallers, StoredReplays
from node.access.quotas import Quotas
from node.app.partners.hits import served_hits, statement_key
from node.app.peers.evidence import open_telling
from node.app.peers.renewal import peer_renewal
from node.evaluator.process import EvaluatorProcess
from node.identity.identity import Identity, elsewhere
from node.identity.keyring import accepted_token_keys
from node.identity.witnesses import own_witness
from node.partners.admission import Admission, ServedEnrolment
from node.partners.disclosed_lookup import DisclosedLookups, PartnerDisclosure
from node.partners.evaluate import Evaluating
from node.partners.fetches import Fetches
from node.partners.key_renewal import PartnerRenewal, ServedRenewals
from node.partners.proposals.intake import TakingProposals
from node.partners.proposals.service import PartnerProposals
from node.partners.subset_service import ServedSubsets
from node.peers.acknowledgements import ServedAcknowledgements
from node.peers.holdings import ServedTelling
from node.peers.log_service import caller_logs
from node.peers.relay import RelayingTrust
from node.peers.return_list import HeldLists
from node.peers.trust_acknowledgements import ServedTrustAcknowledgements
from node.recipients.service import RecipientService
from node.signing.epochs import held_epochs
from node.store.store import Store
from node.subsets.deltas import Deltas
from node.subsets.epochs import AnnouncedEpochs, Epochs
from node.trust.others.recognise import Recognising
from node.web.services import Requested, WebServices
from node.witnesses.witness import ServedWitness


def web_services(
    identity: Identity,
    store: Store,
    *,
    evaluator: EvaluatorProcess,
    deltas: Deltas,
    recipients: RecipientService | None,
    ready: Callable[[], bool],
    requested: Requested,
) -> WebServices:
    """Everything behind the HTTP API."""
    trust = RelayingTrust(identity.trust_files, identity.trust, store, identity.introductions)
    epochs = answering_epochs(identity)
    evaluating = Evaluating(store, Quotas(store), evaluator, identity.clock, epochs=epochs)
    subsets = ServedSubsets(store, evaluating, deltas, Fetches(store, identity.clock))
    admission = Admission(store, identity.trust, clock=identity.clock, entropy=identity.entropy)
    renewing = PartnerRenewal(store, identity.trust, identity.clock)
    hits = served_hits(identity, store, evaluator, epochs)
    taking = TakingProposals(
        store,
        identity.clock,
        node=identity.settings.node,
        signer=lambda: statement_key(identity),
        enabled=identity.settings.proposals.enabled,
    )
    disclosed = DisclosedLookups(store, identity.clock, enabled=identity.settings.disclosed_lookup.enabled)
    return WebServices(
        node=identity.settings.node,
        url=identity.settings.listen.url.rstrip("/") + "/",
        clock=identity.clock,
        entropy=identity.entropy,
        token_signer=lambda: identity.signer(TokenPrivateKey),
        token_keys=lambda: accepted_token_keys(identity.ring.read(), identity.clock.now()),
        callers=StoredCallers(store, identity.clock),
        replays=StoredReplays(store),
        certificates_required=identity.settings.listen.agency_certificates == "required",
        trust=trust,
        tuf=trust,
        peer=partial(caller_logs, store, identity.clock),
        partner=lambda caller: subsets.for_partner(caller.client, caller.subsets),
        enrolment=ServedEnrolment(admission),
        witness=_witness(identity, store),
        gossip=ServedTelling(open_telling(identity, store)),
        hits=lambda caller: hits.for_partner(caller.client, caller.subsets),
        proposals=lambda caller: PartnerProposals(taking, caller.client, caller.subsets),
        disclosed=lambda caller: PartnerDisclosure(disclosed, caller.client, caller.subsets),
        acknowledgements=lambda caller: ServedAcknowledgements(store, identity.clock, caller.client),
        recognise=Recognising(store, identity.clock, peer_renewal(identity, store)),
        renewals=lambda caller: ServedRenewals(renewing, caller.client),
        trust_acknowledgements=lambda caller: ServedTrustAcknowledgements(
            store, identity.trust, identity.trust_files, identity.clock, caller.client
        ),
        held=lambda caller: HeldLists(store, caller.client),
        ready=ready,
        requested=requested,
        recipients=recipients,
    )


def require_answers(store: Store) -> None:
    """Ask the store for something small; raises `StoreDownError`."""
    with store.read() as unit:
        unit.subsets.ls()
    next(store.objects.ls("sweeps/"), None)


def answering_epochs(identity: Identity) -> Epochs:
    """Which epochs answer here: those that are announced, and on another machine those whose key files it has."""
    announced = AnnouncedEpochs(identity.trust_files, identity.trust)
    return _EpochsHere(announced, identity) if identity.serves_only else announced


class _EpochsHere:
    """An epoch that counts and whose key was not copied to this machine yet is no epoch that is over."""

    def __init__(self, announced: Epochs, identity: Identity) -> None:
        self._announced = announced
        self._keychain = identity.keychain

    def require(self, subset: str, epoch: int, *, now: datetime) -> None:
        """As `Epochs.require`; raises `SignerDownError` where another machine would answer."""
        self._announced.require(subset, epoch, now=now)
        if (subset, epoch) not in held_epochs(self._keychain):
            raise elsewhere("the key of this epoch")


def _witness(identity: Identity, store: Store) -> ServedWitness | None:
    """This node as a witness; None when its document names no witness."""
    witness = own_witness(identity, store)
    if witness is None:
        return None
    return ServedWitness(witness, identity.clock, renew=peer_renewal(identity, store))
