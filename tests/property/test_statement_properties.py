"""What partners and nodes tell each other: one value, one encoding, and nothing but our errors on any bytes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError
from protocol.limits import MAX_CONTACT_BYTES, MAX_HIT_REPORT_BYTES, MAX_LOG_SIZE, MAX_REASON_BYTES
from protocol.statement.case import CaseAnswer, CaseState, Outcome, PartnerDispute
from protocol.statement.end import Ended, EndedReports, ReportEnd
from protocol.statement.proposal import Proposal, ProposedFile
from protocol.statement.proposal_receipt import ProposalReceipt
from protocol.statement.proposal_state import FileOutcome, FileState, ProposalState
from protocol.statement.receipt import Receipt
from protocol.statement.report import HitReport, SentReport, authenticate
from protocol.statement.resolution import Action, Resolution, ResolutionReceipt
from protocol.subset.label import Label, LabelSource
from protocol.subset.manifest import MAX_EPOCH, MAX_TIME_MS

IDS = st.binary(min_size=16, max_size=16)
HASHES = st.binary(min_size=32, max_size=32)
TIMES = st.integers(0, MAX_TIME_MS)
NAMES = st.text("abcdefgh-.0123456789", min_size=1, max_size=64)
_SIZES = {
    Algorithm.MD5: 16,
    Algorithm.SHA1: 20,
    Algorithm.SHA256: 32,
    Algorithm.PDQ: 32,
    Algorithm.PHOTODNA: 144,
}
DIGESTS = st.sampled_from(sorted(_SIZES)).flatmap(
    lambda algorithm: st.binary(min_size=_SIZES[algorithm], max_size=_SIZES[algorithm]).map(
        lambda value: Digest(algorithm, value)
    )
)
EPOCHS: Any = st.integers(1, MAX_EPOCH).flatmap(
    lambda epoch: st.tuples(st.just(epoch), st.none() | st.integers(0, epoch - 1))
)
REPORTS: Any = EPOCHS.flatmap(lambda epochs: reports(*epochs))


def reports(epoch: int, found_epoch: int | None) -> st.SearchStrategy[HitReport]:
    return st.builds(
        HitReport,
        partner=NAMES,
        subset_id=IDS,
        epoch=st.just(epoch),
        found_epoch=st.just(found_epoch),
        version=st.integers(1, MAX_LOG_SIZE),
        digest=DIGESTS,
        report_id=IDS,
    )


def lines(most: int, *, least: int = 1) -> st.SearchStrategy[str]:
    return st.text(min_size=least, max_size=most).filter(
        lambda text: text.isprintable() and least <= len(text.encode()) <= most
    )


LABELS = st.builds(
    Label,
    st.integers(1, 4),
    st.dictionaries(st.integers(0, 255), st.integers(0, 2**48 - 1), min_size=1, max_size=4).map(
        lambda found: tuple(LabelSource(number, index) for number, index in sorted(found.items()))
    ),
)
RECEIPTS = st.builds(
    Receipt,
    node=NAMES,
    partner=NAMES,
    report_id=IDS,
    report_sha256=HASHES,
    subset_id=IDS,
    epoch=st.integers(0, MAX_EPOCH),
    version=st.integers(1, MAX_LOG_SIZE),
    label=LABELS,
    received_ms=TIMES,
)
DISPUTES = st.builds(
    PartnerDispute, report_id=IDS, reason=lines(MAX_REASON_BYTES), contact=lines(MAX_CONTACT_BYTES, least=0)
)
ANSWERS = st.builds(
    CaseAnswer,
    partner=NAMES,
    report_id=IDS,
    outcome=st.sampled_from(Outcome),
    reason=lines(MAX_REASON_BYTES),
    answered_ms=TIMES,
)
ENDS = st.builds(
    ReportEnd,
    node=NAMES,
    partner=NAMES,
    report_id=IDS,
    report_sha256=HASHES,
    subset_id=IDS,
    version=st.integers(1, MAX_LOG_SIZE),
    ended_ms=TIMES,
)
ENDED = st.builds(Ended, report_id=IDS, receipt=st.binary(max_size=99), end=st.binary(max_size=99))
RESOLUTIONS = st.builds(Resolution, report_id=IDS, action=st.sampled_from(Action), done_ms=TIMES)
RESOLVED = st.builds(
    ResolutionReceipt,
    node=NAMES,
    partner=NAMES,
    report_id=IDS,
    action=st.sampled_from(Action),
    done_ms=TIMES,
    received_ms=TIMES,
)
STATES = st.builds(CaseState, opened_ms=TIMES, due_ms=TIMES, answer=st.binary(max_size=200))
FILES = st.dictionaries(st.sampled_from(sorted(_SIZES)), st.binary(min_size=1, max_size=9), min_size=1).map(
    lambda found: ProposedFile(
        tuple(Digest(each, found[each].ljust(_SIZES[each], b"x")) for each in sorted(found))
    )
)
PROPOSALS = st.builds(
    Proposal,
    partner=NAMES,
    subset_id=IDS,
    proposal_id=IDS,
    claim=st.integers(0, 4),
    reason=lines(MAX_REASON_BYTES),
    contact=lines(MAX_CONTACT_BYTES, least=0),
    files=st.lists(FILES, min_size=1, max_size=5, unique=True).map(tuple),
)
PROPOSAL_RECEIPTS = st.builds(
    ProposalReceipt,
    node=NAMES,
    partner=NAMES,
    proposal_id=IDS,
    proposal_sha256=HASHES,
    files=st.integers(1, 256),
    received_ms=TIMES,
)
OUTCOMES = st.one_of(
    st.sampled_from([FileState.WAITING, FileState.TAKEN, FileState.WITHDRAWN]).map(FileOutcome),
    lines(MAX_REASON_BYTES).map(lambda reason: FileOutcome(FileState.REFUSED, reason)),
)
PROPOSAL_STATES = st.builds(
    ProposalState, received_ms=TIMES, files=st.lists(OUTCOMES, min_size=1, max_size=5).map(tuple)
)
SENT = st.builds(SentReport, REPORTS, HASHES)
VALUES: Any = st.one_of(
    REPORTS,
    RECEIPTS,
    ENDS,
    st.builds(EndedReports, st.lists(ENDED, max_size=3).map(tuple)),
    DISPUTES,
    ANSWERS,
    STATES,
    SENT,
    PROPOSALS,
    PROPOSAL_RECEIPTS,
    PROPOSAL_STATES,
    RESOLUTIONS,
    RESOLVED,
)
TYPES: list[Any] = [
    HitReport,
    Receipt,
    ReportEnd,
    EndedReports,
    PartnerDispute,
    CaseAnswer,
    CaseState,
    SentReport,
    Proposal,
    ProposalReceipt,
    ProposalState,
    Resolution,
    ResolutionReceipt,
]


@given(VALUES)
def test_what_is_written_reads_as_itself(value: Any) -> None:
    assert type(value).from_bytes(value.to_bytes()) == value


@given(st.sampled_from(TYPES), st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(kind: Any, data: bytes) -> None:
    try:
        value = kind.from_bytes(data)
    except MalformedError:
        return
    assert value.to_bytes() == data


@given(VALUES, st.data())
def test_an_altered_message_is_another_one_or_none(value: Any, data: st.DataObject) -> None:
    body = bytearray(value.to_bytes())
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = type(value).from_bytes(bytes(body))
    except MalformedError:
        return
    assert found != value
    assert found.to_bytes() == bytes(body)


@given(REPORTS, st.binary(min_size=64, max_size=64))
def test_a_report_fits_its_bound(report: HitReport, output: bytes) -> None:
    assert len(authenticate(report, output).to_bytes()) <= MAX_HIT_REPORT_BYTES


@pytest.mark.parametrize("kind", TYPES)
def test_a_message_beyond_its_bound_is_refused(kind: Any) -> None:
    with pytest.raises(MalformedError):
        kind.from_bytes(b"\xa1" * 140_000)
