"""Serving partners what concerns their hits: receipts, evidence, resolutions, cases; each its own alone."""

import asyncio
from dataclasses import dataclass

from node.partners.hits.cases import Casework
from node.partners.hits.ends import Ends
from node.partners.hits.evidence import Proving
from node.partners.hits.reports import Reporting
from node.partners.hits.resolutions import Resolving
from node.partners.parameters import require_subset, spelled_id
from protocol.api import HitApi
from protocol.statement.case import PartnerDispute
from protocol.statement.report import REPORT_ID_BYTES
from protocol.statement.resolution import Resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedHits:
    """Makes the API of one calling partner."""

    reporting: Reporting
    proving: Proving
    casework: Casework
    resolving: Resolving
    ends: Ends

    def for_partner(self, partner: str, subsets: frozenset[str]) -> HitApi:
        """What `partner` may report and ask in these subsets."""
        return PartnerHits(self, partner, subsets)


class PartnerHits:
    """`protocol.api.HitApi` for one partner."""

    def __init__(self, services: ServedHits, partner: str, subsets: frozenset[str]) -> None:
        self._services = services
        self._partner = partner
        self._subsets = subsets

    async def report_hit(self, subset: str, report: bytes) -> bytes:
        """The signed receipt of a report; raises as `Reporting.report`."""
        require_subset(subset, self._subsets)
        return await self._services.reporting.report(self._partner, subset, report)

    async def hit_evidence(self, subset: str, report_id: str, *, version: int = 1) -> bytes:
        """The evidence of a reported hit; raises as `Proving.evidence`."""
        require_subset(subset, self._subsets)
        return await asyncio.to_thread(
            self._services.proving.evidence, self._partner, subset, _id(report_id), version=version
        )

    async def ended_reports(self, subset: str, report_id: str) -> bytes:
        """The partner's reports that ended after this one."""
        require_subset(subset, self._subsets)
        found = await self._services.ends.after(self._partner, subset, _id(report_id))
        return found.to_bytes()

    async def resolve_hit(self, subset: str, resolution: bytes) -> bytes:
        """The signed receipt of a resolution; raises as `Resolving.resolve`."""
        require_subset(subset, self._subsets)
        said = Resolution.from_bytes(resolution)
        return await asyncio.to_thread(self._services.resolving.resolve, self._partner, subset, said)

    async def open_case(self, subset: str, dispute: bytes) -> bytes:
        """The state of the case of a dispute; raises as `Casework.open`."""
        require_subset(subset, self._subsets)
        asked = PartnerDispute.from_bytes(dispute)
        opened = await asyncio.to_thread(self._services.casework.open, self._partner, subset, asked)
        return opened.to_bytes()

    async def case(self, subset: str, report_id: str) -> bytes:
        """The state of a case; raises as `Casework.state`."""
        require_subset(subset, self._subsets)
        found = await asyncio.to_thread(self._services.casework.state, self._partner, subset, _id(report_id))
        return found.to_bytes()


def _id(text: str) -> bytes:
    return spelled_id(text, size=REPORT_ID_BYTES, of="a report")
