"""Which entries of which lists carry one content id: where the other digests of a file are found.

Known are all that were active at a release, and those that came with the ones after it; one that ended since is read in
vain.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocol.judgement.quorum import MemberListing
from protocol.subset.filter import EXACT

_ROW: Final = np.dtype([("head", "<u8"), ("log", "<u4"), ("position", "<u8")])
_HEAD_BYTES: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Files:
    """Rows by the first eight bytes of a content id."""

    rows: NDArray[np.void] = field(default_factory=lambda: np.empty(0, dtype=_ROW), repr=False)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Files":
        """What `to_bytes` wrote."""
        return cls(np.frombuffer(data, dtype=_ROW))

    def to_bytes(self) -> bytes:
        """All rows."""
        return self.rows.tobytes()

    def beside(self, log_id: int, content_ids: Iterable[bytes]) -> list[int]:
        """Positions, ascending, of all entries of a list that carry one of these content ids."""
        heads = np.array(sorted({each[:_HEAD_BYTES] for each in content_ids}), dtype="S8").view("<u8")
        known = self.rows["head"]
        first, end = np.searchsorted(known, heads, "left"), np.searchsorted(known, heads, "right")
        runs = [self.rows[a:b] for a, b in zip(first.tolist(), end.tolist(), strict=True) if a < b]
        return sorted({int(row["position"]) for run in runs for row in run if row["log"] == log_id})

    def with_more(self, more: "bytes | bytearray") -> "Files":
        """With rows that `rows_of` gave, in any order."""
        rows = np.concatenate([self.rows, np.frombuffer(bytes(more), dtype=_ROW)])
        return Files(rows[np.argsort(rows["head"], kind="stable")])


def rows_of(
    listings: Iterable[MemberListing], logs: Mapping[str, int], since: Mapping[str, int] | None
) -> bytes:
    """Rows of the entries in these listings; `logs` are the ids of the lists.

    Of each list from the position on that `since` has for it, and none of one that it does not have; None for all.
    """
    found = bytearray()
    for held in listings:
        origin = held.listing.origin
        log = logs[origin].to_bytes(4, "little")
        first = 0 if since is None else since.get(origin, held.listing.size)
        for entry in held.listing.entries.values():
            content_id = entry.ext.content_id
            if content_id is not None and entry.index >= first and entry.digest.algorithm in EXACT:
                found += content_id[:_HEAD_BYTES] + log + entry.index.to_bytes(8, "little")
    return bytes(found)
