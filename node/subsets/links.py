"""What lists say of which digests are of one file, put in order on disk, for the choice of what is screened."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from node.clock import Entropy
from node.judgement.ranges import Alike
from node.store.spool import Parts, Spool, part_of
from protocol.digest import Algorithm, Digest
from protocol.judgement.quorum import Support
from protocol.judgement.voices import MemberListing
from protocol.selection import HIDDEN, LINK, TOLD, Rows, Selection, Selector, links_of, telling

_WORD: Final = 8
_ROWS: Final = 2**20
"""Of a part: more are there where a list gives many digests one content id."""


class Links:
    """A `Selector` of any number of digests; what it gives out waits in `parts` parts."""

    def __init__(self, spool: Spool, entropy: Entropy, *, k: int, parts: int) -> None:
        self._spool = spool
        self._selector = Selector(k)
        self._told = Parts(spool, parts)
        # Whoever chose content ids that meet in one part would fill the memory: he does not know which do.
        self._factors = np.frombuffer(entropy(2 * _WORD), dtype=np.uint64) | np.uint64(1)

    def __len__(self) -> int:
        return len(self._selector)

    def add(self, supports: Mapping[Digest, Sequence[Support]], listings: Sequence[MemberListing]) -> None:
        """Take in digests and the entries of their part: see `Selector`."""
        self._put(self._selector.add(supports, listings))

    def add_alike(self, supports: Sequence[Support], listings: Sequence[MemberListing], alike: Alike) -> None:
        """Take in digests that are like one with these supports; none are not to be released."""
        self._put(self._selector.add_alike(supports, listings, alike.digests, alike.slots, alike.content_ids))

    def _put(self, told: Rows) -> None:
        mixed = (told["content_id"] * self._factors).sum(axis=1, dtype=np.uint64)
        self._told.scatter(told, part_of(mixed, self._told.count))

    def select(self) -> Selection:
        """What is screened."""
        linked = {algorithm: Parts(self._spool, self._told.count) for algorithm in HIDDEN}
        for part in range(self._told.count):
            links = links_of(self._told.few_rows(part, TOLD, most=_ROWS, fewer=telling))
            kinds = self._selector.algorithms(links["stronger"])
            for algorithm, parts in linked.items():
                rows = links[kinds == algorithm]
                parts.scatter(rows, rows["stronger"].astype(np.int64) * parts.count // max(len(self), 1))

        def of(algorithm: Algorithm) -> Iterator[Rows]:
            parts = linked[algorithm]
            return (parts.rows(part, LINK) for part in range(parts.count))

        return self._selector.select(of)
