"""Every vector of RFC 9497, Appendix A.1, through the functions that the product uses."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocol.oprf import poprf
from protocol.oprf.client import Blinding, blind_with, finalize, finalize_unproven
from protocol.oprf.group import Group
from protocol.oprf.proof import Statement, composite, prove
from protocol.oprf.server import Evaluation, evaluate_elements, outputs
from protocol.oprf.suite import KeyPair, Mode, derive_key_pair
from support.kernel import GROUPS, group_named

VECTORS = Path(__file__).parents[1] / "vectors" / "rfc9497_ristretto255.json"


@dataclass(frozen=True)
class Case:
    mode: Mode
    key: KeyPair
    inputs: list[bytes]
    blinds: bytes
    blinded: bytes
    evaluated: bytes
    outputs: list[bytes]
    info: bytes
    nonce: bytes
    proof: bytes


def _load(mode: Mode) -> list[Case]:
    [part] = [part for part in json.loads(VECTORS.read_text())["modes"] if part["mode"] == mode]
    public = bytes.fromhex(part.get("public", ""))
    key = KeyPair(mode, bytes.fromhex(part["secret"]), public)
    return [
        Case(
            mode=mode,
            key=key,
            inputs=[bytes.fromhex(one) for one in case["inputs"]],
            blinds=bytes.fromhex("".join(case["blinds"])),
            blinded=bytes.fromhex("".join(case["blinded"])),
            evaluated=bytes.fromhex("".join(case["evaluated"])),
            outputs=[bytes.fromhex(one) for one in case["outputs"]],
            info=bytes.fromhex(case.get("info", "")),
            nonce=bytes.fromhex(case.get("nonce", "")),
            proof=bytes.fromhex(case.get("proof", "")),
        )
        for case in part["cases"]
    ]


OBLIVIOUS, VERIFIABLE, PARTIAL = (_load(mode) for mode in Mode)


@pytest.fixture(params=GROUPS)
def group(request: pytest.FixtureRequest) -> Group:
    return group_named(request.param)


@pytest.mark.parametrize("mode", Mode)
def test_derive_key_pair(group: Group, mode: Mode) -> None:
    [part] = [part for part in json.loads(VECTORS.read_text())["modes"] if part["mode"] == mode]
    key = derive_key_pair(group, bytes.fromhex(part["seed"]), bytes.fromhex(part["key_info"]), mode)
    assert key.secret.hex() == part["secret"]
    assert key.public == group.multiply_base(key.secret)
    if mode is not Mode.OBLIVIOUS:  # the RFC prints no public key for mode 0
        assert key.public.hex() == part["public"]


@pytest.mark.parametrize("case", [*OBLIVIOUS, *VERIFIABLE, *PARTIAL])
def test_blind(group: Group, case: Case) -> None:
    assert blind_with(group, case.inputs, blinds=case.blinds, mode=case.mode).elements == case.blinded


@pytest.mark.parametrize("case", [*OBLIVIOUS, *VERIFIABLE])
def test_evaluate(group: Group, case: Case) -> None:
    assert evaluate_elements(group, case.key, case.blinded) == case.evaluated


@pytest.mark.parametrize("case", [*OBLIVIOUS, *VERIFIABLE])
def test_own_inputs(group: Group, case: Case) -> None:
    assert outputs(group, case.key, case.inputs) == case.outputs


@pytest.mark.parametrize("case", VERIFIABLE)
def test_prove(group: Group, case: Case) -> None:
    statement = Statement(case.mode, case.key.public, case.blinded, case.evaluated)
    assert prove(group, case.key, composite(group, statement), nonce=case.nonce) == case.proof


@pytest.mark.parametrize("case", OBLIVIOUS)
def test_finalize_oblivious(group: Group, case: Case) -> None:
    assert finalize_unproven(group, _blinding(case), case.evaluated) == case.outputs


@pytest.mark.parametrize("case", VERIFIABLE)
def test_finalize_verifiable(group: Group, case: Case) -> None:
    assert (
        finalize(group, _blinding(case), case.evaluated, proof=case.proof, public=case.key.public)
        == case.outputs
    )


@pytest.mark.parametrize("case", PARTIAL)
def test_partial_mode(group: Group, case: Case) -> None:
    evaluation = poprf.evaluate_with_info(group, case.key, case.blinded, case.info, nonce=case.nonce)
    assert evaluation == Evaluation(case.evaluated, case.proof)
    assert (
        poprf.finalize_with_info(group, _blinding(case), evaluation, case.info, public=case.key.public)
        == case.outputs
    )
    assert poprf.outputs_with_info(group, case.key, case.inputs, case.info) == case.outputs


def _blinding(case: Case) -> Blinding:
    return Blinding(case.mode, tuple(case.inputs), case.blinds, case.blinded)


def test_vectors_are_complete() -> None:
    assert [len(cases) for cases in (OBLIVIOUS, VERIFIABLE, PARTIAL)] == [2, 3, 3]
