"""The entries that belong to one file: those of a digest, and of the digests that share a content id with it.

A sibling left behind would still name the file, so whatever ends a file ends its family, in every collection.
"""

from collections.abc import Iterable

from node.errors import NotFoundError, NothingToDoError
from node.lists.entries import ListReader
from node.store.lists.records import IndexHit, LogRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest


class Family:
    """Families of one own list, in the transaction `unit`."""

    def __init__(self, store: Store, unit: Unit, log: LogRecord) -> None:
        self._vault = store.vault
        self._entries = unit.entries
        self._log = log
        self._reader = ListReader(store, unit, log)

    def active(self, digest: Digest) -> list[IndexHit]:
        """Every active entry of the digest and of its siblings, by position; raises `NothingToDoError` for none."""
        own = _active(self._listed([digest]))
        if not own:
            raise NothingToDoError(
                "{origin} has no active entry of this hash",
                self._log.origin,
                hint="was it withdrawn already?",
            )
        return _active(self._listed(self._with_siblings(digest, own)))

    def everything(self, digest: Digest) -> list[IndexHit]:
        """Every entry and dispute of the digest and of its siblings whose opening is held, ended ones included.

        Raises `NothingToDoError` for none.
        """
        own = self._listed([digest])
        if not own:
            raise NothingToDoError(
                "{origin} never listed or disputed this hash, or shredded it", self._log.origin
            )
        return self._listed(self._with_siblings(digest, own))

    def digest_at(self, position: int) -> Digest:
        """The digest of the entry or dispute at a position; raises `NotFoundError`."""
        digest = self._reader.opening(position).digest
        if digest is None:
            raise NotFoundError("{origin} has no entry at {position}", self._log.origin, position)
        return digest

    def _with_siblings(self, digest: Digest, own: Iterable[IndexHit]) -> set[Digest]:
        ids = {self._reader.opening(hit.position).ext.content_id for hit in own}
        wanted = frozenset(item for item in ids if item)
        found = (opening.digest for _, opening in self._reader.with_content_ids(wanted)) if wanted else ()
        return {digest, *(sibling for sibling in found if sibling is not None)}

    def _listed(self, digests: Iterable[Digest]) -> list[IndexHit]:
        """Entries and disputes of exactly these digests, by position: two digests may share a look-up key."""
        by_key: dict[int, set[Digest]] = {}
        for digest in digests:
            by_key.setdefault(self._vault.key_of(digest), set()).add(digest)
        hits = self._entries.find(list(by_key), log_id=self._log.id)
        found = [hit for hit in hits if self._digest_or_none(hit.position) in by_key[hit.key]]
        return sorted(found, key=lambda hit: hit.position)

    def _digest_or_none(self, position: int) -> Digest | None:
        try:
            return self._reader.opening(position).digest
        except NotFoundError:  # shredded
            return None


def _active(hits: Iterable[IndexHit]) -> list[IndexHit]:
    """Entries that stand; a dispute has a negative collection."""
    return [hit for hit in hits if hit.ended is None and hit.collection > 0]
