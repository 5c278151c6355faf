"""What many openings say of files, as arrays: of millions, an object for each takes longer than all else.

What is read is what `node.lists.changes` reads of one: the digest and the content id.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from node.lists.changes import ID_HEAD, KEY_BEFORE, LONG_MAP, content_id_of
from node.store.lists.columns import Keys
from node.store.vault import Vault
from protocol.digest import SIZES, SUSPICIOUS, Algorithm
from protocol.lists.ext import CONTENT_ID_BYTES
from protocol.lists.opening import NONCE_BYTES

ContentIds = NDArray[np.bytes_]
"""Each behind one byte, so that none of them is empty; empty where there is none."""

_KIND, _SIZE, _DIGEST = NONCE_BYTES, NONCE_BYTES + 1, NONCE_BYTES + 2
_EXT: Final = _DIGEST + 2
"""Behind nonce, digest and the length of ext."""
_ID: Final = 3
_EXACT: Final = [Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256]
_SUSPICIOUS: Final = np.frombuffer(b"".join(sorted(SUSPICIOUS)), dtype=np.uint64)
CONTENT_ID: Final = np.dtype(f"S{1 + CONTENT_ID_BYTES}")
_REST: Final = bytes(2**9)
"""Behind the last one, so that whatever a length says lies in memory."""


class OpeningColumns:
    """Openings as they stand in a list, an empty one where none is held."""

    def __init__(self, openings: Sequence[bytes]) -> None:
        self.rows = openings
        self._lengths = np.fromiter(map(len, openings), dtype=np.int64, count=len(openings))
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._octets = np.frombuffer(b"".join([*openings, _REST]), dtype=np.uint8)
        long = self._lengths >= _DIGEST
        self._kinds = np.where(long, self._octets[self._starts + _KIND], 0)
        self._sizes = np.where(long, self._octets[self._starts + _SIZE], 0).astype(np.int64)

    @cached_property
    def algorithms(self) -> NDArray[np.int8]:
        """Of the digests; 0 where there is none, or none that is read here."""
        held, found = np.minimum(self._sizes, self._lengths - _DIGEST), np.zeros(len(self._kinds), np.int8)
        for algorithm, size in SIZES.items():
            found[(self._kinds == algorithm) & (held == size)] = algorithm
        return found

    def keys(self, vault: Vault) -> Keys:
        """Look-up keys of the digests; 0 where there is none."""
        found = np.zeros(len(self._kinds), dtype=np.int64)
        for algorithm, size in SIZES.items():
            rows = np.flatnonzero(self.algorithms == algorithm)
            if len(rows):
                values = self._windows(self._starts[rows] + _DIGEST, size)
                found[rows] = vault.keys_of_values(algorithm, values.tobytes())
        return found

    @cached_property
    def content_ids(self) -> ContentIds:
        """Where a list says which digests are of one file."""
        ext = self._starts + self._sizes + _EXT
        left = self._starts + self._lengths - ext
        head, key, following = (self._octets[ext + at] for at in range(_ID))
        elsewhere = (head >= LONG_MAP[0]) & (left > 0) | (key == KEY_BEFORE[0]) & (left > 1)
        usual = (key == ID_HEAD[0]) & (following == ID_HEAD[1]) & (left >= _ID + CONTENT_ID_BYTES)
        found = np.zeros((len(ext), 1 + CONTENT_ID_BYTES), dtype=np.uint8)
        rows = np.flatnonzero(usual & ~elsewhere)
        found[rows, 0] = 1
        found[rows, 1:] = self._windows(ext[rows] + _ID, CONTENT_ID_BYTES)
        for row in np.flatnonzero(elsewhere & (self._lengths >= _DIGEST)).tolist():
            if content_id := content_id_of(self.rows[row]):
                found[row] = np.frombuffer(b"\1" + content_id, dtype=np.uint8)
        return found.view(CONTENT_ID)[:, 0]

    @property
    def suspicious(self) -> NDArray[np.bool_]:
        """Which digests may be degenerate: few of those that are exact."""
        heads = self._windows(self._starts + _DIGEST, _SUSPICIOUS.itemsize).copy().view(np.uint64)[:, 0]
        return ~np.isin(self.algorithms, _EXACT) | np.isin(heads, _SUSPICIOUS)

    def having(self, two: bytes) -> NDArray[np.bool_]:
        """Which openings have these two bytes anywhere, one behind the other."""
        places = np.flatnonzero((self._octets[:-1] == two[0]) & (self._octets[1:] == two[1]))
        rows = np.searchsorted(self._starts, places, side="right") - 1
        found = np.zeros(len(self.rows), dtype=np.bool_)
        found[rows[places + 2 <= self._starts[rows] + self._lengths[rows]]] = True
        return found

    def _windows(self, starts: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
        """So many octets from each of these places on."""
        return sliding_window_view(self._octets, width)[starts]


def content_ids_of(content_ids: Sequence[bytes]) -> ContentIds:
    """As they stand in columns; of an empty one there is none."""
    return np.array([b"\1" + each if each else b"" for each in content_ids], dtype=CONTENT_ID)


def content_id_in(found: bytes) -> bytes:
    """The content id of one element of `ContentIds`: NumPy takes zeros off its end."""
    return found.ljust(1 + CONTENT_ID_BYTES, b"\0")[1:] if found else b""
