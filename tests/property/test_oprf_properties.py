"""For any batch: the exchange computes the function, and nothing altered passes."""

from collections.abc import Callable
from hashlib import shake_128

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import OprfError
from protocol.oprf.client import blind, finalize
from protocol.oprf.group import ORDER, check_batch
from protocol.oprf.server import Evaluation, evaluate, evaluate_part, join, outputs, split
from protocol.oprf.suite import derive_key_pair
from support.sodium import loaded_group

GROUP = loaded_group()
KEY = derive_key_pair(GROUP, b"\x05" * 32, b"property")

inputs = st.lists(st.binary(max_size=100), min_size=1, max_size=9)
seeds = st.binary(min_size=1, max_size=8)
scalars = st.integers(1, ORDER - 1).map(lambda value: value.to_bytes(32, "little"))


def drawn_from(seed: bytes) -> Callable[[int], bytes]:
    return lambda size: shake_128(seed).digest(size)


@given(inputs, seeds, seeds, st.integers(1, 5))
@settings(deadline=None)
def test_exchange_computes_the_function(batch: list[bytes], ours: bytes, theirs: bytes, ways: int) -> None:
    blinding = blind(GROUP, batch, entropy=drawn_from(ours))
    check_batch(blinding.elements, len(batch))
    GROUP.check_canonical(blinding.elements)
    parts = [evaluate_part(GROUP, KEY, piece) for piece in split(blinding.elements, ways)]
    answer = join(GROUP, KEY, parts, entropy=drawn_from(theirs))
    found = finalize(GROUP, blinding, answer.elements, proof=answer.proof, public=KEY.public)
    assert found == outputs(GROUP, KEY, batch)
    assert all(len(one) == 64 for one in found)


@given(inputs, seeds, st.data())
@settings(deadline=None)
def test_no_altered_byte_passes(batch: list[bytes], seed: bytes, data: st.DataObject) -> None:
    blinding = blind(GROUP, batch, entropy=drawn_from(seed))
    answer = evaluate(GROUP, KEY, blinding.elements, entropy=drawn_from(seed))
    wire = bytearray(answer.elements + answer.proof)
    place = data.draw(st.integers(0, len(wire) - 1))
    wire[place] ^= data.draw(st.integers(1, 255))
    altered = Evaluation(bytes(wire[:-64]), bytes(wire[-64:]))
    with pytest.raises(OprfError):
        finalize(GROUP, blinding, altered.elements, proof=altered.proof, public=KEY.public)


@pytest.mark.threat("a wrong answer")
@given(inputs, st.binary(min_size=32, max_size=32), seeds)
@settings(deadline=None)
def test_no_other_key_passes(batch: list[bytes], other: bytes, seed: bytes) -> None:
    key = derive_key_pair(GROUP, other, b"another")
    blinding = blind(GROUP, batch, entropy=drawn_from(seed))
    answer = evaluate(GROUP, key, blinding.elements, entropy=drawn_from(seed))
    with pytest.raises(OprfError):
        finalize(GROUP, blinding, answer.elements, proof=answer.proof, public=KEY.public)


@given(st.binary(max_size=200), st.binary(max_size=80))
def test_only_our_errors_escape(elements: bytes, proof: bytes) -> None:
    """Random bytes are next to never a batch of elements, and never an answer with its proof."""
    blinding = blind(GROUP, [b"x"], entropy=drawn_from(b"x"))
    with pytest.raises(OprfError):
        finalize(GROUP, blinding, elements, proof=proof, public=KEY.public)
    try:
        evaluate(GROUP, KEY, elements, entropy=drawn_from(b"x"))
    except OprfError:
        return
    GROUP.check_canonical(elements)


@given(st.lists(scalars, min_size=1, max_size=20))
def test_inverting_a_batch_inverts_each(batch: list[bytes]) -> None:
    found = GROUP.invert_each(b"".join(batch))
    expected = [pow(int.from_bytes(one, "little"), -1, ORDER) for one in batch]
    assert [int.from_bytes(found[i : i + 32], "little") for i in range(0, len(found), 32)] == expected


@given(st.lists(scalars, min_size=1, max_size=8))
def test_sums_and_products_distribute(batch: list[bytes]) -> None:
    elements = b"".join([GROUP.multiply_base(one) for one in batch])
    factor = (7).to_bytes(32, "little")
    assert GROUP.sum(GROUP.multiply_all(factor, elements)) == GROUP.multiply_all(factor, GROUP.sum(elements))
