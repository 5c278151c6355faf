"""The power-on self-test: what a group must compute and refuse before this process trusts it.

Decides by the vectors of the two RFCs, and for a group that is not libsodium by products of fresh random numbers too,
bit for bit. A library that was damaged, compiled wrongly or swapped is not used; one that is wrong for few inputs
only is found by the tests of the repository, not here: this takes a few milliseconds of each start.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from node.clock import Entropy
from node.group.vectors import EXCHANGE, MAPPED, MULTIPLES, REFUSED
from protocol.errors import OprfError
from protocol.oprf.client import blind_with, finalize
from protocol.oprf.group import GENERATOR, IDENTITY, SCALAR_BYTES, Group
from protocol.oprf.proof import Statement, composite, prove
from protocol.oprf.server import evaluate_elements, outputs
from protocol.oprf.suite import Mode, derive_key_pair, group_tag
from protocol.oprf.xmd import UNIFORM_BYTES

RANDOM: Final = 64
"""Products that are compared with the oracle's."""
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
        raise OprfError(f"the group refuses a vector of its RFC: {error}") from error
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
    inputs, tag = [uniform[:at] for at in range(RANDOM)], group_tag(Mode.VERIFIABLE)
    same = (
        group.reduce(uniform) == scalars
        and group.from_uniform(uniform) == elements
        and group.multiply_each(scalars, elements) == products
        and group.multiply_all(scalars[:32], elements[:32]) == products[:32]
        and group.weighted_sum(scalars, elements) == group.sum(products) == oracle.sum(products)
        and group.invert_each(scalars) == oracle.invert_each(scalars)
        and group.expand_each(inputs, tag) == oracle.expand_each(inputs, tag)
        and group.finish_each(inputs, elements) == oracle.finish_each(inputs, elements)
        and all(
            getattr(group, operation)(scalars[:32], scalars[32:64])
            == getattr(oracle, operation)(scalars[:32], scalars[32:64])
            for operation in ("scalar_add", "scalar_subtract", "scalar_multiply")
        )
    )
    if not same:
        raise OprfError(f"it computes something else than {oracle.name}")
    for at, encoding in enumerate((*REFUSED, IDENTITY)):  # in each of eight lanes, beside good ones
        place = at % 8
        batch = GENERATOR * place + encoding + GENERATOR * (7 - place)
        if not (
            _refused(partial(group.multiply_all, _ONE, batch))
            and _refused(partial(group.weighted_sum, _ONE * 8, batch))
        ):
            raise OprfError("it takes what RFC 9496 refuses")


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
    vector, mode = EXCHANGE, Mode.VERIFIABLE
    key = derive_key_pair(group, vector.seed, vector.info, mode)
    blinding = blind_with(group, vector.inputs, blinds=b"".join(vector.blinds), mode=mode)
    evaluated = evaluate_elements(group, key, blinding.elements)
    combined = composite(group, Statement(mode, key.public, blinding.elements, evaluated))
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
