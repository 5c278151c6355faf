"""Two agencies that follow each other, a subset of one of them, and partners that report hits of it: no sockets.

async with hit_world(tmp_path, listed=["a file"]) as world:
    report = await world.evaluated("a file")
    receipt = await world.hits().report_hit(SUBSET, report.to_bytes())
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from shutil import copytree

from keys.key import LogPrivateKey, StatementPrivateKey, StatementPublicKey
from keys.trust.node_parts import DatedKey, EpochInfo
from keys.trust.tuf.target_files import MEMBERS_FILE
from node.access.quotas import Quotas
from node.evaluator.local_evaluator import InProcessEvaluator
from node.lists.corrections.shred import prepare, shred
from node.objects.report_pages import report_pages
from node.partners.evaluate import Evaluating
from node.partners.fetches import Fetches
from node.partners.hits.cases import Casework
from node.partners.hits.ends import Ends
from node.partners.hits.evidence import Proving
from node.partners.hits.floods import FloodLimits, FloodWatch
from node.partners.hits.reports import Reporting
from node.partners.hits.resolutions import Resolving
from node.partners.hits.service import ServedHits
from node.partners.subset_service import ServedSubsets
from node.ports.evaluator import EpochSecret
from node.signing.log_signer import FolderLogSigner
from node.store.hits.records import HitFilter, HitRecord
from node.store.store import Store
from node.subsets.catalogue import create_subset
from node.subsets.deltas import Deltas
from node.subsets.epochs import AnnouncedEpochs
from node.subsets.registers import keep_register
from node.subsets.release import Releaser, ReleaseReport
from node.trust.announce import LOG_KEY_DAYS, announce_epoch, announce_log
from node.trust.own import window
from node.trust.service import ServedTrust
from protocol.api import HitApi, SubsetApi
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE
from protocol.lists.ext import Reason
from protocol.messages import EvaluationRequest
from protocol.oprf.client import blind, finalize
from protocol.oprf.suite import epoch_key
from protocol.statement.report import HitReport, SentReport, authenticate
from protocol.subset.filter import SubsetFilter
from protocol.subset.identity import subset_id
from protocol.subset.prf_input import prf_input
from support.federation import Agency, Federation, scratch_folder
from support.lists import digest
from support.records import partner_record
from support.sodium import loaded_group
from support.tuf_serving import OfferedSubset

SUBSET = "baseline"
ORIGIN = f"fr.example/subsets/{SUBSET}"
SUBSET_ID = subset_id(ORIGIN)
HOSTER, OTHER = "hoster", "other-hoster"
QUOTA = 1000
SEED = b"\x05" * 32
_SIGNER = "release-signer"
_RELEASE_KEY = LogPrivateKey.from_seed(b"z" * 32)
_ALGORITHMS = frozenset({Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256})


def kept_reports(store: Store) -> list[HitRecord]:
    """All reports that an agency keeps, newest first."""
    return [record for page in report_pages(store, HitFilter()) for record in page]


def named(name: str) -> Digest:
    """The digest under which the agencies list a made-up file."""
    return digest(name, Algorithm.SHA256)


def shred_file(agency: Agency, name: str) -> None:
    """An agency shreds a made-up file that it lists, and publishes that."""
    plan = prepare(agency.store, agency.origin, digest(name))
    shred(agency.store, agency.origin, plan.position, reason=Reason.ERROR)
    agency.publish()


class HitWorld:
    """`fr.example` releases a subset to two partners; what is on it, `nl.example` lists as well."""

    def __init__(self, folder: Path, *, labels: bool, algorithms: frozenset[Algorithm]) -> None:
        federation = Federation(folder)
        federation.peers("fr", "nl")
        self._settle_in(folder, federation)
        self.statement_key = self.fr.keys.key(StatementPrivateKey, "1")
        self.flood_limits = FloodLimits(reports=100, partners=3, hours=24)
        self._make_subset(labels=labels, algorithms=algorithms)
        for name in (HOSTER, OTHER):
            self.enrol(name)

    def _settle_in(self, folder: Path, federation: Federation) -> None:
        self._folder = folder
        self.federation = federation
        self.fr, self.nl = federation.agencies
        self.evaluator = InProcessEvaluator(
            loaded_group(), [EpochSecret(subset=SUBSET, epoch=1, seed=SEED)], entropy=os.urandom
        )
        self.deltas = Deltas()
        signer = FolderLogSigner(folder / _SIGNER, lambda _: [_RELEASE_KEY])
        self._releaser = Releaser(self.fr.store, signer, self.evaluator)

    def taken_up(self, folder: Path) -> "HitWorld":
        """The same world in another folder, as it is now. Nobody may be at work here."""
        made = copy(self)
        made._settle_in(folder, self.federation.taken_up(folder))
        if (self._folder / _SIGNER).exists():
            copytree(self._folder / _SIGNER, folder / _SIGNER)
        return made

    def _make_subset(self, *, labels: bool, algorithms: frozenset[Algorithm]) -> None:
        fr = self.fr
        pk = epoch_key(loaded_group(), SEED).public
        wanted = SubsetFilter(
            collections=frozenset({BASELINE}), algorithms=algorithms, screen_bits=12, labels=labels
        )
        made = create_subset(fr.store, fr.name, SUBSET, wanted, pk=pk, now_ms=fr.now_ms)
        valid = window(fr.clock.now(), LOG_KEY_DAYS)
        announce_log(fr.trust, made.origin, _RELEASE_KEY.public, valid=valid, signers=fr.signers)
        announce_epoch(fr.trust, SUBSET, EpochInfo(epoch=1, pk=pk, valid=valid), signers=fr.signers)

    def enrol(self, name: str) -> None:
        """Let a partner in."""
        partner = partner_record(
            name=name, auth_key=os.urandom(32), evaluations_per_day=QUOTA, added_ms=self.fr.now_ms
        )
        with self.fr.store.write() as unit:
            unit.partners.add(partner)

    @property
    def agencies(self) -> Sequence[Agency]:
        return (self.fr, self.nl)

    def list_both(self, *names: str) -> None:
        """Both agencies list made-up files."""
        for agency in self.agencies:
            agency.add(*names)

    async def release(self) -> ReleaseReport:
        """Publish, sync and release."""
        for agency in self.agencies:
            agency.publish()
        await self.federation.settle()
        members = self.fr.trust.members()
        keep_register(self.fr.objects, self.fr.files.get(MEMBERS_FILE), members)
        return self._releaser.release(
            SUBSET, members=members, now=self.fr.clock.now(), max_age=timedelta(days=1)
        )

    def subset_api(self, partner: str = HOSTER) -> SubsetApi:
        """What a partner's other requests reach."""
        evaluating = Evaluating(
            self.fr.store, Quotas(self.fr.store), self.evaluator, self.fr.clock, epochs=self.epochs
        )
        fetches = Fetches(self.fr.store, self.fr.clock)
        served = ServedSubsets(self.fr.store, evaluating, self.deltas, fetches)
        return OfferedSubset(ServedTrust(self.fr.files), served.for_partner(partner, frozenset({SUBSET})))

    def lose_statement_key(self) -> None:
        """The key was stolen: another takes its place, and the node document does not name it any more."""
        self.statement_key = StatementPrivateKey.from_seed(b"2" * 32)
        key = DatedKey("2", self.statement_key.public, window(self.fr.clock.now(), LOG_KEY_DAYS))
        self.fr.trust.revise_document(
            lambda document: replace(document, statement_keys=(key,)), signers=self.fr.signers
        )

    @property
    def statement_keys(self) -> Sequence[StatementPublicKey]:
        return [self.statement_key.public]

    @property
    def epochs(self) -> AnnouncedEpochs:
        return AnnouncedEpochs(self.fr.files, self.fr.trust)

    @property
    def casework(self) -> Casework:
        return Casework(self.fr.store, self.fr.clock, days=7)

    @property
    def reporting(self) -> Reporting:
        return Reporting(
            self.fr.store,
            Quotas(self.fr.store),
            self.evaluator,
            self.fr.clock,
            epochs=self.epochs,
            roots=self.fr.trust.roots,
            signer=lambda: self.statement_key,
            floods=FloodWatch(self.fr.store, self.fr.clock, self.flood_limits),
        )

    @property
    def resolving(self) -> Resolving:
        return Resolving(self.fr.store, self.fr.clock, node=self.fr.name, signer=lambda: self.statement_key)

    @property
    def proving(self) -> Proving:
        return Proving(
            self.fr.store,
            self.fr.trust,
            self.fr.files,
            self.fr.introductions,
            signer=lambda: self.statement_key,
        )

    def hits(self, partner: str = HOSTER) -> HitApi:
        """What a partner's requests about its hits reach."""
        served = ServedHits(
            reporting=self.reporting,
            proving=self.proving,
            casework=self.casework,
            resolving=self.resolving,
            ends=Ends(self.fr.store, self.fr.trust, signer=lambda: self.statement_key),
        )
        return served.for_partner(partner, frozenset({SUBSET}))

    def quota_left(self, partner: str = HOSTER) -> int:
        return Quotas(self.fr.store).left(partner, now=self.fr.clock.now())

    async def output(self, found: Digest, *, partner: str = HOSTER) -> bytes:
        """The PRF output of a digest, asked for as a partner does."""
        group = loaded_group()
        blinding = blind(group, [prf_input(SUBSET_ID, found)], entropy=os.urandom)
        request = EvaluationRequest(
            subset_id=SUBSET_ID, epoch=1, request_id=os.urandom(16), elements=blinding.elements
        )
        reply = await self.subset_api(partner).evaluate(SUBSET, request)
        public = self.evaluator.public(SUBSET, 1)
        return finalize(group, blinding, reply.elements, proof=reply.proof, public=public)[0]

    async def evaluated(self, name: str, *, partner: str = HOSTER, version: int = 1) -> SentReport:
        """The report of a made-up file that a partner asked about."""
        report = report_of(name, partner=partner, version=version)
        return authenticate(report, await self.output(report.digest, partner=partner))

    async def reported(self, name: str, *, partner: str = HOSTER, version: int = 1) -> SentReport:
        """As `evaluated`; the node has taken it."""
        sent = await self.evaluated(name, partner=partner, version=version)
        await self.hits(partner).report_hit(SUBSET, sent.to_bytes())
        return sent


def report_of(name: str, *, partner: str = HOSTER, version: int = 1) -> HitReport:
    """A report of a made-up file, with an id of its own."""
    return HitReport(
        partner=partner,
        subset_id=SUBSET_ID,
        epoch=1,
        version=version,
        digest=named(name),
        report_id=os.urandom(16),
    )


Begin = Callable[[HitWorld], Awaitable[object]]
"""What has happened in a world when a test begins."""
_BEGUN: dict[tuple[Begin, bool, frozenset[Algorithm]], HitWorld] = {}


@cache
def _released(*names: str) -> Begin:
    """Both agencies list made-up files, and it is released."""

    async def begin(world: HitWorld) -> None:
        world.list_both(*names)
        await world.release()

    return begin


@asynccontextmanager
async def hit_world(
    folder: Path,
    *,
    labels: bool = True,
    algorithms: frozenset[Algorithm] = _ALGORITHMS,
    listed: Sequence[str] = (),
    begin: Begin | None = None,
) -> AsyncIterator[HitWorld]:
    """A world, closed when the block ends; with a release of these files, if there are any, or as `begin` leaves it.

    What happens before is done once a run: each world is a copy.
    """
    if listed:
        begin = _released(*listed)
    if begin is None:
        world = HitWorld(folder, labels=labels, algorithms=algorithms)
    else:
        world = (await _begun(begin, labels=labels, algorithms=algorithms)).taken_up(folder)
    with world.federation, world.evaluator:
        yield world


async def _begun(begin: Begin, *, labels: bool, algorithms: frozenset[Algorithm]) -> HitWorld:
    key = begin, labels, algorithms
    if key not in _BEGUN:
        async with hit_world(scratch_folder(), labels=labels, algorithms=algorithms) as world:
            await begin(world)
        _BEGUN[key] = world
    return _BEGUN[key]
