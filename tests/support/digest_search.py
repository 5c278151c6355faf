"""Finding digests in bytes, however they were written: the searcher of the leak tests.

Looked for are raw bytes, hex in either case or mixed, and base64 in both alphabets at each of the three places that a
digest can have in a group of three bytes. Thousands of digests are searched for at once: the first eight bytes of each
spelling are looked up in a sorted table for every offset, and what meets there is compared whole.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

HEAD: Final = 8
"""Bytes of a spelling that are looked up; the shortest spelling has more."""
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A digest that was found: what was searched, where in it, and how it was written there."""

    place: str
    offset: int
    spelling: str
    digest: bytes = field(repr=False)


class DigestSearch:
    """Searches for a set of digests of 16 bytes or more."""

    def __init__(self, digests: Iterable[bytes]) -> None:
        spellings = {text: (name, value) for value in set(digests) for name, text in _spellings(value)}
        self._exact = _Table({t: found for t, found in spellings.items() if found[0] != "hex"})
        self._hex = _Table({t: found for t, found in spellings.items() if found[0] == "hex"})

    def sightings(self, data: bytes, place: str) -> list[Sighting]:
        """Every digest in `data`, in order of offset."""
        found = [*self._exact.found(data, place), *self._hex.found(data.lower(), place)]
        return sorted(found, key=lambda sighting: sighting.offset)

    def sightings_in(self, places: Mapping[str, bytes]) -> list[Sighting]:
        """Every digest in any of the named places."""
        return [sighting for name, data in places.items() for sighting in self.sightings(data, name)]


class _Table:
    """Spellings by their first bytes."""

    def __init__(self, spellings: Mapping[bytes, tuple[str, bytes]]) -> None:
        self._by_head: dict[int, list[tuple[bytes, str, bytes]]] = {}
        for text, (name, value) in spellings.items():
            assert len(text) > HEAD
            self._by_head.setdefault(int.from_bytes(text[:HEAD], "big"), []).append((text, name, value))
        self._heads = np.array(sorted(self._by_head), dtype=np.uint64)

    def found(self, data: bytes, place: str) -> Iterator[Sighting]:
        for offset in _meetings(data, self._heads):
            head = int.from_bytes(data[offset : offset + HEAD], "big")
            for text, name, value in self._by_head[head]:
                if data.startswith(text, offset):
                    yield Sighting(place, offset, name, value)


def _meetings(data: bytes, heads: NDArray[np.uint64]) -> Iterator[int]:
    """Offsets at which the next eight bytes are one of `heads`."""
    for shift in range(min(HEAD, len(data))):
        words = np.frombuffer(data, dtype=">u8", offset=shift, count=(len(data) - shift) // HEAD)
        places = np.minimum(np.searchsorted(heads, words.astype(np.uint64)), max(len(heads) - 1, 0))
        met = np.flatnonzero(heads[places] == words) if len(heads) else ()
        yield from (int(place) * HEAD + shift for place in met)


def _spellings(value: bytes) -> Iterator[tuple[str, bytes]]:
    yield "raw", value
    yield "hex", value.hex().encode()
    for lead in range(3):
        text = _base64_core(value, lead)
        yield f"base64+{lead}", text
        yield f"base64url+{lead}", text.translate(_URL_SAFE)


def _base64_core(value: bytes, lead: int) -> bytes:
    """The base64 characters of `value`, `lead` bytes into a group, that do not depend on what is around it."""
    first = -(-8 * lead // 6)
    last = 8 * (lead + len(value)) // 6
    return b64encode(bytes(lead) + value + bytes(3))[first:last]
