"""Taking a peer's entries into an own list, as own knowledge or as reliance on the peer.

An endorsed file is endorsed with every digest the peer lists of it: each digest stands alone before the quorum, so a
file of which only some digests were taken would stay below it. Reliance names the peer's entry; own or reviewed
knowledge names nobody, because it is the agency's own statement.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from node.errors import UsageError
from node.formats.rows import NO_CASE, ImportRow
from node.ports.logs import LogKind
from node.services.lists.changes import AddPacker, Change, Packer, pack
from node.services.lists.guarding import Guards
from node.services.lists.importing import ImportReport, Statement, queue_rows
from node.services.review.effective import listing_of
from node.services.storage.shelf import Shelf
from protocol.digest import Digest
from protocol.event import Op
from protocol.listing import Entry, Listing
from protocol.opening import Basis, EntryRef, Opening

Select = Callable[[Entry], bool]
"""Whether an entry of the peer is meant."""


@dataclass(frozen=True, slots=True)
class _RelyingPacker:
    """Adds that name the peer's entries they rely on."""

    statement: Statement
    refs: dict[tuple[int, Digest], EntryRef]
    """The peer's entries by collection and digest."""

    def pack(
        self, collection: int, digests: Iterable[Digest], content_id: bytes, nonces: Iterator[bytes]
    ) -> list[bytes]:
        """Records of one file's digests, each with the next nonce."""
        return [
            pack(
                Change(Op.ADD, 0, collection, 0, self._opening(collection, digest, content_id, next(nonces)))
            )
            for digest in digests
        ]

    def _opening(self, collection: int, digest: Digest, content_id: bytes, nonce: bytes) -> bytes:
        ext = self.statement.ext(content_id, self.refs[collection, digest])
        return Opening(nonce, digest, ext).to_bytes()


def endorse(
    shelf: Shelf,
    origin: str,
    *,
    source: str,
    statement: Statement,
    now_ms: int,
    select: Select = lambda _: True,
    guards: Guards | None = None,
) -> ImportReport:
    """Queue adds in the own list `origin` for the selected files of the peer's list `source`.

    `statement.relies_on` is not used: reliance names the peer's entries. What the guards set aside is not endorsed.

    Raises:
        NotFoundError: one of the lists is not known.
        UsageError: `source` is not a peer's list.
        ConflictError: an import queued some of the same digests meanwhile.
    """
    listing = _peer_listing(shelf, source)
    wanted = list(_files(listing, select))
    rows = [
        ImportRow(entries[0].index, tuple(entry.digest for entry in entries), collection, NO_CASE, "")
        for collection, entries in wanted
    ]
    packer: Packer = AddPacker(statement.template())
    if statement.basis is Basis.RELIES_ON:
        refs = {(collection, entry.digest): entry.ref for collection, entries in wanted for entry in entries}
        packer = _RelyingPacker(statement, refs)
    return queue_rows(shelf, origin, rows, packer=packer, now_ms=now_ms, guards=guards)


def _peer_listing(shelf: Shelf, source: str) -> Listing:
    with shelf.storage.read() as unit:
        log = unit.logs.get(source)
        set_aside = unit.quarantine.ls(log.id)
    if log.kind is not LogKind.PEER_LIST:
        raise UsageError(f"{source} is not a peer's list")
    return listing_of(shelf, log, set_aside)


def _files(listing: Listing, select: Select) -> Iterator[tuple[int, list[Entry]]]:
    """The selected files, each with all its entries of one collection."""
    groups: dict[tuple[int, bytes | int], list[Entry]] = {}
    for entry in listing.entries.values():
        groups.setdefault((entry.collection, entry.ext.content_id or entry.index), []).append(entry)
    for (collection, _), entries in groups.items():
        chosen = [select(entry) for entry in entries]  # all are asked: a caller may note what there is
        if any(chosen):
            yield collection, entries
