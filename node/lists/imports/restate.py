"""Saying again what a list says in a range that is doubted: for an import, that is not listed yet.

Between the last good head and where another key goes on, nothing of a list counts. What was its owner's own there is
added again, as an entry of its own; so is what somebody withdrew there who was not the owner. While nobody said where
the list goes on, everything that is added would be doubted as well, and nothing is said again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from node.formats.rows import ImportRow
from node.lists.imports.dedupe import Judge
from node.store.lists.columns import Keys, Positions
from node.store.lists.records import IndexHit, LogRecord
from node.store.unit import Unit
from node.trust.others.revocations import doubted


@dataclass(frozen=True, slots=True)
class Restating:
    """A judge to whom what one list says in `spans` is unknown."""

    judged: Judge
    log_id: int
    spans: tuple[range, ...]

    def find(self, keys: Keys) -> Sequence[IndexHit]:
        """What all held lists have under these keys, without what is doubted."""
        return [
            hit for hit in self.judged.find(keys) if hit.log_id != self.log_id or not self._is_doubted(hit)
        ]

    def judge(
        self, rows: Sequence[ImportRow], keys: Keys, starts: Positions, hits: Sequence[IndexHit]
    ) -> Mapping[int, str]:
        """Which of the rows are set aside, and why."""
        return self.judged.judge(rows, keys, starts, hits)

    def let_pass(self, keys: Collection[int]) -> frozenset[int]:
        """Of these look-up keys, those of rows that a person let pass."""
        return self.judged.let_pass(keys)

    def _is_doubted(self, hit: IndexHit) -> bool:
        places = (hit.position, hit.ended)
        return any(place in span for place in places if place is not None for span in self.spans)


def restating(unit: Unit, log: LogRecord, judged: Judge) -> Judge:
    """The judge for an import into an own list, to whom doubted parts that have an end are unknown."""
    spans = tuple(span for span in doubted(unit).get(log.origin, ()) if span.stop <= log.head.size)
    return Restating(judged, log.id, spans) if spans else judged
