"""Searching folders for hashes in every form in which one could have been written down.

A search that cannot find anything proves nothing, so each search first finds planted ones.
"""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_START: Final = 8


def forms(digest: bytes) -> Iterator[bytes]:
    """The bytes themselves, hex in both cases, base64 at its three offsets in both alphabets."""
    yield digest
    yield digest.hex().encode()
    yield digest.hex().upper().encode()
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield _inner(encode(bytes(offset) + digest), offset)


def _inner(text: bytes, offset: int) -> bytes:
    """The characters of a base64 text that depend on nothing before or after."""
    before = (0, 2, 3)[offset]
    after = (0, 2, 3)[text.count(b"=")]
    return text[before : len(text) - after]


class Search:
    """Looks for any of some hashes, or words."""

    def __init__(self, *, digests: Iterable[bytes] = (), words: Iterable[str] = ()) -> None:
        """Prepare the search; asserts that it finds every form planted in other bytes."""
        needles = {form for digest in digests for form in forms(digest)} | {word.encode() for word in words}
        assert needles, "nothing to look for"
        self.forms = len(needles)
        self._by_start: dict[bytes, list[bytes]] = {}
        for needle in needles:
            assert len(needle) >= _START, "too short to be looked for"
            self._by_start.setdefault(needle[:_START], []).append(needle)
        for needle in needles:
            assert self.is_in(b"\x00=" + needle + b"=\x00"), "the search is blind"

    def found_in(self, *places: Path) -> list[str]:
        """Names of the files, in or below `places`, that hold one of them."""
        files = [file for place in places for file in _files(place)]
        return sorted(file.name for file in files if self.is_in(file.read_bytes()))

    def is_in(self, data: bytes) -> bool:
        """Whether one of them is in `data`."""
        by_start = self._by_start
        starts = (data[at : at + _START] for at in range(len(data) - _START + 1))
        return any(
            data.startswith(needle, at)
            for at, start in enumerate(starts)
            if start in by_start
            for needle in by_start[start]
        )


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    return [path for path in place.rglob("*") if path.is_file()]
