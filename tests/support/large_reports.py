"""A year of partners' reports for a large world, kept as the services keep them; nothing is evaluated for them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from hashlib import sha256

from sqlalchemy import insert

from keys.key import StatementPrivateKey
from keys.signer import Signer
from node.clock import DAY_MS, milliseconds
from node.identity.identity import Identity
from node.objects.sealed_names import case_name, report_name
from node.objects.taken_reports import TakenReport
from node.store.hits.records import CaseRecord, HitRecord, HitSourceRecord, ResolutionRecord
from node.store.hits.reports import HitReportRow, HitResolutionRow
from node.store.partners.records import PartnerRecord
from node.store.store import Store
from node.store.tables import table
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.lists.event import BASELINE
from protocol.statement.case import PartnerDispute
from protocol.statement.receipt import Receipt
from protocol.statement.report import HitReport
from protocol.statement.resolution import Action
from protocol.subset.identity import subset_id
from protocol.subset.label import Label, LabelSource

SUBSET = "baseline"
_ACTIONS = (Action.REMOVED,) * 17 + (Action.DISABLED, Action.PRESERVED, Action.FALSE_POSITIVE)

Placed = Sequence[tuple[Digest, tuple[tuple[str, int], ...]]]
"""Digests, each with list and position of the entries behind it."""


def report_hits(
    identity: Identity, store: Store, *, partners: int, hits: int, placed: Placed, days: int
) -> None:
    """Enrol partners and let them report hits, evenly over the days up to now."""
    now_ms = milliseconds(identity.clock.now())
    signer = identity.signer(StatementPrivateKey)
    step = days * DAY_MS // hits
    with store.write() as unit:
        for number in range(partners):
            unit.partners.add(_partner(number, now_ms, days))
        numbers = unit.subsets.source_numbers(SUBSET, 1)
        origin = unit.subsets.get(SUBSET).origin
        reports = _Reports(unit, store, signer, numbers, subset_id(origin))
        for number in range(hits):
            # Multiples of a prime: neighbours in time are neither of one partner nor of one entry.
            digest, places = placed[number * 7919 % len(placed)]
            partner = partner_name(number * 104_729 % partners)
            reports.keep(number, partner, digest, places, now_ms - (hits - number) * step)
        reports.finish()


def partner_name(number: int) -> str:
    """The name of a partner."""
    return f"hoster-{number:04}"


def report_id(number: int) -> bytes:
    """The id of a report."""
    return sha256(b"report %d" % number).digest()[:16]


def _values(record: HitRecord | ResolutionRecord) -> dict[str, object]:
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _partner(number: int, now_ms: int, days: int) -> PartnerRecord:
    """Most renewed their key within two months, as clients do by themselves; one in a hundred should have long ago."""
    added_ms = now_ms - days * DAY_MS
    return PartnerRecord(
        name=partner_name(number),
        subset=SUBSET,
        auth_key=sha256(b"partner %d" % number).digest(),
        evaluations_per_day=10_000,
        added_ms=added_ms + number * 60_000,
        key_ms=now_ms - (170 if number % 100 == 7 else number % 60) * DAY_MS,
        seen_ms=added_ms + number * 120_000,
        suspended=number % 50 == 0,
    )


class _Reports:
    def __init__(
        self, unit: Unit, store: Store, signer: Signer, numbers: Mapping[str, int], identity: bytes
    ) -> None:
        self._unit = unit
        self._vault = store.vault
        self._signer = signer
        self._numbers = numbers
        self._identity = identity
        self._hits: list[HitRecord] = []
        self._sealed: list[bytes] = []
        self._sources: list[HitSourceRecord] = []
        self._resolutions: list[ResolutionRecord] = []

    def keep(
        self, number: int, partner: str, digest: Digest, places: tuple[tuple[str, int], ...], at_ms: int
    ) -> None:
        """One report; most are resolved within the day, a few are disputed."""
        identity = report_id(number)
        report = HitReport(
            partner=partner, subset_id=self._identity, epoch=1, version=1, digest=digest, report_id=identity
        )
        sources = sorted(LabelSource(self._numbers[origin], position) for origin, position in places)
        label = Label(BASELINE, tuple(sources))
        kept = TakenReport(report.to_bytes(), self._receipt(report, label, at_ms))
        self._hits.append(
            HitRecord(
                partner=partner,
                report_id=identity,
                subset=SUBSET,
                version=1,
                collection=BASELINE,
                algorithm=digest.algorithm,
                received_ms=at_ms,
                epoch=1,
                found_epoch=None,
                request_sha256=sha256(identity).digest(),
                closed_ms=at_ms + DAY_MS if number % 3 else None,
            )
        )
        self._sealed.append(self._vault.seal(report_name(partner, identity), kept.to_bytes()))
        self._sources += [
            HitSourceRecord(
                partner=partner, report_id=identity, origin=origin, position=position, received_ms=at_ms
            )
            for origin, position in places
        ]
        if number % 8:
            self._resolve(number, partner, at_ms + number % 30 * 3_600_000)
        if number % 50 == 0:
            self._dispute(number, partner, at_ms + DAY_MS)

    def finish(self) -> None:
        """Write what is written at once, as the services would have written one after the other."""
        self._unit.hit_outcomes.add_sources(self._sources)
        connection = self._unit.hits._connection
        connection.execute(
            insert(table(HitReportRow)),
            [_values(hit) | {"sealed": sealed} for hit, sealed in zip(self._hits, self._sealed, strict=True)],
        )
        connection.execute(insert(table(HitResolutionRow)), list(map(_values, self._resolutions)))

    def _receipt(self, report: HitReport, label: Label, at_ms: int) -> bytes:
        receipt = Receipt(
            node="fr.example",
            partner=report.partner,
            report_id=report.report_id,
            report_sha256=report.sha256(),
            subset_id=report.subset_id,
            epoch=1,
            version=1,
            label=label,
            received_ms=at_ms,
        )
        return receipt.signed(self._signer)

    def _resolve(self, number: int, partner: str, at_ms: int) -> None:
        self._resolutions.append(
            ResolutionRecord(
                partner=partner,
                report_id=report_id(number),
                done_ms=at_ms,
                action=_ACTIONS[number % len(_ACTIONS)],
                received_ms=at_ms,
                receipt=b"",
            )
        )

    def _dispute(self, number: int, partner: str, at_ms: int) -> None:
        identity = report_id(number)
        said = PartnerDispute(report_id=identity, reason="a stock picture of a made-up product", contact="")
        record = CaseRecord(
            partner=partner,
            report_id=identity,
            subset=SUBSET,
            opened_ms=at_ms,
            due_ms=at_ms + 7 * DAY_MS,
            sealed_dispute=self._vault.seal(case_name(partner, identity), said.to_bytes()),
        )
        self._unit.partner_cases.add(record)
        if number % 200:
            self._unit.partner_cases.answer(
                record, outcome=1 + number // 50 % 2, answer=b"", answered_ms=at_ms + DAY_MS
            )
