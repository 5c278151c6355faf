"""A release in the making: the lists are judged, what is new is evaluated, the rest is arithmetic.

It begins from the release before where nothing but new events and the freshness of lists can have changed what that
one lists: then what these have a bearing on is judged alone. It is the same, byte for byte, as the one that is made
whole.

Nothing here is written anywhere: a draft is only published if the lists still stand where they were judged.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Final

from node.clock import milliseconds
from node.errors import StoreError
from node.judgement.effective import Current, judge_all, judge_some
from node.judgement.premises import Premises
from node.lists.guards import Guards
from node.objects.listed import listed_in, rows_in
from node.objects.sealed_names import salt_name
from node.ports.evaluator import Evaluator
from node.store.lists.records import LogRecord
from node.store.spool import Spool
from node.store.store import Store
from node.store.subsets.records import Listed, ReleaseRecord, WideKey
from node.subsets.basis import Basis, Screened, changed_screen, is_screened
from node.subsets.changes import affected
from node.subsets.columns import Column
from node.subsets.compose import Chosen, Terms, choose, compose, screen_of, width_of_answers
from node.subsets.content import Content, Held, changed_answers, marks_before
from node.subsets.grounds import Order, fingerprint, stale, tripwires_of
from node.subsets.holdings import held_here
from node.subsets.links import Links
from node.subsets.outputs import Outputs
from protocol.digest import Digest
from protocol.judgement.quorum import MemberListing, Support
from protocol.lists.opening import EntryRef
from protocol.selection import Marks
from protocol.subset.exclusions import exclusions_hash
from protocol.subset.identity import subset_id
from protocol.subset.manifest import RuleHashes
from protocol.subset.prf_input import prf_input
from protocol.subset.release import Release
from protocol.subset.screen import screen_values
from protocol.subset.sources import SourceCheckpoint, number_sources

EVENTS: Final = 2**16
"""Of all lists together, for each part of what waits on disk: some megabytes of it are worked on at a time."""
LIFE: Final = timedelta(days=14)
"""How long a release may be used: a new one at half of it leaves a week, so a weekend without staff ends nothing."""


@dataclass(frozen=True, slots=True)
class RuleDocuments:
    """Documents whose hashes are in every manifest; empty while a node has none."""

    criteria: bytes = b""
    witness_policy: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A release that is made and not claimed."""

    release: Release
    screened: Screened
    """What its screen tells of a file at worst."""
    basis: Basis | None
    """What the next release may begin from; None: it is made whole."""
    ended: Column[WideKey] = field(repr=False)
    """Rows of the release before that are so no longer."""
    new: Column[Listed] = field(repr=False)
    record: ReleaseRecord
    sources: Mapping[str, int] = field(repr=False)
    """Numbers that this release gives for the first time."""
    tripped: tuple[EntryRef, ...] = ()
    """Entries of digests that must never be released. The draft lists none of them and adds nothing."""
    contradicted: tuple[EntryRef, ...] = ()
    """Entries of digests that lists say are of one file with two different others."""


@dataclass(slots=True)
class _Made:
    """What a release lists, in the making, and what it is refused for."""

    content: Content
    links: Links
    premises: Premises
    sources: Mapping[str, int]
    waiting: set[WideKey] = field(default_factory=set)
    unheard: set[WideKey] = field(default_factory=set)
    tripped: set[Digest] = field(default_factory=set)
    entries: list[EntryRef] = field(default_factory=list)

    @property
    def terms(self) -> Terms:
        """Under which it is made."""
        return self.content.terms


class Drafter:
    """Drafts one release of one subset, perhaps several times; outputs are computed once."""

    def __init__(
        self, store: Store, evaluator: Evaluator, documents: RuleDocuments, order: Order, held: Held | None
    ) -> None:
        self._store = store
        self._guards = Guards(store)
        self._evaluator = evaluator
        self._documents = documents
        self._order = order
        self._held = held
        self._ended = ExitStack()
        self._drafted = self._ended.enter_context(ExitStack())
        kept = self._ended.enter_context(Spool(store.vault.entropy))
        threads = self._ended.enter_context(ThreadPoolExecutor(1, thread_name_prefix="drafter"))
        self._outputs = Outputs(kept, threads, self._evaluated)

    def close(self) -> None:
        """Give up what waits on disk, a draft's rows included."""
        self._ended.close()

    def draft(self) -> Draft:
        """A draft of what the lists say now; of the one before nothing is left.

        Raises:
            GoneError: the evaluator has no key of the subset's epoch.
            StoreError: it has another key than the node document names.
            TooLargeError: the epoch has run out of source numbers.
        """
        self._require_key()
        self._drafted.close()
        spool = self._drafted.enter_context(Spool(self._store.vault.entropy))
        return self._changed(spool) or self._whole(spool)

    def _fingerprint(self, premises: Premises) -> bytes | None:
        with self._store.read() as unit:
            return fingerprint(premises, tripwires_of(unit), self._order)

    def _whole(self, spool: Spool) -> Draft:
        made = self._made(spool)
        kept_from_tripping = bool(made.tripped)
        if kept_from_tripping:
            # What was released before and is on no tripwire may stay, so withdrawals still get out.
            entries, made = made.entries, self._made(spool, frozenset(made.tripped))
            made.entries = entries
        held, selection = self._held.release if self._held else None, made.links.select()
        made.content.take_test_file()
        contradicted = made.content.at(selection.contradicted)
        answers = made.content.answers(selection, width_of_answers(made.terms, len(made.content), held))
        screen, shared = screen_of(made.terms, made.content.screen_values(selection), held)
        # Of the premises that were judged by: what moved, and moved back, is not in another reading of them.
        found = self._fingerprint(made.premises)
        basis = Basis(
            fingerprint=found or b"",
            sizes=_sizes(made.terms),
            marks=answers.marks,
            shared=shared,
            contradicted=self._store.vault.wide_keys_of(contradicted),
            stale=stale(made.premises, self._order),
            waiting=frozenset(made.waiting),
            unheard=frozenset(made.unheard),
        )
        listed = self._held.record.answers - 1 if self._held else 0
        return self._draft(
            made,
            compose(made.terms, answers.values, answers.labels, screen=screen, held=held),
            basis if found and not kept_from_tripping else None,
            removed=listed - made.content.stayed,  # what was shredded since has no row any more
            contradicted=contradicted,
            marks=answers.marks,
        )

    def _changed(self, spool: Spool) -> Draft | None:
        """The same from the release before, when all that is new are some events; None: it has to be made whole."""
        held = self._held
        if held is None or (basis := held.basis) is None:
            return None
        new_events = affected(self._store, self._order, basis)
        if new_events is None:
            return None
        made, rows = self._made_of(new_events.digests, spool)
        moved = (made.premises.lists, stale(made.premises, self._order)) != (
            new_events.premises.lists,
            new_events.stale,
        )
        if made.tripped or moved or self._fingerprint(made.premises) != basis.fingerprint:
            return None
        selection = made.links.select()
        new = made.content.answers(selection, held.release.manifest.answers_width)
        answers = changed_answers(made.terms, held, basis.marks, rows.values(), new)
        if answers is None:
            return None
        marks = marks_before(held, basis.marks, rows.values())
        screen = changed_screen(
            made.terms,
            held.release,
            basis.shared,
            before=screen_values(
                digest for digest, mark in zip(rows, marks, strict=True) if is_screened(mark)
            ),
            now=made.content.screen_values(selection),
        )
        if screen is None:
            return None
        judged = self._store.vault.wide_keys_of(new_events.digests)
        contradicted = made.content.at(selection.contradicted)
        following = Basis(
            fingerprint=basis.fingerprint,
            sizes=_sizes(made.terms),
            marks=answers.marks,
            shared=screen[1],
            contradicted=self._store.vault.wide_keys_of(contradicted),
            stale=new_events.stale,
            waiting=basis.waiting.difference(judged) | made.waiting,
            unheard=basis.unheard.difference(judged) | made.unheard,
        )
        return self._draft(
            made,
            compose(made.terms, answers.values, answers.labels, screen=screen[0], held=held.release),
            following,
            removed=made.content.left,
            contradicted=contradicted,
            marks=answers.marks,
        )

    def _draft(
        self,
        made: _Made,
        release: Release,
        basis: Basis | None,
        *,
        removed: int,
        contradicted: Collection[Digest],
        marks: Marks,
    ) -> Draft:
        return Draft(
            release=release,
            screened=Screened.of(marks),
            basis=basis,
            ended=made.content.ended,
            new=made.content.new,
            record=self._record(release, added=made.content.came, removed=removed),
            sources=made.sources,
            tripped=_ordered(made.entries),
            contradicted=self._backing(contradicted),
        )

    def _made_of(self, digests: frozenset[Digest], spool: Spool) -> tuple[_Made, Mapping[Digest, Listed]]:
        """What a release lists of these digests, and what the one before does."""
        judged = self._judged(digests)
        made = self._begun(judged.premises, spool, parts=1)
        with self._store.read() as unit:
            rows = {} if self._held is None else listed_in(self._store, unit, self._held.record, digests)
        effective = {key: support for key, support in judged.decision.effective.items() if key[1] in digests}
        chosen = choose(effective, self._order.subset.filter)
        made.tripped |= self._guards.tripped(chosen)
        if not made.tripped:
            self._take(made, chosen, rows.values(), judged.listings)
            self._wait(made, chosen, (key for key in judged.decision.waiting() if key[1] in digests))
        return made, rows

    def _begun(self, premises: Premises, spool: Spool, *, parts: int) -> _Made:
        given, numbers = self._numbers(premises.heads)
        terms = self._terms(premises.heads, numbers)
        return _Made(
            Content(self._store.vault, terms, self._held, self._outputs, spool, parts=parts),
            Links(spool, self._store.vault.entropy, k=terms.k, parts=parts),
            premises,
            {origin: number for origin, number in numbers.items() if origin not in given},
        )

    def _take(
        self,
        made: _Made,
        chosen: Mapping[Digest, Chosen],
        rows: Collection[Listed],
        listings: Sequence[MemberListing],
    ) -> None:
        made.content.take(chosen, rows)
        made.links.add({digest: each.supports for digest, each in chosen.items()}, listings)

    def _wait(
        self, made: _Made, chosen: Mapping[Digest, Chosen], waiting: Iterable[tuple[int, Digest]]
    ) -> None:
        """Note what would have more support if all lists were fresh."""
        covers = self._order.subset.filter.covers
        keys = [key for key in waiting if covers(key[0], key[1].algorithm)]
        for key, name in zip(keys, self._store.vault.wide_keys_of(key[1] for key in keys), strict=True):
            is_listed = key[1] in chosen and key[0] in chosen[key[1]].collections
            (made.unheard if is_listed else made.waiting).add(name)

    def _made(self, spool: Spool, without: frozenset[Digest] | None = None) -> _Made:
        """What a release lists by what the lists say now; only what is released already, if it is to be `without`."""
        order, subset = self._order, self._order.subset
        judged = judge_all(
            self._store,
            order.members,
            now=order.now,
            max_age=order.max_age,
            previous=self._previous,
            exclusions=order.exclusions,
        )
        heads = judged.premises.heads
        parts = 1 + sum(log.head.size for log in heads) // EVENTS
        made = self._begun(judged.premises, spool, parts=parts)
        for share in judged.shares:
            rows = [row for record in self._previous for row in rows_in(self._store, record, share.keys)]
            chosen = choose(self._supported(heads, share.effective, share.listings), subset.filter)
            tripped = self._guards.tripped(chosen)
            made.tripped |= tripped
            made.entries += _entries(chosen, tripped)
            left_out = tripped if without is None else without | self._unlisted(chosen, rows)
            chosen = {digest: each for digest, each in chosen.items() if digest not in left_out}
            self._take(made, chosen, rows, share.listings)
            self._wait(made, chosen, share.waiting)
        return made

    @property
    def _previous(self) -> Sequence[ReleaseRecord]:
        return [self._held.record] if self._held else []

    def _unlisted(self, digests: Collection[Digest], rows: Iterable[Listed]) -> set[Digest]:
        """Those of which none of these rows is."""
        names = {row.name for row in rows}
        found = zip(self._store.vault.wide_keys_of(digests), digests, strict=True)
        return {digest for name, digest in found if name not in names}

    def _supported(
        self,
        heads: Sequence[LogRecord],
        effective: Mapping[tuple[int, Digest], Support],
        listings: Sequence[MemberListing],
    ) -> Mapping[tuple[int, Digest], Support]:
        if self._order.subset.filter.holdings:
            return held_here(heads, listings, self._order.members)
        return effective

    def _backing(self, digests: Collection[Digest]) -> tuple[EntryRef, ...]:
        """The entries that back some of what was chosen: they are judged once more, for few are ever asked for."""
        if not digests:
            return ()
        judged = self._judged(digests)
        supported = self._supported(judged.heads, judged.decision.effective, judged.listings)
        chosen = choose(supported, self._order.subset.filter)
        return _entries(chosen, chosen.keys() & digests)

    def _judged(self, digests: Collection[Digest]) -> Current:
        order = self._order
        return judge_some(
            self._store,
            order.members,
            digests,
            now=order.now,
            max_age=order.max_age,
            previous=self._previous,
            exclusions=order.exclusions,
        )

    def _require_key(self) -> None:
        """With another key than partners know, every look-up in the release would miss, and nobody would notice."""
        subset = self._order.subset
        if self._evaluator.public(subset.name, subset.epoch) != subset.pk:
            raise StoreError(
                "the key file of epoch {epoch} of {name} is not the one it was made with",
                subset.epoch,
                subset.name,
                hint="restore the key files from a backup",
            )

    def _evaluated(self, digests: Sequence[Digest]) -> Sequence[bytes]:
        subset = self._order.subset
        number = subset_id(subset.origin)
        inputs = [prf_input(number, digest) for digest in digests]
        return self._evaluator.outputs(subset.name, subset.epoch, inputs)

    def _numbers(self, heads: Sequence[LogRecord]) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """The source numbers given so far in this epoch, and those with this release's."""
        subset = self._order.subset
        with self._store.read() as unit:
            given = unit.subsets.source_numbers(subset.name, subset.epoch)
        return given, number_sources(given, [log.origin for log in self._sources(heads)])

    def _sources(self, heads: Sequence[LogRecord]) -> list[LogRecord]:
        """The members' lists that were read; others say nothing that a label or a member could refer to."""
        nodes = {member.node for member in self._order.members.members}
        return [log for log in heads if log.node in nodes and log.head.size]

    def _terms(self, heads: Sequence[LogRecord], numbers: Mapping[str, int]) -> Terms:
        subset = self._order.subset
        sources = [
            SourceCheckpoint(
                number=numbers[log.origin], origin=log.origin, size=log.head.size, root=log.head.root
            )
            for log in self._sources(heads)
        ]
        return Terms(
            subset_id=subset_id(subset.origin),
            epoch=subset.epoch,
            pk=subset.pk,
            filter=subset.filter,
            k=1 if subset.filter.holdings else self._order.members.k,
            sources=tuple(sorted(sources, key=lambda source: source.number)),
            rules=self._rules(),
            not_after_ms=milliseconds(min(self._order.now + LIFE, self._order.until)),
        )

    def _rules(self) -> RuleHashes:
        order, subset = self._order, self._order.subset
        salt = self._store.vault.unseal(salt_name(subset.name), subset.sealed_salt)
        return RuleHashes(
            members=order.members.sha256,
            filter=subset.filter.sha256(),
            criteria=sha256(self._documents.criteria).digest(),
            witness_policy=sha256(self._documents.witness_policy).digest(),
            exclusions=exclusions_hash(salt, order.exclusions),
        )

    def _record(self, release: Release, *, added: int, removed: int) -> ReleaseRecord:
        manifest = release.manifest
        return ReleaseRecord(
            subset=self._order.subset.name,
            version=self._held.record.version + 1 if self._held else 1,
            epoch=manifest.epoch,
            kind=manifest.kind,
            manifest_sha256=sha256(manifest.to_bytes()).digest(),
            answers=manifest.answers_count,
            added=added,
            removed=removed,
            created_ms=milliseconds(self._order.now),
            not_after_ms=manifest.not_after_ms,
        )


def _entries(chosen: Mapping[Digest, Chosen], digests: Iterable[Digest]) -> tuple[EntryRef, ...]:
    """The entries that back these digests."""
    found = {
        entry.ref
        for digest in digests
        for support in chosen[digest].supports
        for entries in (*support.countries.values(), *support.authorities.values())
        for entry in entries
    }
    return _ordered(found)


def _sizes(terms: Terms) -> Mapping[str, int]:
    return {source.origin: source.size for source in terms.sources}


def _ordered(refs: Iterable[EntryRef]) -> tuple[EntryRef, ...]:
    return tuple(sorted(refs, key=lambda ref: (ref.origin, ref.index)))
