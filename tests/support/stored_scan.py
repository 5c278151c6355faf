"""A partner that scans one folder at an agency in this process, and counts what is read and sent."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from node.clock import milliseconds
from node.errors import NodeError
from node.hashing.file_hashes import Hashed, Part
from node.hoster.cover import Cover, Pace
from node.hoster.hits.spool import HitSpool
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.scan.judge import Asking, Screening
from node.hoster.scan.reader import Progress, Read, Reading
from node.hoster.scan.results import FileResult, ScanSummary
from node.hoster.scan.run import Ended, Stopping, run_scan
from node.hoster.scan.sources import Item, Walk
from node.hoster.scan.state import open_state
from node.ports.evaluator import EpochSecret
from node.subsets.epochs import enter_epoch, succeed
from protocol.digest import Digest
from protocol.oprf.suite import epoch_key
from protocol.subset.files import Held
from protocol.tlog.merkle import EMPTY_ROOT
from support.releases import SEED, SUBSET, EnrolledPartner, ReleasingAgency
from support.sodium import loaded_group
from support.stores import Agency, file_digests

NEXT_SEED = b"\x06" * 32


class Scanning:
    """A partner that scans one folder, and counts what is read and asked."""

    def __init__(self, fr: ReleasingAgency, nl: Agency, partner: EnrolledPartner, folder: Path) -> None:
        self.fr, self.nl, self.partner, self.folder = fr, nl, partner, folder
        self.files = folder / "files"
        self.files.mkdir()
        self.spool = HitSpool(folder)
        self.state, self.state_key = folder / "scan.db", b"k" * 32
        self.cover = Cover.BEAT
        self.chance, self.evaluations_per_day = 2.0**-12, 16_384
        self.altered: Callable[[Held], Held] = lambda held: held
        self.disputed: frozenset[Digest] = frozenset()
        self.read: list[str] = []
        self.sent: list[int] = []
        self.fails: NodeError | None = None
        self.results: dict[str, FileResult] = {}
        self.summary = ScanSummary(sources=())
        self._evaluate = partner.api.evaluate
        partner.api.evaluate = self._counted  # type: ignore[method-assign]

    async def _counted(self, subset, request):  # type: ignore[no-untyped-def]
        self.sent.append(request.count)
        if self.fails is not None:
            raise self.fails
        return await self._evaluate(subset, request)

    def store(self, *names: str) -> None:
        """Files whose hashes are those that agencies list under these names."""
        for name in names:
            (self.files / name).write_text(name)

    def _hashing(self, items: Iterator[Item]) -> Iterator[Read]:
        for item in items:
            path = Path(os.fsdecode(item.path))
            self.read.append(path.name)
            yield Read(item, self.hashed(path))

    def hashed(self, path: Path) -> Hashed:
        return Hashed(path.stat().st_size, (Part("", file_digests(path.name)),))

    def screening(self) -> Screening:
        """The release in force."""
        return Screening(
            self.altered(HeldReleases(self.partner.home).load(self.partner.home.load()[1].version))
        )

    async def scan(self, *, offline: bool = False) -> Ended:
        """Scan the folder; `read` and `sent` tell of this scan."""
        self.read, self.sent = [], []
        examiner = self.partner.examiner()
        screening = self.screening()
        clock = self.fr.clock
        with open_state(self.state, self.state_key) as state:
            run = state.runs.begin([str(self.files)], now_ms=milliseconds(clock.now()))
            ended = await run_scan(
                state,
                run,
                screening,
                self._reads,
                asking=Asking(state, screening, examiner, self.spool, clock),
                pace=None if offline else Pace(self.cover, self.chance, self.evaluations_per_day),
                plan="plan",
                progress=Progress(),
                stopping=Stopping(),
            )
            state.runs.end(run, now_ms=milliseconds(clock.now()), passed_over=0)
            self.summary = state.runs.summary(run)
            self.results = {Path(each.path).name: each for each in state.files.results(run)}
        return ended

    def _reads(self, reading: Reading) -> None:
        reading.read(Walk().paths([str(self.files)]), self._hashing)

    def fill_screen(self) -> None:
        """From now until the next update every file survives the screen."""
        self.altered = lambda held: replace(
            held,
            release=replace(
                held.release,
                manifest=replace(
                    held.release.manifest, screen_width=0, screen_count=0, screen_root=EMPTY_ROOT
                ),
                screen=held.release.screen[:0],
            ),
        )

    def empty_screen(self) -> None:
        """From now until the next update no file survives it."""
        self.altered = lambda held: replace(
            held, release=replace(held.release, screen=held.release.screen[:0])
        )

    def statuses(self) -> dict[str, str]:
        return {name: result.status.value for name, result in self.results.items()}

    def rotate(self) -> None:
        """A new epoch; the first release of it is still to be made."""
        rotate(self.fr)


def rotate(fr: ReleasingAgency) -> None:
    """A new epoch; the first release of it is still to be made."""
    now = fr.clock.now()
    secrets = [
        EpochSecret(subset=SUBSET, epoch=1, seed=SEED),
        EpochSecret(subset=SUBSET, epoch=2, seed=NEXT_SEED),
    ]
    fr.evaluator.hold(secrets)
    key = epoch_key(loaded_group(), NEXT_SEED).public
    made = succeed(fr.trust.document(), SUBSET, key, now=now, at=now, held={1})
    fr.trust.revise_document(lambda old: replace(old, subsets=(made,)), signers=fr.signers)
    enter_epoch(fr.store, fr.evaluator, SUBSET, fr.trust.document(), now=now)
