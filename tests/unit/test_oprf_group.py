"""The group, whatever stands behind it: vectors of RFC 9496, refusals, and the scalar field."""

from collections.abc import Callable

import pytest

from node.group.vectors import MAPPED, MULTIPLES, REFUSED
from protocol.errors import OprfError
from protocol.limits import MAX_EVALUATION_BATCH
from protocol.oprf.group import GENERATOR, IDENTITY, ORDER, Group, check_batch, check_scalar
from support.kernel import GROUPS, group_named

DOUBLE = MULTIPLES[1]
ONE, TWO, ZERO = (value.to_bytes(32, "little") for value in (1, 2, 0))


@pytest.fixture(params=GROUPS)
def group(request: pytest.FixtureRequest) -> Group:
    return group_named(request.param)


def number(scalar: bytes) -> int:
    return int.from_bytes(scalar, "little")


def test_generator_and_its_double(group: Group) -> None:
    assert group.multiply_base(ONE) == GENERATOR
    assert group.multiply_base(TWO) == DOUBLE
    assert group.multiply_all(TWO, GENERATOR) == DOUBLE
    assert group.add(GENERATOR, GENERATOR) == DOUBLE
    assert group.sum(GENERATOR * 2) == DOUBLE
    assert group.sum(GENERATOR) == GENERATOR


def test_multiples_of_the_generator(group: Group) -> None:
    numbers = [number.to_bytes(32, "little") for number in range(1, 16)]
    assert group.multiply_each(b"".join(numbers), GENERATOR * 15) == b"".join(MULTIPLES)
    assert [group.multiply_base(number) for number in numbers] == list(MULTIPLES)


def test_from_uniform_is_the_map_of_the_rfc(group: Group) -> None:
    assert [group.from_uniform(uniform) for uniform, _ in MAPPED] == [element for _, element in MAPPED]
    uniform, elements = (b"".join(side) for side in zip(*MAPPED, strict=True))
    assert group.from_uniform(uniform * 3) == elements * 3


def test_multiply_each_pairs_scalars_and_elements(group: Group) -> None:
    assert group.multiply_each(ONE + TWO, GENERATOR * 2) == GENERATOR + DOUBLE


@pytest.mark.parametrize("encoding", REFUSED, ids=bytes.hex)
@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(lambda group, bad: group.multiply_all(TWO, GENERATOR + bad), id="multiply_all"),
        pytest.param(lambda group, bad: group.multiply_each(TWO * 2, GENERATOR + bad), id="multiply_each"),
        pytest.param(lambda group, bad: group.add(GENERATOR, bad), id="add"),
        pytest.param(lambda group, bad: group.sum(GENERATOR + bad), id="sum"),
        pytest.param(lambda group, bad: group.weighted_sum(ONE * 2, GENERATOR + bad), id="weighted_sum"),
        pytest.param(lambda group, bad: group.check_canonical(GENERATOR + bad), id="check_canonical"),
    ],
)
def test_refuses_encodings(
    group: Group, encoding: bytes, operation: Callable[[Group, bytes], object]
) -> None:
    with pytest.raises(OprfError, match="canonical"):
        operation(group, encoding)


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(lambda group: group.multiply_all(TWO, GENERATOR + IDENTITY), id="element"),
        pytest.param(lambda group: group.multiply_all(ZERO, GENERATOR), id="scalar"),
        pytest.param(lambda group: group.multiply_each(ONE + ZERO, GENERATOR * 2), id="one-scalar"),
        pytest.param(lambda group: group.multiply_base(ZERO), id="base"),
        pytest.param(lambda group: group.weighted_sum(ONE + ZERO, GENERATOR * 2), id="weight"),
        pytest.param(lambda group: group.weighted_sum(ONE * 2, GENERATOR + IDENTITY), id="weighted"),
        pytest.param(lambda group: group.hash_multiply_all(ZERO, [b"x"], b"tag"), id="hashed"),
        pytest.param(lambda _: check_batch(GENERATOR + IDENTITY, 2), id="batch"),
    ],
)
def test_refuses_the_identity(group: Group, operation: Callable[[Group], object]) -> None:
    with pytest.raises(OprfError, match="identity"):
        operation(group)


@pytest.mark.parametrize(
    "operation",
    [
        lambda group: group.from_uniform(bytes(63)),
        lambda group: group.from_uniform(b""),
        lambda group: group.multiply_all(ONE[:-1], GENERATOR),
        lambda group: group.multiply_all(ONE, GENERATOR[:-1]),
        lambda group: group.multiply_all(ONE, b""),
        lambda group: group.multiply_each(ONE, GENERATOR * 2),
        lambda group: group.multiply_each(b"", b""),
        lambda group: group.multiply_base(ONE + ONE),
        lambda group: group.add(GENERATOR, b""),
        lambda group: group.sum(b""),
        lambda group: group.check_canonical(GENERATOR + b"x"),
        lambda group: group.weighted_sum(ONE, GENERATOR * 2),
        lambda group: group.hash_multiply_each(ONE, [b"x", b"y"], b"tag"),
        lambda group: group.hash_multiply_all(ONE, [], b"tag"),
        lambda group: group.hash_multiply_all(ONE * 2, [b"x", b"y"], b"tag"),
        lambda group: group.reduce(bytes(65)),
        lambda group: group.scalar_add(ONE, b"x"),
        lambda group: group.invert_each(ONE + b"x"),
    ],
)
def test_checks_lengths_before_the_library_reads(group: Group, operation: Callable[[Group], object]) -> None:
    with pytest.raises(OprfError):
        operation(group)


def test_takes_immutable_bytes_only(group: Group) -> None:
    with pytest.raises(TypeError):
        group.multiply_all(ONE, bytearray(GENERATOR))  # type: ignore[arg-type]  # what is tested


def test_scalar_field(group: Group) -> None:
    left, right = (value.to_bytes(32, "little") for value in (ORDER - 5, 2**200 + 7))
    assert number(group.scalar_add(left, right)) == (ORDER - 5 + 2**200 + 7) % ORDER
    assert number(group.scalar_subtract(right, left)) == (2**200 + 7 + 5) % ORDER
    assert number(group.scalar_multiply(left, right)) == (-5 * (2**200 + 7)) % ORDER
    assert number(group.invert_each(right)) == pow(2**200 + 7, -1, ORDER)
    assert number(group.reduce(b"\xff" * 64)) == (2**512 - 1) % ORDER


def test_zero_has_no_inverse(group: Group) -> None:
    with pytest.raises(OprfError, match="inverse"):
        group.invert_each(ZERO)


def test_a_zero_among_others_has_no_inverse(group: Group) -> None:
    with pytest.raises(OprfError, match="inverse"):
        group.invert_each(ONE + ZERO + TWO)


@pytest.mark.parametrize(
    ("batch", "count", "reason"),
    [
        pytest.param(b"", 0, "holds 1 to", id="empty"),
        pytest.param(
            GENERATOR * (MAX_EVALUATION_BATCH + 1), MAX_EVALUATION_BATCH + 1, "holds 1 to", id="too-many"
        ),
        pytest.param(GENERATOR + DOUBLE, 1, "announced number", id="more-than-announced"),
        pytest.param(GENERATOR[:-1], 1, "announced number", id="cut-short"),
        pytest.param(GENERATOR + DOUBLE + GENERATOR, 3, "twice", id="twice"),
    ],
)
def test_check_batch_refuses(batch: bytes, count: int, reason: str) -> None:
    with pytest.raises(OprfError, match=reason):
        check_batch(batch, count)


@pytest.mark.parametrize("scalar", [ORDER, 2**256 - 1], ids=["order", "all-ones"])
def test_check_scalar_refuses_large_scalars(scalar: int) -> None:
    with pytest.raises(OprfError):
        check_scalar(scalar.to_bytes(32, "little"))


def test_check_scalar_refuses_a_wrong_length() -> None:
    with pytest.raises(OprfError):
        check_scalar(bytes(31))


def test_check_scalar_accepts_the_largest() -> None:
    check_scalar((ORDER - 1).to_bytes(32, "little"))
