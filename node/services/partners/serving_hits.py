"""Serving partners what concerns their hits: receipts, evidence, cases. Each partner sees its own alone."""

import asyncio

from node.errors import NotFoundError
from node.services.partners.casework import Casework
from node.services.partners.proving import Proving
from node.services.partners.reporting import Reporting
from protocol.api import HitApi
from protocol.errors import MalformedError
from protocol.statement.case import PartnerDispute
from protocol.statement.report import REPORT_ID_BYTES


class ServedHits:
    """Makes the API of one calling partner."""

    def __init__(self, reporting: Reporting, proving: Proving, casework: Casework) -> None:
        self._reporting = reporting
        self._proving = proving
        self._casework = casework

    def for_partner(self, partner: str, subsets: frozenset[str]) -> HitApi:
        """What `partner` may report and ask in these subsets."""
        return PartnerHits(self._reporting, self._proving, self._casework, partner, subsets)


class PartnerHits:
    """`protocol.api.HitApi` for one partner."""

    def __init__(
        self,
        reporting: Reporting,
        proving: Proving,
        casework: Casework,
        partner: str,
        subsets: frozenset[str],
    ) -> None:
        self._reporting = reporting
        self._proving = proving
        self._casework = casework
        self._partner = partner
        self._subsets = subsets

    async def report_hit(self, subset: str, report: bytes) -> bytes:
        """The signed receipt of a report; raises as `Reporting.report`."""
        self._require(subset)
        return await self._reporting.report(self._partner, subset, report)

    async def hit_evidence(self, subset: str, report_id: str) -> bytes:
        """The evidence of a reported hit; raises as `Proving.evidence`."""
        self._require(subset)
        return await asyncio.to_thread(self._proving.evidence, self._partner, subset, _id(report_id))

    async def open_case(self, subset: str, dispute: bytes) -> bytes:
        """The state of the case of a dispute; raises as `Casework.open`."""
        self._require(subset)
        asked = PartnerDispute.from_bytes(dispute)
        return (await asyncio.to_thread(self._casework.open, self._partner, subset, asked)).to_bytes()

    async def case(self, subset: str, report_id: str) -> bytes:
        """The state of a case; raises as `Casework.state`."""
        self._require(subset)
        found = await asyncio.to_thread(self._casework.state, self._partner, subset, _id(report_id))
        return found.to_bytes()

    def _require(self, subset: str) -> None:
        if subset not in self._subsets:
            raise NotFoundError("this partner has no such subset")


def _id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        raise MalformedError("a report's id is not hexadecimal digits") from None
    if len(found) != REPORT_ID_BYTES or found.hex() != text:
        raise MalformedError(f"a report's id is not {REPORT_ID_BYTES} bytes in lower-case hexadecimal digits")
    return found
