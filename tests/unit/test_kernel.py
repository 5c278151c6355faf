"""Each path of the kernel against libsodium, bit for bit: sizes around lanes and chunks, edges, refusals, hashes."""

import ctypes
import random
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import cast
from unittest.mock import Mock

import pytest

from protocol.errors import OprfError
from protocol.oprf.group import IDENTITY, NO_MEMORY, ORDER, Group
from protocol.oprf.kernel import PATHS, KernelGroup
from protocol.oprf.server import outputs
from protocol.oprf.suite import GROUP_TAG, epoch_key
from support.edges import ENCODINGS, SCALARS, UNIFORM, WIDE, ZEROS, elements, le
from support.kernel import EMULATED_LANES, KERNELS, ON_AARCH64, compiled, group_named, kernel_on, sodium

SIZES = (
    1,
    2,
    3,
    7,
    8,
    9,
    15,
    16,
    17,
    23,
    24,
    25,
    47,
    48,
    63,
    64,
    65,
    119,
    120,
    191,
    192,
    193,
    300,
    513,
    1501,
)
"""Around the lanes, the chunks that share an inversion, and where the sums change their way."""
FEW = (1, 2, 7, 8, 9, 25, 193)
"""Of them for what is emulated, which is slow."""


@pytest.fixture(params=KERNELS)
def group(request: pytest.FixtureRequest) -> Group:
    return group_named(request.param)


@pytest.fixture
def oracle() -> Group:
    return sodium()


def drawn(number: int, seed: object = 0) -> bytes:
    return random.Random(repr((number, seed))).randbytes(number)


def refused(call: Callable[..., object], *arguments: object) -> bool:
    try:
        call(*arguments)
    except OprfError:
        return True
    return False


@pytest.mark.threat("wrong arithmetic")
@pytest.mark.parametrize("name", KERNELS)
def test_every_size_of_a_batch(name: str, oracle: Group) -> None:
    group = group_named(name)
    for size in FEW if name in {EMULATED_LANES, ON_AARCH64} else SIZES:
        uniform = drawn(64 * size)
        scalars, points = oracle.reduce(uniform), oracle.from_uniform(uniform)
        products = oracle.multiply_each(scalars, points)
        assert group.reduce(uniform) == scalars
        assert group.from_uniform(uniform) == points
        assert group.multiply_each(scalars, points) == products
        assert group.multiply_all(scalars[:32], points) == oracle.multiply_all(scalars[:32], points)
        assert group.weighted_sum(scalars, points) == oracle.sum(products) == group.sum(products)
        assert group.invert_each(scalars) == oracle.invert_each(scalars)
        group.check_canonical(points)


@pytest.mark.parametrize("scalar", SCALARS, ids=bytes.hex)
def test_edge_scalars_times_edge_elements(group: Group, oracle: Group, scalar: bytes) -> None:
    points = elements(oracle)
    for batch in (points[:1], points[:2], points):
        joined = b"".join(batch)
        products = oracle.multiply_all(scalar, joined)
        assert group.multiply_all(scalar, joined) == products
        assert group.multiply_each(scalar * len(batch), joined) == products
        assert group.weighted_sum(scalar * len(batch), joined) == oracle.sum(products)


def test_each_lane_has_its_own_scalar(group: Group, oracle: Group) -> None:
    factors = b"".join(SCALARS)
    for point in elements(oracle)[:4]:
        points = point * len(SCALARS)
        products = oracle.multiply_each(factors, points)
        assert group.multiply_each(factors, points) == products
        assert group.weighted_sum(factors, points) == oracle.sum(products)


@pytest.mark.parametrize("uniform", UNIFORM, ids=lambda uniform: uniform.hex()[:20])
def test_the_map_at_its_edges(group: Group, oracle: Group, uniform: bytes) -> None:
    for number in (1, 9):
        assert group.from_uniform(uniform * number) == oracle.from_uniform(uniform * number)


@pytest.mark.parametrize("number", [1, 2, 9, 20])
def test_what_is_zero_or_the_identity_is_refused_at_every_place(
    group: Group, oracle: Group, number: int
) -> None:
    point, five = elements(oracle)[1], le(5)
    for zero in ZEROS:
        assert refused(group.multiply_all, zero, point * number)
        assert refused(oracle.multiply_all, zero, point * number)
    for place in range(number):
        points = point * place + IDENTITY + point * (number - 1 - place)
        group.check_canonical(points)
        for each in (group, oracle):
            assert refused(each.multiply_all, five, points)
            assert refused(each.weighted_sum, five * number, points)
            for zero in ZEROS:
                scalars = five * place + zero + five * (number - 1 - place)
                assert refused(each.multiply_each, scalars, point * number)
                assert refused(each.weighted_sum, scalars, point * number)
        scalars = five * place + bytes(32) + five * (number - 1 - place)
        assert refused(group.invert_each, scalars)
        assert refused(oracle.invert_each, scalars)


@pytest.mark.parametrize("pairs", [1, 4, 10, 100])
def test_a_sum_may_be_the_identity(group: Group, oracle: Group, pairs: int) -> None:
    point = elements(oracle)[1]
    cancelling = (point + oracle.multiply_all(le(ORDER - 1), point)) * pairs
    assert group.weighted_sum(le(3) * 2 * pairs, cancelling) == IDENTITY == group.sum(cancelling)
    assert oracle.sum(cancelling) == IDENTITY == group.sum(IDENTITY * 9)


def test_encodings_are_valid_exactly_when_libsodium_says_so(group: Group, oracle: Group) -> None:
    many = random.Random(9)
    tried = [*ENCODINGS, *(many.randbytes(32) for _ in range(100))]
    tried += [number.to_bytes(32, "little") for number in (many.getrandbits(254) * 2 for _ in range(2000))]
    refusals = [refused(oracle.check_canonical, one) for one in tried]
    assert 200 < refusals.count(False) < len(tried) - 200
    assert [refused(group.check_canonical, one) for one in tried] == refusals
    for at in range(0, len(tried) - 8, 8):  # refused exactly if one of the eight is
        assert refused(group.check_canonical, b"".join(tried[at : at + 8])) == any(refusals[at : at + 8])


def test_one_bad_encoding_anywhere_refuses_a_batch(group: Group, oracle: Group) -> None:
    good, places = oracle.from_uniform(drawn(64 * 33)), count()
    for bad in ENCODINGS[::3]:
        if refused(oracle.check_canonical, bad):
            place = next(places) % 33
            points = good[: 32 * place] + bad + good[32 * place + 32 :]
            assert refused(group.multiply_all, le(3), points)
            assert refused(group.weighted_sum, le(3) * 33, points)
            assert refused(group.sum, points)
            assert refused(group.check_canonical, points)


@pytest.mark.parametrize("operation", ["scalar_add", "scalar_subtract", "scalar_multiply"])
def test_arithmetic_of_scalars(group: Group, oracle: Group, operation: str) -> None:
    below = [oracle.reduce(one + bytes(32)) for one in (*SCALARS, *(drawn(32, at) for at in range(50)))]
    for left, right in zip(below, reversed(below), strict=True):
        assert getattr(group, operation)(left, right) == getattr(oracle, operation)(left, right)


def test_reducing_at_the_edges(group: Group, oracle: Group) -> None:
    assert group.reduce(b"".join(WIDE)) == oracle.reduce(b"".join(WIDE))
    assert [group.reduce(one) for one in WIDE] == [oracle.reduce(one) for one in WIDE]


@pytest.mark.parametrize("seed", range(6))
def test_hashing_of_inputs_of_every_length(group: Group, oracle: Group, seed: int) -> None:
    lengths = random.Random(seed)
    inputs = [drawn(lengths.randrange(400), at) for at in range(1 + lengths.randrange(40))]
    inputs += [drawn(at, seed) for at in range(seed * 50, seed * 50 + 50)]
    tag = drawn((1, 43, 44, 111, 112, 255)[seed])
    left, right = drawn(32 * len(inputs), 1), drawn(32 * len(inputs), 2)
    assert group.expand_each(inputs, tag) == oracle.expand_each(inputs, tag)
    assert group.finish_each(inputs, left) == oracle.finish_each(inputs, left)
    first = lengths.randrange(60_000)
    weights = oracle.pair_weights(drawn(64), first, left, right, tag)
    assert group.pair_weights(drawn(64), first, left, right, tag) == weights
    scalars = oracle.reduce(drawn(64 * len(inputs)))
    assert group.hash_multiply_each(scalars, inputs, tag) == oracle.hash_multiply_each(scalars, inputs, tag)
    assert group.hash_multiply_all(le(7), inputs, tag) == oracle.hash_multiply_all(le(7), inputs, tag)


def test_the_longest_input_and_no_longer(group: Group, oracle: Group) -> None:
    longest, tag = [bytes(65_535), b""], GROUP_TAG
    assert group.expand_each(longest, tag) == oracle.expand_each(longest, tag)
    assert group.finish_each(longest, bytes(64)) == oracle.finish_each(longest, bytes(64))
    for each in (group, oracle):
        with pytest.raises(OprfError, match="at most"):
            each.finish_each([bytes(65_536)], bytes(32))
        with pytest.raises(ValueError, match=r"argument|needed"):
            each.finish_each([b"x"], bytes(64))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("_multiply", lambda group: group.multiply_base(le(1))),
        ("_map_multiply", lambda group: group.hash_multiply_all(le(1), [b"x"], b"tag")),
        ("_map", lambda group: group.from_uniform(bytes(64))),
        ("_weighted_sum", lambda group: group.weighted_sum(le(1), elements(sodium())[0])),
        ("_check", lambda group: group.check_canonical(elements(sodium())[0])),
        ("_expand_all", lambda group: group.expand_each([b"x"], b"tag")),
        ("_finish_all", lambda group: group.finish_each([b"x"], bytes(32))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_allocated_is_no_refusal(
    monkeypatch: pytest.MonkeyPatch, name: str, call: Callable[[Group], object]
) -> None:
    group = kernel_on(0, compiled("kernel"))
    monkeypatch.setattr(group, name, lambda *_: NO_MEMORY)
    with pytest.raises(MemoryError):
        call(group)


# ---------------------------------------------------------------------- what is not handed to C


@pytest.fixture
def kernel() -> KernelGroup:
    """A group of its own, whose functions a test may exchange."""
    return kernel_on(0, compiled("kernel"))


def test_a_tag_is_as_long_as_the_room_for_it(kernel: Group, oracle: Group) -> None:
    longest, pair = bytes(255), bytes(32)
    assert kernel.expand_each([b"x"], longest) == oracle.expand_each([b"x"], longest)
    for each in (kernel, oracle):
        with pytest.raises(ValueError, match=r"at most|range"):
            each.expand_each([b"x"], longest + b"x")
        with pytest.raises(ValueError, match=r"at most|range"):
            each.pair_weights(bytes(64), 0, pair, pair, longest + b"x")


def test_an_input_is_as_long_as_it_says(kernel: Group) -> None:
    wide = memoryview(bytes(400)).cast("I")
    assert len(wide) == 100
    for call in (
        partial(kernel.expand_each, [wide], b"tag"),  # type: ignore[list-item]
        partial(kernel.finish_each, [wide], bytes(32)),  # type: ignore[list-item]
    ):
        with pytest.raises(ValueError, match="type bytes"):
            call()


def test_inputs_that_come_once_are_read_once(kernel: Group, oracle: Group) -> None:
    inputs = [b"one", b"two"]
    once = cast("Sequence[bytes]", iter(inputs))
    assert kernel.expand_each(once, b"tag") == oracle.expand_each(inputs, b"tag")
    once = cast("Sequence[bytes]", iter(inputs))
    assert kernel.finish_each(once, bytes(64)) == oracle.finish_each(inputs, bytes(64))


@pytest.mark.parametrize(
    ("seed", "left", "right"), [(63, 32, 32), (64, 64, 32), (64, 32, 64), (64, 33, 33)], ids=str
)
def test_weights_are_of_whole_pairs_and_a_whole_seed(kernel: Group, seed: int, left: int, right: int) -> None:
    with pytest.raises(ValueError, match=r"seed|sides"):
        kernel.pair_weights(bytes(seed), 0, bytes(left), bytes(right), b"tag")


@pytest.mark.parametrize(("status", "error"), [(NO_MEMORY, MemoryError), (-1, ValueError)])
def test_what_hashing_answers_is_heard(kernel: KernelGroup, status: int, error: type[Exception]) -> None:
    for function in ("_expand_all", "_weigh", "_finish_all"):
        setattr(kernel, function, lambda *_: status)
    for call in (
        partial(kernel.expand_each, [b"x"], b"tag"),
        partial(kernel.pair_weights, bytes(64), 0, bytes(32), bytes(32), b"tag"),
        partial(kernel.finish_each, [b"x"], bytes(32)),
    ):
        with pytest.raises(error):
            call()


def test_the_path_stays_as_it_is_where_none_is_asked_for(tmp_path: Path) -> None:
    lib = ctypes.CDLL(str(shutil.copy(compiled("kernel"), tmp_path)))
    assert KernelGroup(lib, 0).name == PATHS[0]
    assert KernelGroup(lib).name == PATHS[0]


def test_a_kernel_that_takes_no_known_path_is_refused() -> None:
    class Library:
        """Of this interface, and on this path."""

        def __init__(self, path: int) -> None:
            self.answers = {"sf_interface": 1, "sf_use": path}

        def __getitem__(self, name: str) -> Callable[..., int]:
            return Function(self.answers.get(name, 0))

    class Function:
        def __init__(self, answer: int) -> None:
            self.answer = answer

        def __call__(self, *_: object) -> int:
            return self.answer

    assert KernelGroup(cast("ctypes.CDLL", Library(1))).name == PATHS[1]
    for path in (-1, len(PATHS)):
        with pytest.raises(OprfError, match="which is none"):
            KernelGroup(cast("ctypes.CDLL", Library(path)))


def test_an_input_too_long_is_refused_before_room_is_made_for_it(oracle: Group) -> None:
    untouched = Mock(spec=Group)
    key = epoch_key(oracle, bytes(32))
    with pytest.raises(OprfError, match="at most"):
        outputs(untouched, key, [b"x", bytes(65_536)])
    assert not untouched.method_calls
