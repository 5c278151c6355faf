"""Golomb-Rice bits: sorted numbers below a bound, to bytes and back, vectorised both ways.

A code is the unary quotients of all gaps, padded to a byte, then the fixed-width remainders of all gaps, padded
to a byte. Keeping the two apart costs no bit and lets numpy read each in whole blocks. The parameter follows from
count and bound alone, so a sorted sequence has exactly one code and nothing about it is read from the wire.

A code is read only after its length is known to be possible for `count`, so memory stays within a constant times
the bytes received; read in blocks, it takes none in proportion to the count. What the numbers mean is left to `sets`
and `deltas`. Spec: docs/spec/subset.md, section "Set coding".
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from protocol.encoding import Octets
from protocol.errors import MalformedError, NotCanonicalError
from protocol.slices import slices

U64Array: TypeAlias = NDArray[np.uint64]
_Octets: TypeAlias = NDArray[np.uint8]

MAX_BOUND: Final = 2**63
"""Below this no sum of decoded gaps can wrap around 2^64: quotients and remainders each add up to less than it."""

BLOCK: Final = 64 * 1024
"""Values that a stream of them has at once, about: half a megabyte."""

_BLOCK: Final = 4 * 1024
"""Octets of quotients read at once."""

_WORD: Final = 64
"""Numbers whose remainders of k bits are k words: so many, or a multiple, are read or written together."""
_OCTETS: Final = 8
"""Octets of a word."""
_WRITTEN: Final = 1024 * _WORD
"""Numbers written at once: 64 remainders of k bits are k words, and each step handles one of each 64."""

_PHI: Final = (481, 1000)
"""ln of the golden ratio: 2^k at or above this share of the mean gap is the best k (Gallager and Van Voorhis)."""


def parameter(count: int, bound: int) -> int:
    """Bits of a remainder: the least k with `count · 2^k · 1000 ≥ 481 · bound`, for `count` ≥ 1."""
    smallest = -(-_PHI[0] * bound // (_PHI[1] * count))
    return (smallest - 1).bit_length()


def encode_sorted(values: U64Array, bound: int) -> bytes:
    """The code of `values`, which do not decrease and are below `bound` ≤ 2^63."""
    return b"".join(encode_blocks(values, bound))


def encode_blocks(values: U64Array, bound: int) -> Iterator[bytes]:
    """The same, block by block."""
    assert 0 < bound <= MAX_BOUND
    if len(values) == 0:
        return
    assert int(values[-1]) < bound
    assert bool(np.all(values[1:] >= values[:-1]))
    k = parameter(len(values), bound)
    yield from _write_unary(values, k)
    yield from _write_remainders(values, k)


def decode_sorted(data: Octets, *, count: int, bound: int) -> U64Array:
    """The `count` numbers below `bound` ≤ 2^63 whose code is `data`; raises as `decode_blocks`."""
    return gathered(decode_blocks(data, count=count, bound=bound))


def decode_blocks(data: Octets, *, count: int, bound: int) -> Iterator[U64Array]:
    """The same numbers in order, block by block; what is wrong with a block is found when it is asked for.

    Raises `MalformedError` for a length or number of codes that `count` does not allow and for a number at or
    above `bound`, `NotCanonicalError` for padding that is not zero or not minimal.
    """
    assert 0 < bound <= MAX_BOUND
    if count == 0:
        _refuse(len(data) > 0, "bytes in the code of nothing")
        return
    k = parameter(count, bound)
    highest = (bound - 1) >> k  # what the quotients add up to at most
    octets = np.frombuffer(data, dtype=np.uint8)
    split = len(octets) - _octets_for(count * k)
    _refuse(not _octets_for(count) <= split <= _octets_for(count + highest), "length does not fit the count")
    remainders = octets[split:]
    _check_padding(remainders, count * k)
    done, below = 0, np.uint64(0)
    for ends in _unary_blocks(octets[:split], count):
        quotients = (ends - np.arange(done, done + len(ends))).view(np.uint64)  # of all gaps so far: 0 bits
        _refuse(int(quotients[-1]) > highest, "number out of bounds")
        values = _read_remainders(remainders, done, len(ends), k)
        values[0] += below
        np.cumsum(values, out=values)
        done, below = done + len(ends), values[-1]
        values += quotients << np.uint64(k)
        _refuse(int(values[-1]) >= bound, "number out of bounds")
        yield values


def blocks_of(values: U64Array) -> Iterator[U64Array]:
    """Values in order, block by block."""
    return slices(values, BLOCK)


def gathered(blocks: Iterable[U64Array]) -> U64Array:
    """All values of a stream, in memory that grows with it."""
    octets = bytearray()
    for block in blocks:
        octets += block.data
    return np.frombuffer(octets, dtype=np.uint64)


def _octets_for(bits: int) -> int:
    return -(-bits // 8)


def _refuse(broken: bool, reason: str) -> None:  # noqa: FBT001 - a condition to test, not an option
    if broken:
        raise MalformedError("set coding: {reason}", reason)


def _gaps(values: U64Array) -> Iterator[U64Array]:
    """The gaps of sorted values, a block at a time."""
    last = np.uint64(0)
    for block in slices(values, _WRITTEN):
        yield np.diff(block, prepend=last)
        last = block[-1]


def _write_unary(values: U64Array, k: int) -> Iterator[bytes]:
    begun = np.zeros(0, dtype=np.uint8)  # bits of an octet that the next block completes
    for gaps in _gaps(values):
        ends = np.cumsum((gaps >> np.uint64(k)) + np.uint64(1), dtype=np.uint64) + np.uint64(len(begun))
        bits = np.zeros(int(ends[-1]), dtype=np.uint8)
        bits[: len(begun)] = begun
        bits[ends - np.uint64(1)] = 1
        whole = len(bits) & ~7
        yield np.packbits(bits[:whole]).tobytes()
        begun = bits[whole:]
    yield np.packbits(begun).tobytes()


def _unary_blocks(octets: _Octets, count: int) -> Iterator[NDArray[np.intp]]:
    """Places of the 1 bits, which are the ends of quotients: a multiple of 64 at once, as many as begin a word."""
    found, left = 0, np.empty(0, dtype=np.intp)
    for start in range(0, len(octets), _BLOCK):
        bits = np.unpackbits(octets[start : start + _BLOCK]).view(np.bool_)  # which numpy searches fast
        ends = np.flatnonzero(bits) + 8 * start
        found += len(ends)
        _refuse(found > count, "number of codes is not the count")
        left = np.concatenate([left, ends])
        if whole := len(left) - len(left) % _WORD:
            yield left[:whole]
            left = left[whole:]
    _refuse(found != count, "number of codes is not the count")
    if octets[-1] == 0:
        raise NotCanonicalError("set coding: zero bytes behind the last quotient")
    if len(left):
        yield left


def _write_remainders(values: U64Array, k: int) -> Iterator[bytes]:
    if k == 0:
        return
    for gaps in _gaps(values):
        remainders = np.zeros(len(gaps) + -len(gaps) % _WORD, dtype=np.uint64)
        np.bitwise_and(gaps, np.uint64((1 << k) - 1), out=remainders[: len(gaps)])
        rows = np.ascontiguousarray(remainders.reshape(-1, _WORD).T)
        words = np.zeros((k, rows.shape[1]), dtype=np.uint64)
        for at, row in enumerate(rows[: len(gaps)]):
            word, used = divmod(at * k, _WORD)
            beyond = k - (_WORD - used)  # bits that the next word takes
            words[word] |= row >> np.uint64(beyond) if beyond > 0 else row << np.uint64(-beyond)
            if beyond > 0:
                words[word + 1] |= row << np.uint64(_WORD - beyond)
        yield words.T.astype(">u8").tobytes()[: _octets_for(len(gaps) * k)]


def _check_padding(octets: _Octets, bits: int) -> None:
    if bits and int(octets[-1]) & ((1 << -bits % 8) - 1):
        raise NotCanonicalError("set coding: padding bits are not zero")


def _read_remainders(octets: _Octets, first: int, count: int, k: int) -> U64Array:
    """Those of `count` gaps from `first` on, which is a multiple of 64: their words begin with them."""
    if k == 0:
        return np.zeros(count, dtype=np.uint64)
    # Of eight remainders the first begins an octet, and each of the others where it does in the next eight.
    groups, at = -(-count // 8), first * k // 8
    packed = np.zeros(groups * k + _OCTETS + 1, dtype=np.uint8)
    found = octets[at : at + groups * k]
    packed[: len(found)] = found
    values = np.empty((groups, 8), dtype=np.uint64)
    for number in range(8):
        start, used = divmod(number * k, 8)
        words = np.ndarray(groups, ">u8", packed, start, (k,)).astype(np.uint64)
        words <<= np.uint64(used)
        if used + k > _WORD:
            beyond = np.ndarray(groups, np.uint8, packed, start + _OCTETS, (k,))
            words |= beyond >> np.uint64(8 - used)
        np.right_shift(words, np.uint64(_WORD - k), out=values[:, number])
    return values.reshape(-1)[:count]
