"""Overruling what other lists block: a statement of own knowledge that names the very blocks that were examined.

A reaffirmation is part of an active entry of the same digest: of the one this list has, amended, or of a new one. It
counts with the basis own or reviewed only, and is heard together with those of other countries: k of them overrule a
block. Spec: docs/spec/quorum.md, rule 11.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from keys.message import Message
from node.errors import NotFoundError, UsageError
from node.formats.rows import NO_CASE, ImportRow
from node.judgement.effective import Current
from node.lists.catalogue import own_list
from node.lists.changes import Change, pack
from node.lists.corrections.amend import Amended, amend_entries
from node.lists.imports.intake import ImportReport, Statement, queue_rows
from node.lists.lookup import Finder
from node.store.store import Store
from protocol.digest import Digest
from protocol.judgement.blocks import Standing
from protocol.limits import MAX_REAFFIRMS
from protocol.lists.event import PRIVATE_FROM, Op
from protocol.lists.ext import Basis, EntryRef, Ext
from protocol.lists.opening import Opening

Blocks: TypeAlias = Mapping[Digest, Sequence[EntryRef]]
"""For each digest, the events of other lists that block it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaffirmed:
    """What waits for publication after blocks were overruled."""

    added: int
    """Digests that this list did not list."""
    amended: int
    unchanged: int
    """Entries that named all of these blocks already."""

    def said(self, origin: str) -> Message:
        """What was queued, in words."""
        if not self.added and not self.amended:
            return Message("{list}: its entries overrule these blocks already", origin)
        return Message(
            "{list}: {added} entries added and {amended} amended, to overrule the block with the next publication",
            origin,
            self.added,
            self.amended,
        )


@dataclass(frozen=True, slots=True)
class _ReaffirmingPacker:
    """Adds that name the blocks of their own digest."""

    statement: Statement
    blocks: Blocks

    def pack(
        self, row: ImportRow, digests: Iterable[Digest], content_id: bytes, nonces: Iterator[bytes]
    ) -> list[bytes]:
        """Records of one file's digests, each with the next nonce."""
        said = self.statement.ext(content_id)
        return [
            pack(
                Change(
                    Op.ADD, 0, row.collection, 0, _opening(next(nonces), digest, said, self.blocks[digest])
                )
            )
            for digest in digests
        ]


def open_blocks(
    current: Current,
    node: str,
    digests: Iterable[Digest],
    *,
    named: Collection[tuple[str, int]] = (),
    continues: str = "",
) -> dict[Digest, list[EntryRef]]:
    """What blocks these digests in lists of others than `node`, and in the list `continues`, by digest.

    Of the events `named` by origin and index alone, where there are any.
    """
    wanted, found = frozenset(digests), dict[Digest, list[EntryRef]]()
    for block in current.decision.blocks:
        if block.digest not in wanted or block.standing is Standing.LIFTED:
            continue
        refs = [ref for ref in block.refs if block.node != node or ref.origin == continues]
        refs = [ref for ref in refs if not named or (ref.origin, ref.index) in named]
        if refs:
            found.setdefault(block.digest, []).extend(refs)
    return found


def listed_collection(current: Current, digests: Iterable[Digest]) -> int:
    """The lowest collection in which held lists have one of these digests; raises `NotFoundError`."""
    wanted = frozenset(digests)
    numbers = {
        entry.collection
        for held in current.listings
        for entry in held.listing.entries.values()
        if entry.digest in wanted and entry.collection < PRIVATE_FROM
    }
    if not numbers:
        raise NotFoundError(
            "no list held here has this hash (any more)", hint="name the collection with --collection"
        )
    return min(numbers)


def require_known(basis: Basis) -> None:
    """Check that it is the agency's own knowledge; raises `UsageError`."""
    if basis not in {Basis.OWN, Basis.REVIEWED}:
        raise UsageError(
            "a block is overruled on own knowledge alone", hint="examine the file, then say own or reviewed"
        )


def reaffirm(
    store: Store,
    origin: str,
    blocks: Blocks,
    *,
    statement: Statement,
    collection: int,
    now_ms: int,
    continues: str = "",
) -> Reaffirmed:
    """Queue the overruling of these blocks in the own list `origin`; a digest it does not list goes into `collection`.

    Running it again queues what is missing. Of this node's own blocks those of the list `continues`, which this one
    continues, may be named: nobody can take them back there any more (rule 16).

    Raises:
        NotFoundError: there is no such list.
        UsageError: the basis is neither own nor reviewed, a block is one of this node's own, an entry would name too
            many, or the list itself withdrew or disputes a digest.
        ConflictError: others kept queueing changes at the same moment.
    """
    require_known(statement.basis)
    _require_of_others(origin, blocks, continues)
    with store.read() as unit:
        log = own_list(unit, origin)
        entries = [each for each in Finder(store, unit).find(blocks, log=log) if each.is_entry]
    amended = _amend(store, origin, [each.hit.position for each in entries], blocks, statement)
    missing = tuple(sorted(blocks.keys() - {each.digest for each in entries}))
    added = ImportReport()
    if missing:
        packer = _ReaffirmingPacker(statement, blocks)
        row = ImportRow(1, missing, collection, NO_CASE, "")
        added = queue_rows(store, origin, [row], packer=packer, now_ms=now_ms)
    if added.quarantined:
        raise UsageError(
            "{origin} withdrew this hash itself, or disputes it: others overrule that, or it resolves"
            " its dispute",
            origin,
            hint="take your dispute back with: sigfed entry resolve",
        )
    return Reaffirmed(added=added.entries, amended=amended.entries, unchanged=amended.unchanged)


def _amend(
    store: Store, origin: str, positions: Sequence[int], blocks: Blocks, statement: Statement
) -> Amended:
    def revise(digest: Digest, ext: Ext) -> Ext:
        if not ext.counts:
            ext = replace(ext, basis=statement.basis, criteria=statement.criteria, relies_on=None)
        return _naming(ext, blocks[digest])

    if not positions:
        return Amended(entries=0, unchanged=0, positions=())
    return amend_entries(store, origin, positions, revise)


def _naming(ext: Ext, refs: Iterable[EntryRef]) -> Ext:
    named = tuple(sorted({*ext.reaffirms, *refs}))
    if len(named) > MAX_REAFFIRMS:
        raise UsageError("an entry can name at most {most} blocks", MAX_REAFFIRMS)
    return replace(ext, reaffirms=named)


def _opening(nonce: bytes, digest: Digest, ext: Ext, refs: Iterable[EntryRef]) -> bytes:
    return Opening(nonce, digest, _naming(ext, refs)).to_bytes()


def _require_of_others(origin: str, blocks: Blocks, continues: str) -> None:
    node = origin.partition("/")[0]
    named = {ref.origin for refs in blocks.values() for ref in refs} - {continues}
    if any(block.partition("/")[0] == node for block in named):
        raise UsageError(
            "no member overrules its own block", hint="take your dispute back with: sigfed entry resolve"
        )
