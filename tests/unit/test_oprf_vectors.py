"""The vectors of RFC 9497, Appendix A.1.2 (VOPRF), through the functions that the product uses."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocol.oprf.client import Blinding, blind_with, finalize
from protocol.oprf.group import Group
from protocol.oprf.proof import Statement, composite, prove
from protocol.oprf.server import evaluate_elements, outputs
from protocol.oprf.suite import KeyPair, derive_key_pair
from support.kernel import GROUPS, group_named

VECTORS = Path(__file__).parents[1] / "vectors" / "rfc9497_ristretto255.json"


@dataclass(frozen=True)
class Case:
    inputs: list[bytes]
    blinds: bytes
    blinded: bytes
    evaluated: bytes
    outputs: list[bytes]
    nonce: bytes
    proof: bytes


VOPRF = json.loads(VECTORS.read_text())
KEY = KeyPair(bytes.fromhex(VOPRF["secret"]), bytes.fromhex(VOPRF["public"]))
CASES = [
    Case(
        inputs=[bytes.fromhex(one) for one in case["inputs"]],
        blinds=bytes.fromhex("".join(case["blinds"])),
        blinded=bytes.fromhex("".join(case["blinded"])),
        evaluated=bytes.fromhex("".join(case["evaluated"])),
        outputs=[bytes.fromhex(one) for one in case["outputs"]],
        nonce=bytes.fromhex(case["nonce"]),
        proof=bytes.fromhex(case["proof"]),
    )
    for case in VOPRF["cases"]
]


@pytest.fixture(params=GROUPS)
def group(request: pytest.FixtureRequest) -> Group:
    return group_named(request.param)


def test_derive_key_pair(group: Group) -> None:
    key = derive_key_pair(group, bytes.fromhex(VOPRF["seed"]), bytes.fromhex(VOPRF["key_info"]))
    assert (key.secret, key.public) == (KEY.secret, KEY.public)


@pytest.mark.parametrize("case", CASES)
def test_blind(group: Group, case: Case) -> None:
    assert blind_with(group, case.inputs, blinds=case.blinds).elements == case.blinded


@pytest.mark.parametrize("case", CASES)
def test_evaluate(group: Group, case: Case) -> None:
    assert evaluate_elements(group, KEY, case.blinded) == case.evaluated


@pytest.mark.parametrize("case", CASES)
def test_own_inputs(group: Group, case: Case) -> None:
    assert outputs(group, KEY, case.inputs) == case.outputs


@pytest.mark.parametrize("case", CASES)
def test_prove(group: Group, case: Case) -> None:
    statement = Statement(KEY.public, case.blinded, case.evaluated)
    assert prove(group, KEY, composite(group, statement), nonce=case.nonce) == case.proof


@pytest.mark.parametrize("case", CASES)
def test_finalize(group: Group, case: Case) -> None:
    blinding = Blinding(tuple(case.inputs), case.blinds, case.blinded)
    assert finalize(group, blinding, case.evaluated, proof=case.proof, public=KEY.public) == case.outputs


def test_vectors_are_complete() -> None:
    assert len(CASES) == 3
