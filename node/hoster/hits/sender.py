"""Reporting spooled hits, and what follows: receipt, evidence, resolution, dispute, answer; verified here.

A report may be sent as often as it takes: the node answers the same request the same. What the node does not take
stays in the spool with the reason.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from keys.errors import BadSignatureError, KeysError
from keys.key import StatementPublicKey
from keys.message import Message
from node.clock import Clock, milliseconds
from node.errors import (
    ConflictError,
    GoneError,
    NotFoundError,
    PeerRefusedError,
    UsageError,
    VerificationError,
)
from node.hoster.folder import Enrolment
from node.hoster.hits.resolutions import Action, Done
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.lookup.examiner import Examiner
from node.hoster.trust.node import Known
from protocol.api import HitApi
from protocol.errors import ProtocolError
from protocol.hit_evidence.bundle import FORMATS
from protocol.hit_evidence.verify import verify_hit
from protocol.lists.event import collection_name
from protocol.statement.case import CaseAnswer, CaseState, PartnerDispute, open_answer
from protocol.statement.end import Ended, EndedReports, ReportEnd, open_end
from protocol.statement.receipt import Receipt, open_receipt
from protocol.statement.resolution import Action as SentAction
from protocol.statement.resolution import Resolution, ResolutionReceipt, open_resolution

MAX_FULL_PAGES: Final = 64
"""Of ended reports, that one sender asks to go on from: a node can make up ends without end."""

_CONFLICT, _NOT_VERIFIED = 409, 422


class HitSender:
    """Speaks with the agency's node about the hits of one enrolment, through `api`."""

    def __init__(
        self, spool: HitSpool, enrolment: Enrolment, known: Known, api: HitApi, clock: Clock
    ) -> None:
        self._spool = spool
        self._enrolment = enrolment
        self._known = known
        self._api = api
        self._clock = clock
        self._full_pages = MAX_FULL_PAGES
        self.unverified: set[bytes] = set()
        """Ids of reports that the node says have ended, where what it gave for that does not verify."""

    async def report(self, hit: SpooledHit, examiner: Examiner) -> SpooledHit:
        """The hit with its receipt, or with the reason why the node does not take it; once it has one, that stays.

        Raises:
            PeerUnreachableError: the node does not answer; the hit stays in the spool.
            GoneError: the node is in another epoch than the release held here; likewise.
            VerificationError: the receipt is not one of the node's for this report.
        """
        if hit.receipt or hit.ended_ms:
            return hit
        hit, data = await self._send(hit, examiner)
        if data is None:
            return hit
        receipt = self._receipt(hit, data)
        collection = collection_name(receipt.label.collection)
        return self._spool.save(replace(hit, receipt=data, refused="", collection=collection))

    @staticmethod
    def evaluates(hit: SpooledHit, examiner: Examiner) -> bool:
        """Whether its epoch is over, so that its hashes have to be evaluated again before the report."""
        epoch = hit.sent.report.epoch
        return epoch != examiner.epoch and not examiner.answers(epoch)

    async def _send(self, hit: SpooledHit, examiner: Examiner) -> tuple[SpooledHit, bytes | None]:
        """The hit and its receipt, or the hit as it ended and None; of an epoch that is over it is evaluated again.

        First the node is asked whether it has the report of that epoch, where it may.
        """
        report = hit.sent.report
        if hit.tried or not self.evaluates(hit, examiner):
            try:
                return await self._ask(hit)
            except GoneError:
                if report.epoch == examiner.epoch:
                    raise GoneError(
                        "the node uses another key by now", hint="sigfed update, then report again"
                    ) from None
        found = await examiner.again([report, *(other.report.report for other in hit.others)])
        if not found and examiner.takes_in(report.digest):
            return self._ended(hit), None
        if not found:
            return self._refused(hit, Message("the list takes in no hashes of this kind any more")), None
        return await self._ask(self._spool.renew(hit, *found))

    async def _ask(self, hit: SpooledHit) -> tuple[SpooledHit, bytes | None]:
        if not hit.tried:  # kept before it is sent: the node may take it, and its answer be lost
            hit = self._spool.save(replace(hit, tried=True))
        try:
            return hit, await self._api.report_hit(self._enrolment.subset, hit.sent.to_bytes())
        except NotFoundError:  # it ended, and the node keeps it with that; or it cannot say so any more
            with suppress(VerificationError):  # what is wrong with other hits keeps none from being reported
                await self.hear_ends()
            kept = self._spool.find(hit.id) or hit
            return kept if kept.ended_ms else self._refused(
                hit, Message("the list does not have it any more")
            ), None
        except PeerRefusedError as exc:
            if exc.status != _NOT_VERIFIED:
                raise
            return self._refused(hit, Message("the node does not accept this report")), None

    def _ended(self, hit: SpooledHit) -> SpooledHit:
        """The hit as one that no release lists any more; when that was first known stays."""
        return self._spool.save(replace(hit, ended_ms=hit.ended_ms or milliseconds(self._clock.now())))

    async def hear_ends(self) -> list[SpooledHit]:
        """Reported hits that ended, with the node's statements; of those that it told of before, nothing is asked.

        What is signed by a key that is not known here yet is asked for again the next time. What is no end of that
        report at all is passed for good: the node signs an end once, so that it would say the same again.
        Of a node that does not come to an end, no more than `MAX_FULL_PAGES` are read; the next run goes on.

        Raises:
            PeerUnreachableError: the node does not answer.
            VerificationError: what it says cannot be read.
        """
        heard: list[SpooledHit] = []
        known = last = self._spool.last_end
        told, waits = {last}, False
        while True:
            try:
                page = EndedReports.from_bytes(
                    await self._api.ended_reports(self._enrolment.subset, last.hex())
                )
            except NotFoundError:  # a node of before, which tells of none
                return heard
            except ProtocolError as exc:
                raise VerificationError(
                    "what the node says of ended reports cannot be read: {reason}", exc
                ) from exc
            news = [one for one in page.ended if one.report_id not in told]
            for one in news:
                last, hit = one.report_id, self._spool.find(one.report_id.hex())
                if hit is not None and not hit.end:
                    try:
                        heard.append(self._hear(hit, one))
                    except (ProtocolError, KeysError, VerificationError) as exc:
                        self.unverified.add(one.report_id)
                        waits = waits or isinstance(exc, BadSignatureError)
                known = known if waits else last
            self._spool.last_end = known
            if not news or not page.is_full or not self._full_pages:
                return heard  # a node that repeats itself, or makes up ends, is not asked for ever
            self._full_pages -= 1
            told |= {one.report_id for one in news}

    def _hear(self, hit: SpooledHit, told: Ended) -> SpooledHit:
        """The hit as it ended: by the statement of that, whoever signed the receipt has lost the key since or not.

        A receipt that comes with the end alone is either of a report that came late, or one that was lost on its way.
        """
        heard = replace(hit, end=told.end)
        end = self._open_end(heard)
        if not hit.receipt:
            with suppress(VerificationError):
                late = end.ended_ms <= self._receipt(heard, told.receipt).received_ms
                heard = replace(heard, receipt=told.receipt, late=late)
        return self._ended(heard)

    def end(self, hit: SpooledHit) -> ReportEnd | None:
        """The node's statement that the report ended, verified again; None: it gave none."""
        if not hit.end:
            return None
        try:
            return self._open_end(hit)
        except (ProtocolError, KeysError) as exc:
            raise VerificationError("the end of a report does not verify: {reason}", exc) from exc

    def _open_end(self, hit: SpooledHit) -> ReportEnd:
        """As `end`; raises as `open_end`, and `VerificationError` for another node's."""
        end = open_end(hit.end, hit.sent.report, self._statement_keys())
        if end.node != self._known.document.node:
            raise VerificationError("the end of a report is another node's")
        return end

    def _refused(self, hit: SpooledHit, why: str) -> SpooledHit:
        return self._spool.save(replace(hit, refused=why))

    def receipt(self, hit: SpooledHit) -> Receipt:
        """The receipt of a reported hit, verified again; raises `UsageError` for one that is not reported."""
        if not hit.receipt:
            raise UsageError(
                "this hit is not reported yet", hint=Message("sigfed hit report {id}", hit.id[:8])
            )
        return self._receipt(hit, hit.receipt)

    async def evidence(self, hit: SpooledHit) -> bytes:
        """The evidence file of a reported hit, verified from the pinned root.

        Raises:
            UsageError: it is not reported yet.
            GoneError: an entry behind it was shredded.
            VerificationError: what the node gives does not prove this hit.
        """
        self.receipt(hit)
        data = await self._api.hit_evidence(self._enrolment.subset, hit.id, version=max(FORMATS))
        try:
            finding = verify_hit(data, self._enrolment.trust.pin)
        except (ProtocolError, KeysError) as exc:
            raise VerificationError("the evidence does not verify: {reason}", exc) from exc
        report = hit.sent.report
        if (finding.report_id, finding.digest) != (report.report_id, report.digest):
            raise VerificationError("the evidence is of another hit")
        return data

    async def dispute(self, hit: SpooledHit, *, reason: str, contact: str) -> SpooledHit:
        """Open a case; the same words again find the one that is open.

        Raises:
            UsageError: the words do not fit, or the hit is not reported yet.
            ConflictError: the hit was disputed before, with other words.
        """
        self.receipt(hit)
        dispute = PartnerDispute(report_id=hit.sent.report.report_id, reason=reason, contact=contact)
        try:
            body = PartnerDispute.from_bytes(dispute.to_bytes()).to_bytes()
        except ProtocolError as exc:
            raise UsageError(
                "the words do not fit: {reason}", exc, hint="one line each; the reason up to 500 bytes"
            ) from exc
        try:
            state = await self._api.open_case(self._enrolment.subset, body)
        except PeerRefusedError as exc:
            if exc.status != _CONFLICT:
                raise
            raise ConflictError("this hit was disputed before, with other words") from exc
        return self._keep_case(hit, state)

    async def ask_case(self, hit: SpooledHit) -> SpooledHit:
        """The hit with what the node now says of its case, if it has one."""
        if not hit.case:
            return hit
        return self._keep_case(hit, await self._api.case(self._enrolment.subset, hit.id))

    def answer(self, hit: SpooledHit) -> CaseAnswer | None:
        """The verified answer to a disputed hit; None while there is none."""
        data = CaseState.from_bytes(hit.case).answer if hit.case else b""
        if not data:
            return None
        try:
            return open_answer(
                data,
                partner=hit.sent.report.partner,
                report_id=hit.sent.report.report_id,
                keys=self._statement_keys(),
            )
        except (ProtocolError, KeysError) as exc:
            raise VerificationError("the answer to the dispute does not verify: {reason}", exc) from exc

    def resolve(self, hit: SpooledHit, action: Action) -> SpooledHit:
        """Record what became of the file; what is recorded again keeps its time, a correction is later."""
        if hit.action is action and not hit.withdrawn:
            return hit
        now_ms = milliseconds(self._clock.now())
        if hit.action is not None:
            before = Done(hit.action, hit.resolved_ms)
            hit = replace(hit, before=(*hit.before, before), acknowledged=b"", not_told="")
            now_ms = max(now_ms, before.done_ms + 1)  # the latest counts, also where a clock was put back
        return self._spool.save(replace(hit, action=action, resolved_ms=now_ms))

    async def tell(self, hit: SpooledHit) -> SpooledHit:
        """The hit with the node's receipt for what became of the file, or with the reason why it takes none.

        Raises:
            PeerUnreachableError: the node does not answer; it stays to be told.
            VerificationError: what comes back is no receipt for it.
        """
        resolution = _resolution(hit)
        if resolution is None or not hit.untold:
            return hit
        try:
            data = await self._api.resolve_hit(self._enrolment.subset, resolution.to_bytes())
        except NotFoundError:
            return self._not_told(hit, Message("the agency does not keep the report any more"))
        except PeerRefusedError as exc:
            if exc.status != _CONFLICT:
                raise
            return self._not_told(hit, Message("the agency takes no more corrections of it"))
        self._open_acknowledged(hit, resolution, data)
        return self._spool.save(replace(hit, acknowledged=data))

    def withhold(self, hit: SpooledHit) -> SpooledHit:
        """The hit with a note that the agency is not to be told what became of the file: nobody is reminded of it."""
        return self._not_told(hit, Message("the settings of this client keep it here")) if hit.untold else hit

    def acknowledged(self, hit: SpooledHit) -> ResolutionReceipt | None:
        """The node's receipt for what became of the file, verified again; None while it was not told."""
        resolution = _resolution(hit)
        return (
            self._open_acknowledged(hit, resolution, hit.acknowledged)
            if resolution and hit.acknowledged
            else None
        )

    def _not_told(self, hit: SpooledHit, why: str) -> SpooledHit:
        return self._spool.save(replace(hit, not_told=why))

    def _open_acknowledged(self, hit: SpooledHit, resolution: Resolution, data: bytes) -> ResolutionReceipt:
        try:
            receipt = open_resolution(
                data, partner=hit.sent.report.partner, resolution=resolution, keys=self._statement_keys()
            )
        except (ProtocolError, KeysError) as exc:
            raise VerificationError(
                "the receipt for what became of the file does not verify: {reason}", exc
            ) from exc
        if receipt.node != self._known.document.node:
            raise VerificationError("the receipt for what became of the file is another node's")
        return receipt

    def _keep_case(self, hit: SpooledHit, data: bytes) -> SpooledHit:
        try:
            CaseState.from_bytes(data)
        except ProtocolError as exc:
            raise VerificationError("what the node says of the case cannot be read: {reason}", exc) from exc
        kept = replace(hit, case=data)
        self.answer(kept)
        return self._spool.save(kept)

    def _receipt(self, hit: SpooledHit, data: bytes) -> Receipt:
        try:
            receipt = open_receipt(data, hit.sent.report, self._statement_keys())
        except (ProtocolError, KeysError) as exc:
            raise VerificationError("the receipt does not verify: {reason}", exc) from exc
        if receipt.node != self._known.document.node:
            raise VerificationError("the receipt is another node's")
        return receipt

    def _statement_keys(self) -> tuple[StatementPublicKey, ...]:
        """All that the node document names: a receipt outlives the window of the key that signed it."""
        return tuple(dated.key for dated in self._known.document.statement_keys)


def _resolution(hit: SpooledHit) -> Resolution | None:
    """What became of the file, as it is sent; None while that is not recorded."""
    if hit.action is None:
        return None
    return Resolution(
        report_id=hit.sent.report.report_id, action=SentAction[hit.action.name], done_ms=hit.resolved_ms
    )
