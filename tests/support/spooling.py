"""A partner's client on a node without a network between them, and a made-up hit for its spool."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from node.clock import milliseconds
from node.errors import NodeError
from node.hoster.folder import Enrolment
from node.hoster.hits.sender import HitSender
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.lookup.examiner import Examiner, Hit, Source
from node.hoster.trust.node import Known
from node.objects.release_files import ReleaseFolder
from protocol.digest import Algorithm
from protocol.statement.report import SentReport
from protocol.subset.files import Held
from support.hits import HOSTER, ORIGIN, SUBSET, HitWorld, report_of
from support.sodium import loaded_group

SENT = SentReport(report_of("a file"), b"m" * 32)
HIT = Hit(
    algorithms=(Algorithm.SHA256,),
    collection="baseline",
    sources=(
        Source(country="FR", origin="fr.example/lists/main", index=0),
        Source(country="NL", origin="nl.example/lists/main", index=0),
    ),
    weak=False,
    test_file=False,
    report=SENT,
)


def recorded(spool: HitSpool, hit: Hit = HIT, *, name: str = "a.jpg", now_ms: int = 1000) -> SpooledHit:
    kept = spool.record(hit, name=name, now_ms=now_ms)
    assert kept is not None
    return kept


class Api:
    """The node's API, with what goes wrong on the way."""

    def __init__(self, world: HitWorld, partner: str) -> None:
        self._inner = world.hits(partner)
        self.meddle: Callable[[bytes], bytes] = lambda data: data
        self.failing: NodeError | None = None
        self.calls = 0

    async def report_hit(self, subset: str, report: bytes) -> bytes:
        return await self._pass(self._inner.report_hit(subset, report))

    async def hit_evidence(self, subset: str, report_id: str, *, version: int = 1) -> bytes:
        return await self._pass(self._inner.hit_evidence(subset, report_id, version=version))

    async def ended_reports(self, subset: str, report_id: str) -> bytes:
        return await self._pass(self._inner.ended_reports(subset, report_id))

    async def resolve_hit(self, subset: str, resolution: bytes) -> bytes:
        return await self._pass(self._inner.resolve_hit(subset, resolution))

    async def open_case(self, subset: str, dispute: bytes) -> bytes:
        return await self._pass(self._inner.open_case(subset, dispute))

    async def case(self, subset: str, report_id: str) -> bytes:
        return await self._pass(self._inner.case(subset, report_id))

    async def _pass(self, answer: Awaitable[bytes]) -> bytes:
        self.calls += 1
        data = self.meddle(await answer)
        if self.failing is not None:
            raise self.failing
        return data


@dataclass
class Partner:
    """A partner's client on a node without a network between them."""

    world: HitWorld
    spool: HitSpool
    api: Api
    name: str = HOSTER

    @property
    def enrolment(self) -> Enrolment:
        return Enrolment(
            url="https://fr.example/",
            partner=self.name,
            subset=SUBSET,
            origin=ORIGIN,
            evaluations_per_day=1000,
            grace_days=7,
            trust=self.world.fr.trust.current(),
            confirmed_ms=milliseconds(self.world.fr.clock.now()),
        )

    @property
    def known(self) -> Known:
        trust = self.world.fr.trust
        return Known(
            root=trust.root(),
            document=trust.document(),
            members=trust.members(),
            revocations=trust.revocations(),
        )

    @property
    def examiner(self) -> Examiner:
        with self.world.fr.store.read() as unit:
            newest = unit.releases.newest(SUBSET)
        assert newest is not None
        held: Held = ReleaseFolder(self.world.fr.store, newest).load()
        return Examiner(
            self.enrolment,
            self.known,
            held,
            group=loaded_group,
            api=self.world.subset_api(self.name),
            clock=self.world.fr.clock,
            entropy=os.urandom,
        )

    @property
    def sender(self) -> HitSender:
        return HitSender(self.spool, self.enrolment, self.known, self.api, self.world.fr.clock)

    async def find(self, name: str) -> SpooledHit:
        """Look a made-up file up, and keep the hit."""
        found = (await self.examiner.examine([[report_of(name).digest]]))[0]
        assert found is not None
        return recorded(self.spool, found, name=name, now_ms=self.world.fr.now_ms)

    async def report(self, hit: SpooledHit) -> SpooledHit:
        return await self.sender.report(hit, self.examiner)
