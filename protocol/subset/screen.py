"""The screen: which hashes a partner must ask about, told without telling the list.

Unkeyed on purpose: every node's screen is a prefix of the same hash, so partners of several nodes together learn
no more than from the widest screen among them. Its width is the leak budget: somebody who already holds a digest
learns from a screen hit that it is listed at odds of at most 2^(bits + 1) to 1, and nothing about any other.
What is effective is decided by the quorum; that a hit is a hit, by the answers. Spec: docs/spec/subset.md,
section "Screen".
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import Final, TypeAlias

import numpy as np

from protocol.digest import Algorithm, Digest
from protocol.subset.rice import U64Array

_PERSON: Final = b"SIGFED1-scr"
_PREFERENCE: Final = (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5)


class ScreenRule(IntEnum):
    """By which rule a release chose what it screens."""

    STRONGEST = 1
    """Of each row its strongest digest, and every PDQ: the rule of a release that names none."""


_COMPLETE: Final = {
    ScreenRule.STRONGEST: frozenset({frozenset(_PREFERENCE)}),
}
"""Exact hashes of one file of which a screened one is among them, if any of them is listed."""


def is_complete(rule: ScreenRule, algorithms: Iterable[Algorithm]) -> bool:
    """Whether a screen made by `rule` answers for a file of which these hashes are looked up.

    If not, a miss says nothing: what is screened of the file may be a hash that was not given. A PDQ value answers
    for itself, because every PDQ is screened.
    """
    asked = frozenset(algorithms) - {Algorithm.PDQ}
    return not asked or asked in _COMPLETE[rule]


ContentId: TypeAlias = tuple[str, bytes]
"""Origin of a list and a content id in it: another list's use of the same 16 bytes is no statement about this one.

Otherwise one member could hide a file from every screen by giving its content id to a digest of another file.
"""


@dataclass(frozen=True, slots=True)
class EffectiveDigest:
    """A digest that reached the quorum, with the content ids that its counting adds carry."""

    digest: Digest
    content_ids: frozenset[ContentId] = frozenset()


def screen_value(digest: Digest) -> int:
    """The full 64-bit screen hash: BLAKE2b, 8 bytes, person `SIGFED1-scr` zero-padded, over `alg u8 ‖ digest`."""
    return int.from_bytes(_hash(digest), "big")


def screen_values(digests: Iterable[Digest]) -> U64Array:
    """The full 64-bit screen hashes, in the order given."""
    data = b"".join(map(_hash, digests))
    return np.frombuffer(data, dtype=">u8").astype(np.uint64)


def truncate(values: U64Array, width: int) -> U64Array:
    """The top `width` bits (1 to 64) of full 64-bit values."""
    assert 1 <= width <= 64
    return values >> np.uint64(64 - width)


def screen_width(count: int, screen_bits: int) -> int:
    """Bits of a screen value at a snapshot: `ceil(log2 max(count, 1)) + screen_bits`; 0 bits mean no screen."""
    return ceil_log2(count) + screen_bits if screen_bits else 0


def kept_screen_width(held: int, *, count: int, screen_bits: int) -> int:
    """The width of the next release: `held` while it fits, so that a delta is possible.

    Never wider than a snapshot's, which would pass the leak budget; at most one bit narrower, which doubles the
    files that survive by chance.
    """
    wanted = screen_width(count, screen_bits)
    return held if held == wanted - 1 and held > 0 else wanted


def ceil_log2(count: int) -> int:
    """`ceil(log2 max(count, 1))`."""
    return (max(count, 1) - 1).bit_length()


def select_screened(entries: Iterable[EffectiveDigest]) -> set[Digest]:
    """The digests whose screen values lead a partner to every file on the list.

    For each content id the first effective of SHA-256, SHA-1, MD5; every digest without an id; every PDQ. A
    partner screens all hashes of a file and asks about all of them when one survives, so one a file is enough and
    more would only widen the leak.
    """
    chosen: set[Digest] = set()
    files: dict[ContentId, list[Digest]] = {}
    for entry in entries:
        if not entry.content_ids or entry.digest.algorithm == Algorithm.PDQ:
            chosen.add(entry.digest)
        elif entry.digest.algorithm in _PREFERENCE:
            for content_id in entry.content_ids:
                files.setdefault(content_id, []).append(entry.digest)
    for digests in files.values():
        chosen.update(_preferred(digests))
    return chosen


def build_screen(digests: Collection[Digest], width: int) -> U64Array:
    """The screen of `digests`: their values cut to `width` bits, sorted, each once."""
    return np.unique(truncate(screen_values(digests), width))


def _preferred(digests: Sequence[Digest]) -> Iterator[Digest]:
    """Those of the best algorithm: one, unless a list gave one content id to several files."""
    best = min(_PREFERENCE.index(digest.algorithm) for digest in digests)
    return (digest for digest in digests if digest.algorithm == _PREFERENCE[best])


def _hash(digest: Digest) -> bytes:
    return blake2b(bytes([digest.algorithm]) + digest.value, digest_size=8, person=_PERSON).digest()
