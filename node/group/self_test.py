"""The power-on self-test: what a group must compute and refuse before this process trusts it.

Decides by the vectors of the two RFCs, and for a group that is not libsodium by products of fresh random numbers too,
bit for bit. A library that was damaged, compiled wrongly or swapped is not used; one that is wrong for few inputs
only is found by the tests of the repository, not here: this takes a tenth of a second of each start. Batches are as
long as ordinary ones, because what is wrong from the second chunk, the ninth lane or index 256 on is wrong every day.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from node.clock import Entropy
from node.group.vectors import EXCHANGE, MAPPED, MULTIPLES, REFUSED
from protocol.errors import OprfError
from protocol.limits import EVENT_BYTES
from protocol.oprf.client import blind_with, finalize
from protocol.oprf.group import GENERATOR, IDENTITY, SCALAR_BYTES, Group
from protocol.oprf.proof import Statement, composite, prove
from protocol.oprf.server import evaluate_elements, outputs
from protocol.oprf.suite import GROUP_TAG, derive_key_pair
from protocol.oprf.xmd import UNIFORM_BYTES
from protocol.tlog.hasher import Hasher

RANDOM: Final = 64
"""Products that are compared with the oracle's."""
_PERIOD: Final = 61
_COPIES: Final = 4
"""A long batch repeats the first 61 four times: two chunks on each path, of which the second begins with another one
than the first, and last lanes that are not all used."""
_FEW: Final = 32 * 27
"""Bytes of a batch that is summed with the smallest digits."""
_TIMES: Final = (1, 5, 13, 35)
"""Copies that a sum is made of, one for each size of a digit that it takes: 64, 320, 832 and 2 240 items."""
_FIRST: Final = 250
"""Index of the first weight: behind it an index fills both of its bytes."""
_ZERO: Final = bytes(SCALAR_BYTES)
_ONE: Final = (1).to_bytes(SCALAR_BYTES, "little")


def check_group(group: Group) -> None:
    """The vectors: multiples and maps, an exchange with its proof, refused encodings, the identity, zero.

    Raises:
        OprfError: the group computes something else, or does not refuse.
    """
    try:
        computes = _multiplies(group) and _maps(group) and _exchanges(group)
    except OprfError as error:
        raise OprfError("the group refuses a vector of its RFC: {reason}", error) from error
    if not computes:
        raise OprfError("the group does not compute RFC 9496 and RFC 9497")
    if not _refuses(group):
        raise OprfError("the group takes what RFC 9496 refuses")


def compare_groups(group: Group, oracle: Group, entropy: Entropy) -> None:
    """Products, maps, sums and scalars of random numbers, many and one at a time, against the oracle.

    Raises:
        OprfError: one bit differs.
    """
    uniform = entropy(UNIFORM_BYTES * RANDOM)
    scalars, elements = oracle.reduce(uniform), oracle.from_uniform(uniform)
    products = oracle.multiply_each(scalars, elements)
    if not (
        _computes_the_same(group, oracle, uniform, scalars, elements, products)
        and _sums_the_same(group, oracle, scalars, elements, products)
        and _hashes_the_same(group, oracle, uniform, scalars)
    ):
        raise OprfError("it computes something else than {name}", oracle.name)
    if not (_refuses_in_each_lane(group) and _refuses_among_many(group, elements)):
        raise OprfError("it takes what RFC 9496 refuses")


def compare_hashers(hasher: Hasher, oracle: Hasher, entropy: Entropy) -> None:
    """Leaves, nodes and commitments of random events, one and many, against the oracle.

    Raises:
        OprfError: one bit differs.
    """
    uniform = entropy(UNIFORM_BYTES * RANDOM)
    openings = [uniform[: 5 * at] for at in range(_PERIOD)]  # two to six blocks of the hash
    events, few = uniform[: EVENT_BYTES * _PERIOD], uniform[:EVENT_BYTES]
    if not (
        hasher.leaves(events) == oracle.leaves(events)
        and hasher.leaves(few) == oracle.leaves(few)
        and hasher.nodes(uniform) == oracle.nodes(uniform)
        and hasher.commitments(events[:49], events, openings)
        == oracle.commitments(events[:49], events, openings)
    ):
        raise OprfError("it hashes otherwise than hashlib")


def _computes_the_same(
    group: Group, oracle: Group, uniform: bytes, scalars: bytes, elements: bytes, products: bytes
) -> bool:
    return (
        group.reduce(uniform) == scalars
        and group.from_uniform(uniform) == elements
        and group.from_uniform(uniform[:UNIFORM_BYTES]) == elements[:32]
        and group.multiply_each(scalars, elements) == products
        and group.multiply_each(_many(scalars), _many(elements)) == _many(products)
        and group.multiply_all(scalars[:32], elements[:32]) == products[:32]
        and group.invert_each(scalars) == oracle.invert_each(scalars)
        and all(
            getattr(group, operation)(scalars[:32], scalars[32:64])
            == getattr(oracle, operation)(scalars[:32], scalars[32:64])
            for operation in ("scalar_add", "scalar_subtract", "scalar_multiply")
        )
    )


def _sums_the_same(group: Group, oracle: Group, scalars: bytes, elements: bytes, products: bytes) -> bool:
    total = oracle.sum(products)
    few = oracle.sum(products[:_FEW])
    return (
        group.sum(products) == total
        and group.weighted_sum(_many(scalars), _many(elements)) == oracle.sum(_many(products))
        and group.weighted_sum(scalars[:_FEW], elements[:_FEW]) == few
        and all(
            group.weighted_sum(scalars * times, elements * times)
            == oracle.multiply_all(times.to_bytes(SCALAR_BYTES, "little"), total)
            for times in _TIMES
        )
    )


def _hashes_the_same(group: Group, oracle: Group, uniform: bytes, scalars: bytes) -> bool:
    inputs = [uniform[: 5 * at] for at in range(RANDOM)]  # one, two and three blocks of the hash
    products = oracle.hash_multiply_each(scalars, inputs, GROUP_TAG)
    seed, pairs = uniform[:UNIFORM_BYTES], (scalars, products)  # a weight is of any bytes
    return (
        group.expand_each(inputs, GROUP_TAG) == oracle.expand_each(inputs, GROUP_TAG)
        and group.finish_each(inputs, products) == oracle.finish_each(inputs, products)
        and group.hash_multiply_each(_many(scalars), inputs[:_PERIOD] * _COPIES, GROUP_TAG) == _many(products)
        and group.pair_weights(seed, _FIRST, *pairs, GROUP_TAG)
        == oracle.pair_weights(seed, _FIRST, *pairs, GROUP_TAG)
    )


def _many(items: bytes) -> bytes:
    return items[: 32 * _PERIOD] * _COPIES


def _refuses_in_each_lane(group: Group) -> bool:
    """What must be refused, in each of eight lanes in turn, beside good elements and before a good one."""
    for at, encoding in enumerate((*REFUSED, IDENTITY)):
        place = at % 8
        batch = GENERATOR * place + encoding + GENERATOR * (8 - place)
        bad: list[Callable[[], object]] = [
            partial(group.multiply_all, _ONE, batch),
            partial(group.weighted_sum, _ONE * 9, batch),
        ]
        if encoding != IDENTITY:
            bad += [partial(group.sum, batch), partial(group.check_canonical, batch)]
        if not all(_refused(call) for call in bad):
            return False
    return True


def _refuses_among_many(group: Group, elements: bytes) -> bool:
    """One bad element in the first or the last chunk of a long batch, and one zero, is not overlooked."""
    good = _many(elements)[: 32 * 200]
    return all(
        _refused(call)
        for call in (
            partial(group.multiply_all, _ONE, good + IDENTITY),
            partial(group.multiply_all, _ONE, IDENTITY + good),
            partial(group.weighted_sum, _ONE * 201, good + REFUSED[0]),
            partial(group.weighted_sum, _ONE * 201, REFUSED[0] + good),
            partial(group.weighted_sum, _ONE * 8 + _ZERO, GENERATOR * 9),
            partial(group.invert_each, _ONE + _ZERO + _ONE),
        )
    )


def _multiplies(group: Group) -> bool:
    numbers = [number.to_bytes(SCALAR_BYTES, "little") for number in range(1, len(MULTIPLES) + 1)]
    multiples = group.multiply_each(b"".join(numbers), GENERATOR * len(numbers))
    return (
        multiples == b"".join(MULTIPLES)
        and group.multiply_base(numbers[14]) == MULTIPLES[14]
        and group.sum(GENERATOR * 15) == MULTIPLES[14]
    )


def _maps(group: Group) -> bool:
    uniform, elements = (b"".join(side) for side in zip(*MAPPED, strict=True))
    return group.from_uniform(uniform) == elements


def _exchanges(group: Group) -> bool:
    vector = EXCHANGE
    key = derive_key_pair(group, vector.seed, vector.info)
    blinding = blind_with(group, vector.inputs, blinds=b"".join(vector.blinds))
    evaluated = evaluate_elements(group, key, blinding.elements)
    combined = composite(group, Statement(key.public, blinding.elements, evaluated))
    proof = prove(group, key, combined, nonce=vector.nonce)
    found = finalize(group, blinding, evaluated, proof=proof, public=key.public)
    return (
        evaluated == b"".join(vector.evaluated)
        and proof == vector.proof
        and found == outputs(group, key, vector.inputs) == list(vector.outputs)
    )


def _refuses(group: Group) -> bool:
    bad: list[Callable[[], object]] = [
        partial(group.multiply_all, _ZERO, GENERATOR),
        partial(group.multiply_each, _ONE + _ZERO, GENERATOR * 2),
        partial(group.multiply_all, _ONE, IDENTITY),
        partial(group.invert_each, _ONE + _ZERO),
    ]
    for encoding in REFUSED:
        bad += [partial(group.multiply_all, _ONE, encoding), partial(group.check_canonical, encoding)]
    return all(_refused(call) for call in bad)


def _refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except OprfError:
        return True
    return False
