"""Against an independent implementation: the PyPI package `voprf` (Rust, curve25519-dalek)."""

from hashlib import shake_128

import pytest

from protocol.oprf.client import Blinding, blind, finalize
from protocol.oprf.server import Evaluation, evaluate, outputs
from protocol.oprf.suite import derive_key_pair
from support.sodium import loaded_group

ristretto = pytest.importorskip("voprf.ristretto")

GROUP = loaded_group()
SEEDS = [bytes([number]) * 32 for number in range(4)]
INPUTS = [b"x" * length for length in (1, 2, 31, 32, 64, 300)]


def entropy(size: int) -> bytes:
    return shake_128(b"interop").digest(size)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed[:1].hex())
@pytest.mark.parametrize("info", [b"", b"SIGFED-V1 oprf"], ids=["no-info", "info"])
def test_keys_and_outputs_agree(seed: bytes, info: bytes) -> None:
    theirs = ristretto.Evaluator.from_seed(seed, info)
    ours = derive_key_pair(GROUP, seed, info)
    assert ours.public == theirs.public_key.serialize()
    assert outputs(GROUP, ours, INPUTS) == [theirs.evaluate_known_input(one) for one in INPUTS]


def test_their_server_answers_our_client() -> None:
    theirs = ristretto.Evaluator.from_seed(SEEDS[1], b"")
    blinding: Blinding = blind(GROUP, INPUTS, entropy=entropy)
    asked = [
        ristretto.BlindedInput.deserialize(blinding.elements[at : at + 32])
        for at in range(0, len(blinding.elements), 32)
    ]
    answer = _read(theirs.evaluate_batch(asked).serialize(), len(INPUTS))
    public = theirs.public_key.serialize()
    found = finalize(GROUP, blinding, answer.elements, proof=answer.proof, public=public)
    assert found == [theirs.evaluate_known_input(one) for one in INPUTS]


def test_our_server_answers_their_client() -> None:
    key = derive_key_pair(GROUP, SEEDS[2], b"")
    states = [ristretto.Client.blind(one) for one in INPUTS]
    asked = b"".join([blinded.serialize() for _, blinded in states])
    answer = evaluate(GROUP, key, asked, entropy=entropy)
    public = ristretto.PublicKey.deserialize(key.public)
    theirs = ristretto.VerifiableBatchOutput.deserialize(_write(answer))
    found = ristretto.Client.finalize_batch([client for client, _ in states], theirs, public)
    assert found == outputs(GROUP, key, INPUTS)


def _read(serialized: bytes, count: int) -> Evaluation:
    """Their form of an answer: the proof, then the elements."""
    assert len(serialized) == 64 + 32 * count
    return Evaluation(serialized[64:], serialized[:64])


def _write(answer: Evaluation) -> bytes:
    return answer.proof + answer.elements
