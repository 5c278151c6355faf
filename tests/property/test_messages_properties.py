"""Messages: round trip, one encoding, and nothing but our errors for anything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.messages import (
    EnrolmentReply,
    EnrolmentRequest,
    EvaluationReply,
    EvaluationRequest,
    RenewalReply,
    RenewalRequest,
)

ids = st.binary(min_size=16, max_size=16)
epochs = st.integers(0, 2**32 - 1)
elements = st.integers(1, 5).flatmap(lambda n: st.binary(min_size=32 * n, max_size=32 * n))

requests = st.builds(EvaluationRequest, subset_id=ids, epoch=epochs, request_id=ids, elements=elements)
replies = st.builds(
    EvaluationReply,
    epoch=epochs,
    request_id=ids,
    elements=elements,
    proof=st.binary(min_size=64, max_size=64),
)
enrolments = st.builds(
    EnrolmentRequest,
    invite_id=ids,
    auth_key=st.binary(min_size=32, max_size=32),
    mac=st.binary(min_size=32, max_size=32),
    auth_signature=st.binary(min_size=64, max_size=64),
)
names = st.text(min_size=1, max_size=40)
grants = st.builds(
    EnrolmentReply,
    partner=names,
    subset=names,
    origin=names,
    evaluations_per_day=st.integers(0, 2**40),
    grace_days=st.integers(0, 60),
)


@given(requests)
def test_evaluation_request(request: EvaluationRequest) -> None:
    assert EvaluationRequest.from_bytes(request.to_bytes()) == request
    assert request.count * 32 == len(request.elements)


@given(replies)
def test_evaluation_reply(reply: EvaluationReply) -> None:
    assert EvaluationReply.from_bytes(reply.to_bytes()) == reply


@given(enrolments)
def test_enrolment_request(request: EnrolmentRequest) -> None:
    assert EnrolmentRequest.from_bytes(request.to_bytes()) == request


@given(grants)
def test_enrolment_reply(reply: EnrolmentReply) -> None:
    assert EnrolmentReply.from_bytes(reply.to_bytes()) == reply


@given(
    st.builds(
        RenewalRequest,
        auth_key=st.binary(min_size=32, max_size=32),
        auth_signature=st.binary(min_size=64, max_size=64),
        old_signature=st.binary(min_size=64, max_size=64),
    )
)
def test_renewal_request(request: RenewalRequest) -> None:
    assert RenewalRequest.from_bytes(request.to_bytes()) == request


@given(st.builds(RenewalReply, old_until_ms=st.integers(0, 2**53 - 1)))
def test_renewal_reply(reply: RenewalReply) -> None:
    assert RenewalReply.from_bytes(reply.to_bytes()) == reply


@pytest.mark.threat("hostile bytes")
@given(st.binary(max_size=400))
def test_only_our_errors_escape(data: bytes) -> None:
    for kind in (EvaluationRequest, EvaluationReply):
        try:
            assert kind.from_bytes(data).to_bytes() == data
        except MalformedError:
            continue
    for text_kind in (EnrolmentRequest, EnrolmentReply):
        with pytest.raises(MalformedError):
            text_kind.from_bytes(data)


REQUEST = EvaluationRequest(subset_id=bytes(16), epoch=1, request_id=bytes(16), elements=bytes(64)).to_bytes()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", MalformedError, id="empty"),
        pytest.param(b"\x02" + REQUEST[1:], MalformedError, id="version 2"),
        pytest.param(b"\x01\x00\x01\x00" + REQUEST[4:], NotCanonicalError, id="reserved byte"),
        pytest.param(REQUEST[:-1], MalformedError, id="cut off"),
        pytest.param(REQUEST + b"\0", MalformedError, id="one byte more"),
        pytest.param(REQUEST[:24] + bytes(4) + REQUEST[28:44], MalformedError, id="no elements"),
        pytest.param(
            REQUEST[:24] + (limits.MAX_EVALUATION_BATCH + 1).to_bytes(4, "big") + REQUEST[28:],
            TooLargeError,
            id="too many",
        ),
    ],
)
def test_refused_evaluation_requests(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        EvaluationRequest.from_bytes(data)


def test_short_reply_is_refused() -> None:
    with pytest.raises(MalformedError):
        EvaluationReply.from_bytes(bytes(10))


GOOD = json.loads(
    EnrolmentRequest(
        invite_id=bytes(16), auth_key=bytes(32), mac=bytes(32), auth_signature=bytes(64)
    ).to_bytes()
)
GRANT = {"partner": "p", "subset": "s", "origin": "o", "evaluations_per_day": 1, "grace_days": 1}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{", id="not JSON"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b'{"mac":"","mac":""}', id="a field twice"),
        pytest.param(b"[" * 100_000, id="nested deep"),
        pytest.param(json.dumps({**GOOD, "mac": 1}).encode(), id="a number"),
        pytest.param(json.dumps({**GOOD, "mac": "A"}).encode(), id="not base64"),
        pytest.param(json.dumps({**GOOD, "mac": "AAAA"}).encode(), id="too short"),
        pytest.param(json.dumps({**GOOD, "mac": "é"}).encode(), id="not ASCII"),
        pytest.param(json.dumps({**GOOD, "mac": GOOD["mac"][:-1] + "B"}).encode(), id="unused bits"),
        pytest.param(b" " * (limits.MAX_REQUEST_BODY + 1), id="too long"),
    ],
)
def test_refused_enrolment_requests(data: bytes) -> None:
    with pytest.raises(MalformedError):
        EnrolmentRequest.from_bytes(data)


@pytest.mark.parametrize(
    "change", [{"partner": ""}, {"grace_days": True}, {"grace_days": -1}, {"subset": None}], ids=str
)
def test_refused_enrolment_replies(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        EnrolmentReply.from_bytes(json.dumps({**GRANT, **change}).encode())
