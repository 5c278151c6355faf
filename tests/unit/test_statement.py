"""What authenticates a report, and whose receipt and answer it is."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from keys.errors import BadSignatureError, KeysError, MalformedTrustError
from keys.key import StatementPrivateKey
from node.objects.taken_reports import TakenReport
from protocol.digest import Algorithm, Digest
from protocol.encoding import CborValue, decode_cbor, encode_cbor
from protocol.errors import MalformedError, ProofError, UntrustedError
from protocol.limits import MAX_ENDS, MAX_ENDS_BYTES
from protocol.statement.case import CaseAnswer, Outcome, PartnerDispute, open_answer
from protocol.statement.end import Ended, EndedReports, ReportEnd, open_end
from protocol.statement.receipt import Receipt, kept_receipt, open_receipt
from protocol.statement.report import HitReport, SentReport, authenticate, require_evaluated
from protocol.subset.label import Label, LabelSource

KEY = StatementPrivateKey.from_seed(b"s" * 32)
OTHER = StatementPrivateKey.from_seed(b"o" * 32)
OUTPUT = b"y" * 64
REPORT = HitReport(
    partner="hoster",
    subset_id=b"s" * 16,
    epoch=1,
    version=7,
    digest=Digest(Algorithm.MD5, bytes(range(16))),
    report_id=b"r" * 16,
)
RECEIPT = Receipt(
    node="fr.example",
    partner="hoster",
    report_id=REPORT.report_id,
    report_sha256=REPORT.sha256(),
    subset_id=REPORT.subset_id,
    epoch=1,
    version=7,
    label=Label(1, (LabelSource(0, 3), LabelSource(1, 9))),
    received_ms=1_790_000_000_000,
)
END = ReportEnd(
    node="fr.example",
    partner="hoster",
    report_id=REPORT.report_id,
    report_sha256=REPORT.sha256(),
    subset_id=REPORT.subset_id,
    version=8,
    ended_ms=1_790_000_000_001,
)
ANSWER = CaseAnswer(
    partner="hoster",
    report_id=REPORT.report_id,
    outcome=Outcome.UPHELD,
    reason="it was our mistake",
    answered_ms=1_790_000_000_000,
)


def test_the_mac_is_what_the_specification_says() -> None:
    # Computed with the standard library alone: HKDF-Expand (RFC 5869), then HMAC (RFC 2104), over this body.
    sent = authenticate(REPORT, OUTPUT)
    assert sent.report.to_bytes().hex() == (
        "a800010166686f7374657202507373737373737373737373737373737303010407050106"
        "50000102030405060708090a0b0c0d0e0f075072727272727272727272727272727272"
    )
    assert sent.mac.hex() == "9ff914e2ca7134476c407c908ccc01728d7f5eaf4b13503f30542e85849781d4"
    assert require_evaluated(SentReport.from_bytes(sent.to_bytes()), OUTPUT, partner="hoster") == REPORT


def test_whoever_did_not_ask_cannot_report() -> None:
    sent = authenticate(REPORT, b"g" * 64)
    with pytest.raises(UntrustedError, match=r"^the hit report does not verify$"):
        require_evaluated(sent, OUTPUT, partner="hoster")


@pytest.mark.parametrize(
    "change",
    [
        {"partner": "other"},
        {"subset_id": b"t" * 16},
        {"epoch": 2},
        {"found_epoch": 0},
        {"version": 8},
        {"digest": Digest(Algorithm.MD5, b"m" * 16)},
        {"report_id": b"q" * 16},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_is_authenticated(change: dict[str, object]) -> None:
    mac, changed = authenticate(REPORT, OUTPUT).mac, replace(REPORT, **change)  # type: ignore[arg-type]
    with pytest.raises(UntrustedError):
        require_evaluated(SentReport(changed, mac), OUTPUT, partner=changed.partner)


def test_a_report_of_another_partner_is_worth_no_more_than_a_guess() -> None:
    with pytest.raises(UntrustedError, match=r"^the hit report does not verify$"):
        require_evaluated(authenticate(REPORT, OUTPUT), OUTPUT, partner="other")


def test_a_receipt_is_of_one_report() -> None:
    data = RECEIPT.signed(KEY)
    assert open_receipt(data, REPORT, [OTHER.public, KEY.public]) == RECEIPT
    assert kept_receipt(data) == RECEIPT
    for change in ({"version": 8}, {"partner": "other"}, {"report_id": b"q" * 16}):
        with pytest.raises(ProofError):
            open_receipt(data, replace(REPORT, **change), [KEY.public])


def test_an_end_is_of_one_report() -> None:
    data = END.signed(KEY)
    assert open_end(data, REPORT, [OTHER.public, KEY.public]) == END
    for change in ({"subset_id": b"t" * 16}, {"partner": "other"}, {"report_id": b"q" * 16}):
        with pytest.raises(ProofError):
            open_end(data, replace(REPORT, **change), [KEY.public])
    with pytest.raises(BadSignatureError):
        open_end(END.signed(OTHER), REPORT, [KEY.public])
    with pytest.raises(MalformedTrustError):
        open_end(RECEIPT.signed(KEY), REPORT, [KEY.public])


@pytest.mark.parametrize(
    "ended",
    [
        pytest.param([[b"r" * 16, b"receipt"]], id="two"),
        pytest.param([[b"r" * 15, b"receipt", b"end"]], id="short id"),
        pytest.param([[b"r" * 16, "receipt", b"end"]], id="text"),
        pytest.param([[b"r" * 16, b"receipt", b"e" * 4097]], id="long"),
        pytest.param([7], id="number"),
        pytest.param([[b"r" * 16, b"receipt", b"end"]] * (MAX_ENDS + 1), id="many"),
    ],
)
def test_ended_reports_of_another_form_are_refused(ended: Sequence[CborValue]) -> None:
    with pytest.raises(MalformedError):
        EndedReports.from_bytes(encode_cbor({0: 1, 1: ended}))


def test_a_full_page_of_ended_reports_fits_its_bound() -> None:
    page = EndedReports((Ended(b"r" * 16, RECEIPT.signed(KEY), END.signed(KEY)),) * MAX_ENDS)
    assert page.is_full
    assert len(page.to_bytes()) < MAX_ENDS_BYTES
    assert EndedReports.from_bytes(page.to_bytes()) == page


def test_what_is_kept_of_a_report_reads_as_it_was_written() -> None:
    for kept in (TakenReport(b"body", b"receipt"), TakenReport(b"", b"receipt", b"end")):
        assert TakenReport.from_bytes(kept.to_bytes()) == kept


def test_an_answer_is_to_one_case() -> None:
    data = ANSWER.signed(KEY)
    assert open_answer(data, partner="hoster", report_id=REPORT.report_id, keys=[KEY.public]) == ANSWER
    with pytest.raises(ProofError):
        open_answer(data, partner="other", report_id=REPORT.report_id, keys=[KEY.public])
    with pytest.raises(ProofError):
        open_answer(data, partner="hoster", report_id=b"q" * 16, keys=[KEY.public])


def test_another_key_signs_nothing() -> None:
    with pytest.raises(BadSignatureError):
        open_receipt(RECEIPT.signed(OTHER), REPORT, [KEY.public])
    with pytest.raises(BadSignatureError):
        open_answer(ANSWER.signed(OTHER), partner="hoster", report_id=REPORT.report_id, keys=[KEY.public])


def test_an_answer_is_no_receipt() -> None:
    with pytest.raises(MalformedTrustError):
        open_receipt(ANSWER.signed(KEY), REPORT, [KEY.public])


def test_any_altered_byte_of_a_receipt_is_refused() -> None:
    data = RECEIPT.signed(KEY)
    for place in range(len(data)):
        altered = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises((KeysError, MalformedError, ProofError)):
            open_receipt(altered, REPORT, [KEY.public])


@pytest.mark.parametrize(
    "reason", ["", "two\nlines", "x" * 501, "\x1b[2J"], ids=["none", "lines", "long", "escape"]
)
def test_a_reason_is_one_printable_line(reason: str) -> None:
    dispute = PartnerDispute(report_id=b"r" * 16, reason=reason, contact="")
    with pytest.raises(MalformedError):
        PartnerDispute.from_bytes(dispute.to_bytes())


@pytest.mark.parametrize(
    ("key", "value"), [(2, b"x" * 15), (5, 0), (5, 9), (6, b"short"), (1, 7), (8, 1), (9, 1)]
)
def test_a_report_of_another_form_is_refused(key: int, value: object) -> None:
    fields = decode_cbor(REPORT.to_bytes(), max_bytes=512)
    fields[key] = value  # type: ignore[assignment]
    with pytest.raises(MalformedError):
        HitReport.from_bytes(encode_cbor(fields))


def test_a_request_has_a_mac_and_a_bound() -> None:
    with pytest.raises(MalformedError):
        SentReport.from_bytes(b"short")
    with pytest.raises(MalformedError):
        SentReport.from_bytes(b"x" * 513)
