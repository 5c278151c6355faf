"""Client and server together: what they refuse, how batches are cut, and what the nonce depends on."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import shake_128

import pytest

from protocol.errors import OprfError
from protocol.oprf.client import blind, blind_with, finalize, unblind
from protocol.oprf.group import ORDER, Group
from protocol.oprf.proof import MAX_PROVEN, Statement, hedged_nonce, weights
from protocol.oprf.server import Evaluation, Piece, evaluate, evaluate_part, join, outputs, split
from protocol.oprf.suite import KeyPair, derive_key_pair, epoch_key, hash_to_scalar
from protocol.oprf.xmd import MAX_INPUT_BYTES, UNIFORM_BYTES
from support.sodium import loaded_group

GROUP = loaded_group()
KEY = derive_key_pair(GROUP, bytes(32), b"test")
OTHER = derive_key_pair(GROUP, bytes(31) + b"\x01", b"test")
INPUTS = [b"a", b"", b"ccc", b"a"]


def entropy(size: int) -> bytes:
    return shake_128(b"test").digest(size)


BLINDING = blind(GROUP, INPUTS, entropy=entropy)
EVALUATION = evaluate(GROUP, KEY, BLINDING.elements, entropy=entropy)


def finish(evaluation: Evaluation, public: bytes = KEY.public) -> list[bytes]:
    return finalize(GROUP, BLINDING, evaluation.elements, proof=evaluation.proof, public=public)


def test_exchange_yields_the_function_of_the_inputs() -> None:
    assert finish(EVALUATION) == outputs(GROUP, KEY, INPUTS)


@pytest.mark.threat("logging look-ups")
def test_equal_inputs_are_blinded_apart() -> None:
    assert BLINDING.elements[:32] != BLINDING.elements[-32:]
    assert finish(EVALUATION)[0] == finish(EVALUATION)[3]


@pytest.mark.threat("logging look-ups")
def test_what_blinds_is_drawn_for_each_input() -> None:
    drawn = entropy(UNIFORM_BYTES * len(INPUTS))
    assert BLINDING.elements == blind_with(GROUP, INPUTS, blinds=GROUP.reduce(drawn)).elements


@pytest.mark.parametrize(
    "answer",
    [
        Evaluation(EVALUATION.elements[:-32], EVALUATION.proof),
        Evaluation(EVALUATION.elements + EVALUATION.elements[:32], EVALUATION.proof),
        Evaluation(EVALUATION.elements[32:] + EVALUATION.elements[:32], EVALUATION.proof),
        Evaluation(EVALUATION.elements, EVALUATION.proof[:-1]),
        Evaluation(EVALUATION.elements, EVALUATION.proof + b"\0"),
        Evaluation(EVALUATION.elements, bytes(64)),
        evaluate(GROUP, OTHER, BLINDING.elements, entropy=entropy),
    ],
    ids=["one-missing", "one-more", "reordered", "short-proof", "long-proof", "zero-proof", "other-key"],
)
def test_finalize_refuses(answer: Evaluation) -> None:
    with pytest.raises(OprfError):
        finish(answer)


@pytest.mark.parametrize("half", [0, 32], ids=["challenge", "response"])
def test_finalize_refuses_a_second_encoding_of_the_proof(half: int) -> None:
    scalar = int.from_bytes(EVALUATION.proof[half : half + 32], "little") + ORDER
    proof = EVALUATION.proof[:half] + scalar.to_bytes(32, "little") + EVALUATION.proof[half + 32 :]
    with pytest.raises(OprfError, match="canonical"):
        finish(Evaluation(EVALUATION.elements, proof))


@pytest.mark.parametrize("public", [OTHER.public, bytes(32), b"\xff" * 32], ids=["other", "identity", "bad"])
def test_finalize_refuses_another_public_key(public: bytes) -> None:
    with pytest.raises(OprfError):
        finish(EVALUATION, public)


def test_unblind_refuses_another_count() -> None:
    with pytest.raises(OprfError, match="another number"):
        unblind(GROUP, BLINDING, EVALUATION.elements[:-32])


@pytest.mark.parametrize("blinds", [bytes(32), b"\x01" * 31, b"\x01" * 64], ids=["zero", "short", "two"])
def test_blind_with_refuses(blinds: bytes) -> None:
    with pytest.raises(OprfError):
        blind_with(GROUP, [b"x"], blinds=blinds)


def test_long_inputs_are_refused() -> None:
    longest, longer = bytes(MAX_INPUT_BYTES), bytes(MAX_INPUT_BYTES + 1)
    assert len(blind(GROUP, [longest], entropy=entropy).elements) == 32
    with pytest.raises(OprfError, match="65535"):
        blind(GROUP, [longer], entropy=entropy)
    with pytest.raises(OprfError, match="65535"):
        outputs(GROUP, KEY, [longer])


def test_secrets_stay_out_of_texts() -> None:
    assert repr(KEY.secret) not in repr(KEY)
    assert repr(BLINDING) == "Blinding()"


# ---------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("seed", "info", "why"), [(bytes(31), b"", "seed"), (bytes(32), bytes(2**16), "65535")]
)
def test_derive_key_pair_refuses(seed: bytes, info: bytes, why: str) -> None:
    with pytest.raises(OprfError, match=why):
        derive_key_pair(GROUP, seed, info)


def test_derive_key_pair_skips_a_zero_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[bytes] = []

    def zero_first(group: Group, message: bytes, dst: bytes) -> bytes:
        messages.append(message)
        return hash_to_scalar(group, message, dst) if len(messages) > 1 else bytes(32)

    monkeypatch.setattr("protocol.oprf.suite.hash_to_scalar", zero_first)
    key = derive_key_pair(GROUP, bytes(32), b"")
    assert messages == [bytes(32) + b"\0\0" + b"\0", bytes(32) + b"\0\0" + b"\1"]
    assert key.secret == hash_to_scalar(GROUP, messages[1], b"DeriveKeyPairOPRFV1-\x01-ristretto255-SHA512")


def test_epoch_key() -> None:
    expected = derive_key_pair(GROUP, b"\x09" * 32, b"SIGFED-V1 oprf")
    found = epoch_key(GROUP, b"\x09" * 32)
    assert (found.secret, found.public) == (expected.secret, expected.public)


# ---------------------------------------------------------------------- pieces of a batch


@pytest.mark.parametrize(
    ("count", "ways", "sizes"),
    [(1, 1, [1]), (1, 2, [1]), (4, 2, [2, 2]), (5, 2, [3, 2]), (7, 3, [3, 3, 1]), (2, 5, [1, 1])],
)
def test_split(count: int, ways: int, sizes: list[int]) -> None:
    elements = b"".join(bytes([number]) * 32 for number in range(count))
    pieces = split(elements, ways)
    assert [len(piece.elements) // 32 for piece in pieces] == sizes
    assert b"".join(piece.elements for piece in pieces) == elements
    assert [piece.first for piece in pieces] == [sum(sizes[:i]) for i in range(len(sizes))]


@pytest.mark.parametrize("elements", [b"", bytes(33)], ids=["empty", "uneven"])
def test_split_refuses(elements: bytes) -> None:
    with pytest.raises(OprfError):
        split(elements, 2)


@pytest.mark.parametrize("ways", [1, 2, 3, 4])
def test_cutting_changes_nothing(ways: int) -> None:
    parts = [evaluate_part(GROUP, KEY, piece) for piece in split(BLINDING.elements, ways)]
    assert join(GROUP, KEY, parts, entropy=entropy) == EVALUATION


def test_pieces_may_run_in_threads() -> None:
    with ThreadPoolExecutor(2) as threads:
        parts = threads.map(lambda piece: evaluate_part(GROUP, KEY, piece), split(BLINDING.elements, 2))
        assert join(GROUP, KEY, list(parts), entropy=entropy) == EVALUATION


def test_a_part_of_the_wrong_place_breaks_the_proof() -> None:
    first, second = split(BLINDING.elements, 2)
    parts = [evaluate_part(GROUP, KEY, piece) for piece in (first, Piece(0, second.elements))]
    with pytest.raises(OprfError, match="does not hold"):
        finish(join(GROUP, KEY, parts, entropy=entropy))


# ---------------------------------------------------------------------- the proof


def test_nonce_depends_on_all_three() -> None:
    def nonce(key: KeyPair = KEY, combined: bytes = b"\x01" * 32, fresh: bytes = b"\x02" * 32) -> bytes:
        return hedged_nonce(GROUP, key, combined, lambda size: fresh[:size])

    seen = {nonce(), nonce(key=OTHER), nonce(combined=b"\x03" * 32), nonce(fresh=b"\x04" * 32)}
    assert len(seen) == 4
    assert nonce() == hash_to_scalar(
        GROUP, KEY.secret + b"\x02" * 32 + KEY.public + b"\x01" * 32, b"SIGFED-V1 nonce"
    )


def test_repeated_entropy_repeats_no_nonce() -> None:
    """Two proofs with one nonce and two challenges would give the key away."""
    single = evaluate(GROUP, KEY, BLINDING.elements[:32], entropy=entropy)
    assert EVALUATION.proof[:32] != single.proof[:32]
    # s = r - c*k: the commitments r*G = s*G + c*pk of the two proofs differ
    commitments = {
        GROUP.add(GROUP.multiply_base(proof[32:]), GROUP.multiply_all(proof[:32], KEY.public))
        for proof in (EVALUATION.proof, single.proof)
    }
    assert len(commitments) == 2


@pytest.mark.parametrize(
    ("left", "right", "first"),
    [(b"", b"", 0), (KEY.public, KEY.public * 2, 0), (KEY.public, KEY.public, MAX_PROVEN)],
    ids=["empty", "uneven", "beyond-the-last"],
)
def test_weights_refuse(left: bytes, right: bytes, first: int) -> None:
    with pytest.raises(OprfError):
        weights(GROUP, Statement(KEY.public, left, right), first=first)


def test_the_last_provable_index() -> None:
    statement = Statement(KEY.public, KEY.public, KEY.public)
    assert len(weights(GROUP, statement, first=MAX_PROVEN - 1)) == 32
