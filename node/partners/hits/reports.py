"""Taking hit reports: only of digests that were evaluated, once each, against a signed receipt.

The node computes the PRF output itself and compares what authenticates the report. A report that verifies is always
taken, however little quota is left: a hit must never wait for the next day. One that does not costs an evaluation, so
guessing digests here is no cheaper than asking about them, and tells nothing. Whichever release a report names, it is
judged by the newest: what that lists no more is kept as ended, and not answered as if it stood.
Spec: docs/spec/statement.md, "Report" and "End".
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final

from keys.signer import Signer
from keys.trust.tuf.root import TrustedRoot
from node.clock import DAY_MS, HOUR_MS, Clock, milliseconds
from node.errors import AlreadyExistsError, ConflictError, NotFoundError, RateLimitedError, UsageError
from node.objects.release_files import ReleaseFolder
from node.objects.sealed_names import report_name
from node.objects.taken_reports import TakenReport, end_shredded, taken
from node.partners.evaluate import Quota
from node.partners.hits.floods import FloodWatch
from node.partners.hits.sources import label_of
from node.ports.evaluator import Evaluator
from node.store.hits.records import HitRecord, HitSourceRecord
from node.store.index import gone_among
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord, SubsetRecord
from node.store.unit import Unit
from node.subsets.epochs import Epochs
from node.subsets.registers import kept_register
from protocol.digest import Digest
from protocol.errors import UntrustedError
from protocol.statement.receipt import Receipt
from protocol.statement.report import HitReport, SentReport, require_evaluated
from protocol.subset.canary import is_canary
from protocol.subset.completeness import is_asked
from protocol.subset.identity import subset_id
from protocol.subset.label import Label
from protocol.subset.lookup import Lookup
from protocol.subset.manifest import Manifest
from protocol.subset.prf_input import prf_input
from protocol.subset.release import Release

EVALUATED_AGAIN: Final = 64
"""Evaluations that one look-up costs, padding included."""
MAX_GIVEN_BACK: Final = 64
"""Hits of earlier epochs, a partner and epoch, whose evaluation is given back: each could carry 63 tests more."""
MAX_A_DAY: Final = 10_000
"""New reports of one partner in 24 hours: one evaluated digest makes reports without end, and each is kept."""
MAX_UNLISTED: Final = 100
"""Reports of one partner in an hour that no release lists: for each, releases are read, and none is paid for."""

_WAIT_SECONDS: Final = 3600


class Reporting:
    """Takes the reports of all partners of this node."""

    def __init__(
        self,
        store: Store,
        quota: Quota,
        evaluator: Evaluator,
        clock: Clock,
        *,
        epochs: Epochs,
        roots: Callable[[], Sequence[TrustedRoot]],
        signer: Callable[[], Signer],
        floods: FloodWatch,
    ) -> None:
        self._store = store
        self._quota = quota
        self._evaluator = evaluator
        self._clock = clock
        self._epochs = epochs
        self._roots = roots
        self._signer = signer
        self._floods = floods
        self._hour = 0
        self._unlisted = Counter[str]()
        """Reports that no release listed, by partner, in this hour."""

    async def report(self, partner: str, subset: str, request: bytes) -> bytes:
        """The receipt of a report that `partner` sent.

        Raises:
            MalformedError: not a report.
            UsageError: of another subset than its address, or of the test file.
            GoneError: of an epoch that does not answer now: the digest is to be evaluated again first.
            UntrustedError: it does not verify, which costs an evaluation.
            OverQuotaError: the same, and no evaluation is left to pay with.
            NotFoundError: no release lists it, or the newest does not any more: then it is kept, and has ended.
            ConflictError: the partner has another report of that id.
            RateLimitedError: it made more reports in a day than there can be, or too many of what is not listed.
        """
        return await asyncio.to_thread(self._take, partner, subset, request)

    def _take(self, partner: str, subset: str, request: bytes) -> bytes:
        sent = SentReport.from_bytes(request)
        with self._store.read() as unit:
            record = unit.subsets.get(subset)
            earlier = unit.hits.find(partner, sent.report.report_id)
        request_sha256 = sha256(request).digest()
        if earlier is not None and earlier.request_sha256 == request_sha256:
            return self._answer(earlier)
        report, output = self._verified(partner, record, sent)
        if earlier is not None:
            raise ConflictError("another report has this id", hint="make a new id")
        self._require_few(partner)
        try:
            version, label = self._listed(record, report, output)
        except NotFoundError:
            self._unlisted[partner] += 1
            raise
        receipt = self._receipt(report, version, label)
        signed = receipt.signed(self._signer())
        kept = None
        while kept is None:  # until nothing is released between the judgement and the keeping
            newest = self._newest(record)
            kept = self._keep(
                self._record(report, record.name, receipt, request_sha256),
                TakenReport(report.to_bytes(), signed),
                report.digest,
                label,
                newest=newest,
                ended=self._took_out(record, newest, report, output),
            )
        return self._answer(kept)

    def _answer(self, record: HitRecord) -> bytes:
        """The receipt of a kept report; raises `NotFoundError` for one that had ended before it came.

        A program that knows of no ends must not take the receipt for the list's word of today.
        """
        if record.came_late:
            raise NotFoundError(
                "the newest release does not list it any more", hint="update: the hit has ended"
            )
        return taken(self._store, record).receipt

    def _newest(self, subset: SubsetRecord) -> ReleaseRecord:
        with self._store.read() as unit:
            newest = unit.releases.newest(subset.name)
        assert newest is not None, "a release was just read"
        return newest

    def _took_out(
        self, subset: SubsetRecord, newest: ReleaseRecord, report: HitReport, output: bytes
    ) -> bool:
        """Whether the newest release does not list the digest, though the subset takes in hashes of its kind.

        Of another epoch than the report, it has another output.
        """
        if newest.epoch != report.epoch:
            value = prf_input(report.subset_id, report.digest)
            output = self._evaluator.outputs(subset.name, newest.epoch, [value])[0]
        release = ReleaseFolder(self._store, newest).load().release
        taken_in = is_asked(release.filter, [report.digest.algorithm])
        return taken_in and Lookup(release).match([output])[0] is None

    def _record(self, report: HitReport, subset: str, receipt: Receipt, request_sha256: bytes) -> HitRecord:
        """The report as the receipt has it: by both times a partner knows whether it had ended before it came."""
        return HitRecord(
            partner=report.partner,
            report_id=report.report_id,
            subset=subset,
            version=receipt.version,
            collection=receipt.label.collection,
            algorithm=report.digest.algorithm,
            received_ms=receipt.received_ms,
            epoch=report.epoch,
            found_epoch=report.found_epoch,
            request_sha256=request_sha256,
        )

    def _require_few(self, partner: str) -> None:
        now_ms = milliseconds(self._clock.now())
        if self._hour != now_ms // HOUR_MS:
            self._hour, self._unlisted = now_ms // HOUR_MS, Counter()
        if self._unlisted[partner] >= MAX_UNLISTED:
            raise RateLimitedError(
                "too many reports of what is not listed", retry_after_seconds=_WAIT_SECONDS
            )
        with self._store.read() as unit:
            count = unit.hits.received_since(partner, since_ms=now_ms - DAY_MS)
        if count >= MAX_A_DAY:
            raise RateLimitedError("too many hit reports in a day", retry_after_seconds=_WAIT_SECONDS)

    def _verified(self, partner: str, subset: SubsetRecord, sent: SentReport) -> tuple[HitReport, bytes]:
        """The report and the output of its digest, if the sender knew that output."""
        report = sent.report
        if report.subset_id != subset_id(subset.origin) or is_canary(report.digest):
            raise UsageError("a report of another subset than its address, or of the published test file")
        self._epochs.require(subset.name, report.epoch, now=self._clock.now())
        value = prf_input(report.subset_id, report.digest)
        output = self._evaluator.outputs(subset.name, report.epoch, [value])[0]
        try:
            return require_evaluated(sent, output, partner=partner), output
        except UntrustedError:
            self._quota.spend(partner, 1, now=self._clock.now())
            raise

    def _listed(self, subset: SubsetRecord, report: HitReport, output: bytes) -> tuple[int, Label]:
        """Version and label of the release that lists the digest: the one named, or the newest of its epoch."""
        for version, release in self._releases(subset, report):
            match = Lookup(release).match([output])[0]
            if match is not None:
                return version, match.label or self._label(subset, release.manifest, report)
        raise NotFoundError(
            "the release does not list what the report names", hint="update, and look the file up again"
        )

    def _releases(self, subset: SubsetRecord, report: HitReport) -> Iterator[tuple[int, Release]]:
        """Those of the report's epoch: files of the one that it names may not be kept any more."""
        with self._store.read() as unit:
            releases = {record.version: record for record in unit.releases.ls(subset.name)}
        if report.version not in releases:
            raise NotFoundError(
                "this subset has no such release", hint="fetch its newest with: sigfed update"
            )
        same = [version for version, record in releases.items() if record.epoch == report.epoch]
        for version in dict.fromkeys((report.version, *same[-1:])):
            if version not in same:
                continue
            folder = ReleaseFolder(self._store, releases[version])
            if folder.exists():
                yield version, folder.load().release

    def _label(self, subset: SubsetRecord, manifest: Manifest, report: HitReport) -> Label:
        _, members = kept_register(self._store.objects, manifest.rules.members, self._roots())
        return label_of(self._store, subset, manifest, report.digest, members)

    def _receipt(self, report: HitReport, version: int, label: Label) -> Receipt:
        return Receipt(
            node=self._roots()[0].node,
            partner=report.partner,
            report_id=report.report_id,
            report_sha256=report.sha256(),
            subset_id=report.subset_id,
            epoch=report.epoch,
            version=version,
            label=label,
            received_ms=milliseconds(self._clock.now()),
        )

    def _keep(
        self,
        record: HitRecord,
        new: TakenReport,
        digest: Digest,
        label: Label,
        *,
        newest: ReleaseRecord,
        ended: bool,
    ) -> HitRecord | None:
        """The report as it is kept; None when another release than `newest` is the newest by now."""
        name = report_name(record.partner, record.report_id)
        try:
            with self._store.write() as unit:
                unit.hits.lock()
                if unit.releases.newest(record.subset) != newest:
                    return None
                # Asked where no shredding can come in between: the releases that partners hold outlive a listing.
                gone = bool(gone_among(self._store.vault, unit, [digest]))
                kept = replace(new, body=b"") if gone else new
                unit.hits.add(record, self._store.vault.seal(name, kept.to_bytes()))
                sources = _sources(unit, record, label)
                unit.hit_outcomes.add_sources(sources)
                if ended:
                    unit.hits.end(record, ended_ms=record.received_ms, version=newest.version)
                elif gone:
                    end_shredded(unit, record, now_ms=record.received_ms)
        except AlreadyExistsError:
            # The same request at the same moment: whoever came first is answered to both.
            return self._first(record)
        if record.found_epoch is not None:
            self._give_back(record)
        self._floods.look(sources)
        return self._first(record)

    def _first(self, record: HitRecord) -> HitRecord:
        """What is kept under a report's id, if it is the same request."""
        with self._store.read() as unit:
            first = unit.hits.find(record.partner, record.report_id)
        if first is None or first.request_sha256 != record.request_sha256:
            raise ConflictError("another report has this id", hint="make a new id")
        return first

    def _give_back(self, record: HitRecord) -> None:
        """Evaluating a spooled hit again, because its epoch was over, costs nothing, within a cap."""
        with self._store.read() as unit:
            count = unit.hits.found_earlier(record.partner, epoch=record.epoch)
        if count <= MAX_GIVEN_BACK:
            self._quota.refund(record.partner, EVALUATED_AGAIN, now=self._clock.now())


def _sources(unit: Unit, record: HitRecord, label: Label) -> list[HitSourceRecord]:
    """The entries behind a report."""
    origins = {
        number: origin for origin, number in unit.subsets.source_numbers(record.subset, record.epoch).items()
    }
    return [
        HitSourceRecord(
            partner=record.partner,
            report_id=record.report_id,
            origin=origins[source.number],
            position=source.index,
            received_ms=record.received_ms,
        )
        for source in label.sources
    ]
