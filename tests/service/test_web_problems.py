"""Every error of the one tree is one documented problem, and none says more than it may."""

import json
from pathlib import Path

import pytest
from aiohttp import web

from keys.errors import BadSignatureError, SigfedError, ThresholdError
from node.errors import (
    ClockSkewError,
    ForbiddenError,
    MissingKeyError,
    OverQuotaError,
    StoreError,
    VerificationError,
)
from node.web.problems import HTTP_PROBLEMS, INTERNAL, PROBLEMS, problem_of, problem_response
from protocol.errors import MalformedError

SPEC = Path(__file__).parents[2] / "docs" / "spec" / "http.md"


def _tree(cls: type[Exception]) -> list[type[Exception]]:
    return [each for sub in cls.__subclasses__() for each in (sub, *_tree(sub))]


def _ours(cls: type[Exception]) -> list[type[Exception]]:
    return [
        each for each in _tree(cls) if each.__module__ in {"node.errors", "protocol.errors", "keys.errors"}
    ]


ALL = _ours(SigfedError)
LEAVES = [cls for cls in ALL if not any(sub in ALL for sub in cls.__subclasses__())]


def _body(response: web.Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


@pytest.mark.parametrize("cls", LEAVES, ids=lambda cls: cls.__name__)
def test_every_leaf_has_its_own_line(cls: type[Exception]) -> None:
    assert cls in PROBLEMS


@pytest.mark.parametrize("cls", PROBLEMS, ids=lambda cls: cls.__name__)
def test_every_line_is_an_error_that_exists(cls: type[Exception]) -> None:
    assert cls in ALL


def test_a_subclass_is_looked_up_by_its_bases() -> None:
    class SomethingForbiddenError(ForbiddenError):
        pass

    assert problem_of(SomethingForbiddenError("x")).status == 403


@pytest.mark.parametrize("error", [ValueError("deadbeef"), KeyError("deadbeef"), StoreError("deadbeef")])
def test_our_own_faults_are_opaque(error: Exception) -> None:
    response = problem_response(error, request_id="r")
    assert response.status == 500
    assert b"deadbeef" not in _body(response)


def test_a_key_that_this_node_lacks_is_no_callers_fault_nor_its_business() -> None:
    response = problem_response(MissingKeyError("{path} does not exist", "/a/key"), request_id="r")
    assert response.status == 503
    assert b"/a/key" not in _body(response)


def test_a_fault_of_the_request_is_explained() -> None:
    response = problem_response(MalformedError("count does not match"), request_id="abc")
    body = json.loads(_body(response))
    assert body == {
        "type": "urn:sigfed:problem:malformed",
        "title": "The request cannot be read",
        "status": 400,
        "detail": "count does not match",
        "instance": "urn:sigfed:request:abc",
    }
    assert response.content_type == "application/problem+json"


def test_numbers_a_client_needs_are_fields_of_the_problem() -> None:
    quota = problem_response(OverQuotaError("used up", retry_after_seconds=17), request_id="r")
    assert json.loads(_body(quota))["retry_after_seconds"] == 17
    assert quota.headers["Retry-After"] == "17"
    clock = problem_response(ClockSkewError("off", ahead_seconds=-5), request_id="r")
    assert json.loads(_body(clock))["ahead_seconds"] == -5
    threshold = problem_response(ThresholdError("root", signed=1, threshold=2), request_id="r")
    assert threshold.status == 422


def test_an_http_error_of_the_framework_is_a_problem_without_its_text() -> None:
    for error, name in ((web.HTTPNotFound(), "not-found"), (web.HTTPExpectationFailed(), "malformed")):
        assert problem_of(error).name == name
        assert "detail" not in json.loads(_body(problem_response(error, request_id="r")))
    assert problem_of(web.HTTPBadGateway()) is INTERNAL


@pytest.mark.parametrize("status", HTTP_PROBLEMS)
def test_http_problems_keep_their_status(status: int) -> None:
    assert HTTP_PROBLEMS[status].status == status


def test_the_specification_lists_every_problem() -> None:
    text = SPEC.read_text()
    for problem in {*PROBLEMS.values(), *HTTP_PROBLEMS.values(), INTERNAL}:
        assert f"| `{problem.name}` | {problem.status} |" in text


@pytest.mark.parametrize("sent", [VerificationError, BadSignatureError])
def test_what_a_caller_signed_wrongly_is_its_own_fault(sent: type[Exception]) -> None:
    """It was 502, another node's failure, and an alarm, for a renewal or an acknowledgement with a bad signature."""
    problem = problem_of(sent("a signature that does not hold"))
    assert (problem.name, problem.status) == ("not-verified", 422)
