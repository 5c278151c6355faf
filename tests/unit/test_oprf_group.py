"""The group: vectors of RFC 9496, refusals, and the scalar field."""

from collections.abc import Callable

import pytest

from protocol.errors import OprfError
from protocol.limits import MAX_EVALUATION_BATCH
from protocol.oprf.group import IDENTITY, ORDER, check_batch, check_elements, check_scalar
from support.sodium import loaded_group

# RFC 9496, Appendix A.1: the generator and its double
GENERATOR = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
DOUBLE = bytes.fromhex("6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919")

# RFC 9496, Appendix A.2: encodings that must be refused; the last one is the generator with its top bit set
REFUSED = {
    "above-the-prime": "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "top-of-field": "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "the-prime": "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "negative-one": "0100000000000000000000000000000000000000000000000000000000000000",
    "negative": "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "non-square": "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "negative-xy": "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "s-minus-one": "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "top-bit": "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2df6",
}
ONE, TWO, ZERO = (value.to_bytes(32, "little") for value in (1, 2, 0))
GROUP = loaded_group()


def number(scalar: bytes) -> int:
    return int.from_bytes(scalar, "little")


def test_generator_and_its_double() -> None:
    assert GROUP.multiply_base(ONE) == GENERATOR
    assert GROUP.multiply_base(TWO) == DOUBLE
    assert GROUP.multiply_all(TWO, GENERATOR) == DOUBLE
    assert GROUP.add(GENERATOR, GENERATOR) == DOUBLE
    assert GROUP.sum(GENERATOR * 2) == DOUBLE
    assert GROUP.sum(GENERATOR) == GENERATOR


def test_from_uniform_is_the_map_of_the_rfc() -> None:
    # RFC 9496, Appendix A.3, first vector
    uniform = bytes.fromhex(
        "5d1be09e3d0c82fc538112490e35701979d99e06ca3e2b5b54bffe8b4dc772c1"
        "4d98b696a1bbfb5ca32c436cc61c16563790306c79eaca7705668b47dffe5bb6"
    )
    element = bytes.fromhex("3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46")
    assert GROUP.from_uniform(uniform * 2) == element * 2


def test_multiply_each_pairs_scalars_and_elements() -> None:
    assert GROUP.multiply_each(ONE + TWO, GENERATOR * 2) == GENERATOR + DOUBLE


@pytest.mark.parametrize("encoding", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(
    "operation",
    [
        lambda bad: GROUP.multiply_all(TWO, GENERATOR + bad),
        lambda bad: GROUP.multiply_each(TWO * 2, GENERATOR + bad),
        lambda bad: GROUP.add(GENERATOR, bad),
        lambda bad: GROUP.sum(GENERATOR + bad),
        lambda bad: GROUP.check_canonical(GENERATOR + bad),
        lambda bad: check_elements(GROUP, GENERATOR + bad, 2),
    ],
    ids=["multiply_all", "multiply_each", "add", "sum", "check_canonical", "check_elements"],
)
def test_refuses_encodings(encoding: str, operation: Callable[[bytes], object]) -> None:
    with pytest.raises(OprfError, match="canonical"):
        operation(bytes.fromhex(encoding))


@pytest.mark.parametrize(
    "operation",
    [
        lambda: GROUP.multiply_all(TWO, GENERATOR + IDENTITY),
        lambda: GROUP.multiply_all(ZERO, GENERATOR),
        lambda: GROUP.multiply_each(ONE + ZERO, GENERATOR * 2),
        lambda: GROUP.multiply_base(ZERO),
        lambda: check_batch(GENERATOR + IDENTITY, 2),
    ],
    ids=["element", "scalar", "one-scalar", "base", "batch"],
)
def test_refuses_the_identity(operation: Callable[[], object]) -> None:
    with pytest.raises(OprfError, match="identity"):
        operation()


@pytest.mark.parametrize(
    "operation",
    [
        lambda: GROUP.from_uniform(bytes(63)),
        lambda: GROUP.from_uniform(b""),
        lambda: GROUP.multiply_all(ONE[:-1], GENERATOR),
        lambda: GROUP.multiply_all(ONE, GENERATOR[:-1]),
        lambda: GROUP.multiply_all(ONE, b""),
        lambda: GROUP.multiply_each(ONE, GENERATOR * 2),
        lambda: GROUP.multiply_each(b"", b""),
        lambda: GROUP.multiply_base(ONE + ONE),
        lambda: GROUP.add(GENERATOR, b""),
        lambda: GROUP.sum(b""),
        lambda: GROUP.check_canonical(GENERATOR + b"x"),
        lambda: GROUP.reduce(bytes(65)),
        lambda: GROUP.scalar_add(ONE, b"x"),
        lambda: GROUP.invert(b""),
        lambda: GROUP.invert_each(ONE + b"x"),
    ],
)
def test_checks_lengths_before_the_library_reads(operation: Callable[[], object]) -> None:
    with pytest.raises(OprfError):
        operation()


def test_takes_immutable_bytes_only() -> None:
    with pytest.raises(TypeError):
        GROUP.multiply_all(ONE, bytearray(GENERATOR))  # type: ignore[arg-type]  # what is tested


def test_scalar_field() -> None:
    left, right = (value.to_bytes(32, "little") for value in (ORDER - 5, 2**200 + 7))
    assert number(GROUP.scalar_add(left, right)) == (ORDER - 5 + 2**200 + 7) % ORDER
    assert number(GROUP.scalar_subtract(right, left)) == (2**200 + 7 + 5) % ORDER
    assert number(GROUP.scalar_multiply(left, right)) == (-5 * (2**200 + 7)) % ORDER
    assert number(GROUP.invert(right)) == pow(2**200 + 7, -1, ORDER)
    assert number(GROUP.reduce(b"\xff" * 64)) == (2**512 - 1) % ORDER


@pytest.mark.parametrize("operation", [GROUP.invert, GROUP.invert_each])
def test_zero_has_no_inverse(operation: Callable[[bytes], bytes]) -> None:
    with pytest.raises(OprfError, match="inverse"):
        operation(ZERO)


def test_a_zero_among_others_has_no_inverse() -> None:
    with pytest.raises(OprfError, match="inverse"):
        GROUP.invert_each(ONE + ZERO + TWO)


@pytest.mark.parametrize(
    ("batch", "count", "reason"),
    [
        (b"", 0, "holds 1 to"),
        (GENERATOR * (MAX_EVALUATION_BATCH + 1), MAX_EVALUATION_BATCH + 1, "holds 1 to"),
        (GENERATOR + DOUBLE, 1, "announced number"),
        (GENERATOR[:-1], 1, "announced number"),
        (GENERATOR + DOUBLE + GENERATOR, 3, "twice"),
    ],
    ids=["empty", "too-many", "more-than-announced", "cut-short", "twice"],
)
def test_check_batch_refuses(batch: bytes, count: int, reason: str) -> None:
    with pytest.raises(OprfError, match=reason):
        check_batch(batch, count)


def test_check_elements_accepts_a_batch() -> None:
    check_elements(GROUP, GENERATOR + DOUBLE, 2)


@pytest.mark.parametrize("scalar", [ORDER, 2**256 - 1], ids=["order", "all-ones"])
def test_check_scalar_refuses_large_scalars(scalar: int) -> None:
    with pytest.raises(OprfError):
        check_scalar(scalar.to_bytes(32, "little"))


def test_check_scalar_refuses_a_wrong_length() -> None:
    with pytest.raises(OprfError):
        check_scalar(bytes(31))


def test_check_scalar_accepts_the_largest() -> None:
    check_scalar((ORDER - 1).to_bytes(32, "little"))
