"""An agency that releases a subset to a partner, joined without a network: real store, real trust files, real keys."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from keys.key import AuthPrivateKey, LogPrivateKey, TargetsPrivateKey
from keys.roles import Role
from keys.signer import Signer
from keys.trust.members import Member
from keys.trust.node_parts import EpochInfo, FinalCheckpoint, NodeLimits
from keys.trust.revocations import Reason, Revocation, Revocations, to_json
from keys.trust.vkey import DatedVkey
from node.access.quotas import Quotas
from node.clock import milliseconds, system_entropy
from node.evaluator.local_evaluator import InProcessEvaluator
from node.formats.rows import RowResult
from node.hoster.enrolment import enrol, introduce
from node.hoster.folder import PartnerFolder
from node.hoster.lookup.examiner import Examiner, Hit
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.release.update import Updater, UpdateReport
from node.hoster.trust.node import known
from node.lists.lookup import digests_named
from node.lists.publish import publish
from node.objects.folder import FolderObjects
from node.objects.release_files import ReleaseFolder
from node.partners.admission import Admission, ServedEnrolment
from node.partners.evaluate import Evaluating
from node.partners.fetches import Fetches
from node.partners.subset_service import ServedSubsets
from node.ports.evaluator import EpochSecret
from node.signing.log_signer import FolderLogSigner
from node.store.peers.records import FetchedTrust
from node.store.store import Store
from node.store.subsets.records import Listed, ReleaseRecord
from node.subsets.catalogue import create_subset
from node.subsets.deltas import Deltas
from node.subsets.epochs import AnnouncedEpochs
from node.subsets.release import Releaser, ReleaseReport
from node.trust.announce import LOG_KEY_DAYS, announce_epoch, announce_log
from node.trust.foundation import found
from node.trust.own import OwnTrust, window
from protocol.api import SubsetApi
from protocol.digest import Algorithm, Digest
from protocol.enrolment import Invitation
from protocol.lists.event import BASELINE
from protocol.oprf.suite import epoch_key
from protocol.subset.filter import SubsetFilter
from support.founding import MemoryKeys, founding_of
from support.new_stores import MemoryObjects
from support.sodium import loaded_group
from support.stores import NOW_MS, Agency, make_store, rows, sqlite_dsn
from support.times import SettableClock
from support.tuf_serving import OfferedSubset, StampedTrust

SUBSET = "baseline"
EXACT = frozenset({Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256})
FILTER = SubsetFilter(collections=frozenset({BASELINE}), algorithms=EXACT, screen_bits=12, labels=True)
SEED = b"\x05" * 32
MAX_AGE = timedelta(days=1)
SPKI = b"\x07" * 32
EVERY = range(-(2**63), 2**63)
"""Look-up key."""
LOG_KEY = LogPrivateKey.from_seed(b"z" * 32)
BEGINNING = datetime.fromtimestamp(NOW_MS / 1000, UTC)
LIMITS = NodeLimits(max_adds_per_day=1000, max_withdraws_per_day=10, max_checkpoint_age_s=86_400)


class ReleasingAgency:
    """`fr.example` with a list, a subset, a register that names it and `nl.example`, and an evaluator."""

    def __init__(self, store: Store, folder: Path, *, subset_filter: SubsetFilter = FILTER) -> None:
        self.store = store
        self.clock = SettableClock(BEGINNING)
        self.lists = Agency(store, folder)
        self.signer = FolderLogSigner(folder / "release-signer", lambda _: [LOG_KEY])
        self.deltas = Deltas()
        self.fetches = Fetches(store, self.clock)
        self.evaluator = InProcessEvaluator(
            loaded_group(), [EpochSecret(subset=SUBSET, epoch=1, seed=SEED)], entropy=system_entropy
        )
        self.releaser = Releaser(store, self.signer, self.evaluator)
        self.subset = create_subset(
            store,
            "fr.example",
            SUBSET,
            subset_filter,
            pk=epoch_key(loaded_group(), SEED).public,
            now_ms=milliseconds(self.clock.now()),
        )
        identity = _identity()
        keys, self._root_keys = identity.keys.copied(), identity.root_keys.copied()
        self.files = FolderObjects(folder / "trust")
        self.files.put_all(identity.files.items())
        self.trust = OwnTrust(
            self.files, self.clock, root_sha256=identity.root_sha256, freshness=keys.freshness
        )

    def evaluations(self) -> list[int]:
        """How many hashes it has evaluated at once for releases, each time from now on."""
        asked: list[int] = []
        outputs = self.evaluator.outputs

        def noted(subset: str, epoch: int, inputs: Sequence[bytes]) -> list[bytes]:
            asked.append(len(inputs))
            return outputs(subset, epoch, inputs)

        self.evaluator.outputs = noted  # type: ignore[method-assign]
        return asked

    @property
    def signers(self) -> Sequence[Signer]:
        return _signers(self._root_keys)

    def admit(self, member: Member) -> None:
        """Add a member to the register."""
        _admit(self.trust, member, self.signers)

    def follow(self, other: Agency) -> None:
        """Publish the other agency's list and pull it; its list is fresh from now on."""
        changed = other.publish().changed
        self.lists.now_ms = milliseconds(self.clock.now())
        if changed:
            self.lists.pull(other)
        else:
            self.lists.follower.confirm(other.origin, now_ms=self.lists.now_ms)

    def release(self) -> ReleaseReport:
        """Publish the own list and release."""
        now_ms = milliseconds(self.clock.now())
        publish(self.store, self.lists.origin, signer=self.lists.signer, now_ms=now_ms)
        return self.release_only()

    def release_only(self) -> ReleaseReport:
        return self.releaser.release(
            SUBSET, members=self.trust.members(), now=self.clock.now(), max_age=MAX_AGE
        )

    @property
    def records(self) -> Sequence[ReleaseRecord]:
        """The published releases."""
        with self.store.read() as unit:
            return unit.releases.ls(SUBSET)

    def api(self, partner: str = "hoster") -> SubsetApi:
        """What the partner's requests reach."""
        evaluating = Evaluating(
            self.store,
            Quotas(self.store),
            self.evaluator,
            self.clock,
            epochs=AnnouncedEpochs(self.files, self.trust),
        )
        served = ServedSubsets(self.store, evaluating, self.deltas, self.fetches)
        releases = served.for_partner(partner, frozenset({SUBSET}))
        return OfferedSubset(StampedTrust(self.files, self.trust), releases)

    async def admit_partner(self, folder: Path, *, name: str = "hoster") -> "EnrolledPartner":
        """Invite and enrol a partner."""
        admission = Admission(self.store, self.trust, clock=self.clock, entropy=system_entropy)
        invited = admission.invite(name, SUBSET, files_per_day=1000, screen_bits=12)
        invitation = Invitation.from_text(invited.text)
        found = FetchedTrust(url=invitation.url, trust=self.trust.current(), spki_sha256=SPKI)
        introduction = introduce(invitation, found, self.clock)
        key = AuthPrivateKey.from_seed(system_entropy(32))
        home = PartnerFolder(folder)
        home.create(await enrol(introduction, ServedEnrolment(admission), key), key)
        return EnrolledPartner(self, home)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    keys: MemoryKeys
    root_keys: MemoryKeys
    root_sha256: bytes
    files: Mapping[str, bytes]


@cache
def _identity() -> _Identity:
    """That of each `fr.example` here: to found it takes longer than most tests."""
    keys, root_keys, files = MemoryKeys(), MemoryKeys(), MemoryObjects()
    clock = SettableClock(BEGINNING)
    founding = founding_of(url="https://fr.example:8443/", pin=SPKI, limits=LIMITS)
    founded = found(founding, keychain=keys, root_keychain=root_keys, files=files, clock=clock)
    trust = OwnTrust(files, clock, root_sha256=founded.root_sha256, freshness=keys.freshness)
    signers, valid = _signers(root_keys), window(BEGINNING, LOG_KEY_DAYS)
    _admit(trust, Member(node="nl.example", root_sha256=b"\x01" * 32, country="NL"), signers)
    announce_log(trust, f"fr.example/subsets/{SUBSET}", LOG_KEY.public, valid=valid, signers=signers)
    epoch = EpochInfo(epoch=1, pk=epoch_key(loaded_group(), SEED).public, valid=valid)
    announce_epoch(trust, SUBSET, epoch, signers=signers)
    return _Identity(keys=keys, root_keys=root_keys, root_sha256=founded.root_sha256, files=files.data)


def _signers(root_keys: MemoryKeys) -> Sequence[Signer]:
    return [root_keys.key(TargetsPrivateKey, "1")]


def _admit(trust: OwnTrust, member: Member, signers: Sequence[Signer]) -> None:
    trust.revise_members(lambda old: replace(old, members=(*old.members, member)), signers=signers)


class EnrolledPartner:
    """A partner's client on the agency's API, which a test may replace."""

    def __init__(self, agency: ReleasingAgency, home: PartnerFolder) -> None:
        self.agency = agency
        self.home = home
        self.api = agency.api()

    async def update(self) -> UpdateReport:
        return await Updater(self.home, self.api, self.agency.clock).update()

    def examiner(self) -> Examiner:
        enrolment, cursor = self.home.load()
        return Examiner(
            enrolment,
            known(enrolment),
            HeldReleases(self.home).load(cursor.version),
            group=loaded_group,
            api=self.api,
            clock=self.agency.clock,
            entropy=system_entropy,
        )

    async def hit(self, digests: Sequence[Digest]) -> Hit | None:
        """Look one file up."""
        return (await self.examiner().examine([digests]))[0]


def folder(fr: ReleasingAgency) -> ReleaseFolder:
    return ReleaseFolder(fr.store, fr.records[-1])


def listed(fr: ReleasingAgency) -> set[Digest]:
    return set(listed_of(fr.store))


def listed_of(store: Store) -> dict[Digest, Listed]:
    """What the newest release lists, by the digests that held lists name; every row has to be of one of them."""
    with store.read() as unit:
        record = unit.releases.newest(SUBSET)
        assert record is not None
        kept = unit.listed.between(record.subset, record.version, EVERY)
        rows = [row for row in kept if not row.is_shredded]
        found = digests_named(store, unit, {row.name for row in rows})
    return {found[row.name]: row for row in rows}


@contextmanager
def two_agencies(
    folder: Path, *, subset_filter: SubsetFilter = FILTER
) -> Iterator[tuple[ReleasingAgency, Agency]]:
    """`fr.example`, which releases, and `nl.example`, each with a SQLite store and a folder of its own in `folder`."""
    folders = [folder / name for name in ("fr", "nl")]
    for each in folders:
        each.mkdir(parents=True)
    stores = [make_store(sqlite_dsn(each), each) for each in folders]
    fr = ReleasingAgency(stores[0], folders[0], subset_filter=subset_filter)
    yield fr, Agency(stores[1], folders[1], node="nl.example")
    fr.evaluator.close()
    for store in stores:
        store.dispose()


def release_both(fr: ReleasingAgency, nl: Agency, *names: str) -> None:
    """A first release of files that both agencies list."""
    release_rows(fr, nl, rows(*names))


def release_rows(fr: ReleasingAgency, nl: Agency, listed: Sequence[RowResult]) -> None:
    """A release of rows that both agencies list."""
    fr.lists.add(listed)
    nl.add(listed)
    fr.follow(nl)
    assert fr.release().published


def rob(fr: ReleasingAgency, nl: Agency, *, first: int, end: int) -> None:
    """Learn that the key of a log was stolen, and that events from `first` up to `end` are in doubt."""
    revocation = Revocation(
        role=Role.LOG,
        key=DatedVkey.of(nl.key.public, name=nl.origin, valid=window(fr.clock.now(), 1)).vkey,
        time=fr.clock.now(),
        reason=Reason.COMPROMISE,
        last_good=FinalCheckpoint(size=first, root=bytes(32)),
        resumes=end,
    )
    file = Revocations(version=1, node=nl.node, entries=(revocation,))
    with fr.store.write() as unit:
        unit.revocations.put(nl.node, version=1, payload=to_json(file), envelope=b"")
