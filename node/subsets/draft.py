"""A release in the making: the lists are judged, what is new is evaluated, the rest is arithmetic.

It begins from the release before where it can be said on which hashes all that happened since has a bearing: then these
are judged alone. It is the same, byte for byte, as the one that is made whole.

Only labels are written here, and they are no object yet: a draft is only published if the lists still stand where they
were judged.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from node.clock import milliseconds
from node.errors import StoreError
from node.judgement.conditions import Conditions
from node.judgement.effective import Current, judge_all, judge_some
from node.judgement.premises import Premises
from node.judgement.ranges import Alike
from node.lists.guards import Guards
from node.lists.lookup import digests_named
from node.objects.listed_rows import listed_in, rows_in, shredded_in
from node.objects.release_files import SplicedLabels, deltas, spared
from node.objects.sealed_names import salt_name
from node.ports.evaluator import Evaluator
from node.ports.objects import GiveName
from node.store.lists.records import LogRecord
from node.store.spool import Spool
from node.store.store import Store
from node.store.subsets.records import Listed, ReleaseRecord, WideKey
from node.subsets.basis import Basis, Screened, changed_screen, is_screened, names_without, sorted_names
from node.subsets.changes import Affected, affected
from node.subsets.columns import Column
from node.subsets.compose import Chosen, Terms, choose, compose, lines_of, screen_of, width_of_answers
from node.subsets.conditions import conditions
from node.subsets.content import Content, Held, changed_answers, marks_before
from node.subsets.grounds import Order, numbered_sources, stale
from node.subsets.holdings import held_here
from node.subsets.links import Links
from node.subsets.outputs import Outputs
from node.subsets.splice import Fate, Run
from protocol.digest import Digest
from protocol.encoding import Octets
from protocol.judgement.quorum import Support
from protocol.judgement.voices import MemberListing
from protocol.lists.ext import EntryRef
from protocol.subset.canary import CANARIES
from protocol.subset.chunks import ChunkRoot, labels_root
from protocol.subset.exclusions import exclusions_hash
from protocol.subset.files import Change, ReleaseFiles, write_change, write_whole_labels
from protocol.subset.files import Held as HeldFiles
from protocol.subset.identity import subset_id
from protocol.subset.label import LABEL_BYTES
from protocol.subset.manifest import RuleHashes
from protocol.subset.prf_input import prf_input
from protocol.subset.release import Release
from protocol.subset.screen import screen_value
from protocol.subset.sources import SourceCheckpoint
from protocol.subset.spliced_octets import Spliced
from protocol.tlog.hasher import Hasher

EVENTS: Final = 2**16
"""Of all lists together, for each part of what waits on disk: some megabytes of it are worked on at a time."""
LIFE: Final = timedelta(days=14)
"""How long a release may be used: a new one at half of it leaves a week, so a weekend without staff ends nothing."""


MakeDeltas = Callable[[], ReleaseFiles]
"""Makes the files of a release as deltas from the one before."""


@dataclass(frozen=True, slots=True)
class RuleDocuments:
    """Documents whose hashes are in every manifest; empty while a node has none."""

    criteria: bytes = b""
    witness_policy: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A release that is made and not claimed."""

    release: Release
    """Without its labels."""
    labels: GiveName | SplicedLabels | None = field(repr=False)
    """What makes them an object, or says of which they are spliced; None for a release without."""
    deltas: MakeDeltas | None = field(repr=False)
    """None where there is no release before."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """Nothing that the newest release follows from has moved since it was last judged, and none is due."""

    record: ReleaseRecord
    sources: Sequence[SourceCheckpoint] = field(repr=False)
    """As far as lists are read: what the release says may be older."""
    screened: Screened
    contradicted: tuple[EntryRef, ...]
    """As of a draft."""


@dataclass(slots=True)
class _Made:
    """What a release lists, in the making, and what it is refused for."""

    content: Content
    links: Links
    premises: Premises
    sources: Mapping[str, int]
    waiting: list[NDArray[np.int64]] = field(default_factory=list)
    """Names of digests; likewise `unheard`."""
    unheard: list[NDArray[np.int64]] = field(default_factory=list)
    tripped: set[Digest] = field(default_factory=set)
    entries: list[EntryRef] = field(default_factory=list)
    conditions: Conditions | None = None
    """By which it is judged, if it is made whole."""

    @property
    def terms(self) -> Terms:
        """Under which it is made."""
        return self.content.terms


class _Roots:
    """The roots of the labels of a release and of those of the one before, of which each is read once."""

    def __init__(self, hasher: Hasher) -> None:
        self.before = self.now = ChunkRoot(LABEL_BYTES, hasher)

    def pieces(self, runs: Iterable[Run], old: Spliced, new: Octets) -> Iterator[Octets]:
        """The new labels, some at a time; the roots are those of all when there are no more."""
        for fate, at in runs:
            if self.now is self.before and fate is not Fate.STAYS:  # up to the first change both are one
                self.now = self.before.copy()
            # A disk may show others when they are read again.
            for piece in map(bytes, spared(new if fate is Fate.COMES else old, at)):
                if fate is not Fate.COMES:
                    self.before.take(piece)
                if self.now is not self.before and fate is not Fate.GOES:
                    self.now.take(piece)
                if fate is not Fate.GOES:
                    yield piece


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

    def draft(self) -> Draft | Unchanged:
        """A draft of what the lists say now, none where the newest release says it; nothing is left of an older draft.

        Raises:
            GoneError: the evaluator has no key of the subset's epoch.
            StoreError: it has another key than the node document names.
            TooLargeError: the epoch has run out of source numbers.
        """
        self._require_key()
        self._drafted.close()
        spool, held = self._drafted.enter_context(Spool(self._store.vault.entropy)), self._held
        if held is None or held.basis is None:
            return self._whole(spool)
        new = affected(self._store, self._order, held.basis)
        if new is None:
            return self._whole(spool)
        return (
            self._unchanged(held, held.basis, new)
            or self._changed(held, held.basis, new, spool)
            or self._whole(spool)
        )

    def _conditions(self, premises: Premises) -> Conditions | None:
        with self._store.read() as unit:
            return conditions(self._store, unit, premises, self._order)

    def _whole(self, spool: Spool) -> Draft:
        made = self._made(spool)
        kept_from_tripping = bool(made.tripped)
        if kept_from_tripping:
            # What was released before and is on no tripwire may stay, so withdrawals still get out.
            entries, made = made.entries, self._made(spool, frozenset(made.tripped))
            made.entries = entries
        held, selection = self._held.release if self._held else None, made.links.select()
        if self._held and held and held.labels is not None and made.content.continues:
            # Those of hashes that stay were taken from them; an epoch begins with its own.
            self._held.folder.require_labels(labels_root(spared(held.labels), LABEL_BYTES, self._hasher))
        made.content.take_test_file()
        contradicted = made.content.at(selection.contradicted)
        answers = made.content.answers(selection, width_of_answers(made.terms, len(made.content), held))
        screen, shared = screen_of(made.terms, made.content.screen_values(selection), held)
        basis = Basis(
            conditions=made.conditions or {},
            marks=answers.marks,
            shared=shared,
            contradicted=frozenset(self._store.vault.wide_keys_of(contradicted)),
            stale=stale(made.premises, self._order),
            waiting=sorted_names(made.waiting),
            unheard=sorted_names(made.unheard),
        )
        listed = self._held.record.answers - 1 if self._held else 0
        whole = [(Fate.COMES, slice(0, len(answers.labels or b"")))]
        root, labels = self._labels(whole, answers.labels, None)
        release = compose(made.terms, answers.values, root, screen=screen, held=held, hasher=self._hasher)
        return self._draft(
            made,
            release,
            labels,
            Screened.of(answers.marks),
            basis if made.conditions and not kept_from_tripping else None,
            removed=listed - made.content.stayed,  # what an older version shredded has no row
            contradicted=contradicted,
            deltas=partial(_deltas, release, answers.labels, self._held) if self._held else None,
        )

    def _unchanged(self, held: Held, basis: Basis, new: Affected) -> Unchanged | None:
        """What is told of the newest release, which is not read for that; None where another one may be due."""
        if new.digests or (new.conditions, new.stale) != (basis.conditions, basis.stale):
            return None
        with self._store.read() as unit:
            shredded = shredded_in(self._store, unit, held.record)
            _, sources = numbered_sources(unit, self._order, new.premises.heads)
        terms, manifest = self._terms(sources), held.manifest
        others = (terms.epoch, terms.pk, terms.rules) != (manifest.epoch, manifest.pk, manifest.rules)
        if shredded or others or prolongs(held.record, terms.not_after_ms, self._order.now):
            return None
        return Unchanged(
            record=held.record,
            sources=terms.sources,
            screened=Screened.of(basis.marks),
            contradicted=self._backing(self._contradicted(basis)),
        )

    def _contradicted(self, basis: Basis) -> set[Digest]:
        with self._store.read() as unit:
            return set(digests_named(self._store, unit, basis.contradicted).values())

    def _changed(self, held: Held, basis: Basis, new: Affected, spool: Spool) -> Draft | None:
        """A draft from the release before; None: it has to be made whole."""
        made, rows = self._made_of(new.digests, held, spool)
        now = made.premises.lists, stale(made.premises, self._order), self._conditions(made.premises)
        if made.tripped or now != (new.premises.lists, new.stale, new.conditions):
            return None
        selection = made.links.select()
        came = made.content.answers(selection, held.release.manifest.answers_width)
        changed = changed_answers(made.terms, held, basis.marks, rows, came)
        if changed is None:
            return None
        marks = marks_before(held, basis.marks, rows)
        screened = [value for value, mark in zip(rows.values(), marks, strict=True) if is_screened(mark)]
        screen = changed_screen(
            made.terms,
            held.release,
            basis.shared,
            before=np.array(screened, dtype=np.uint64),
            now=made.content.screen_values(selection),
        )
        if screen is None:
            return None
        judged = self._store.vault.names_of(new.digests)
        contradicted = sorted(
            {*(self._contradicted(basis) - new.digests), *made.content.at(selection.contradicted)}
        )
        following = Basis(
            conditions=new.conditions,
            marks=changed.marks,
            shared=screen[1],
            contradicted=frozenset(self._store.vault.wide_keys_of(contradicted)),
            stale=new.stale,
            waiting=sorted_names([names_without(basis.waiting, judged), *made.waiting]),
            unheard=sorted_names([names_without(basis.unheard, judged), *made.unheard]),
        )
        change = Change(screen=screen[2], answers=changed.moved, places=changed.places, labels=changed.labels)
        root, labels = self._labels(changed.runs, came.labels, held)
        release = compose(
            made.terms,
            changed.values,
            root,
            screen=screen[0],
            held=held.release,
            hasher=self._hasher,
            change=change,
        )
        return self._draft(
            made,
            release,
            labels,
            Screened.of(changed.marks),
            following,
            removed=made.content.left,
            contradicted=contradicted,
            deltas=partial(write_change, held.record.version, held.manifest, release.manifest, change),
        )

    def _draft(
        self,
        made: _Made,
        release: Release,
        labels: GiveName | SplicedLabels | None,
        screened: Screened,
        basis: Basis | None,
        *,
        removed: int,
        contradicted: Collection[Digest],
        deltas: MakeDeltas | None,
    ) -> Draft:
        return Draft(
            release=release,
            labels=labels,
            deltas=deltas,
            screened=screened,
            basis=basis,
            ended=made.content.ended,
            new=made.content.new,
            record=self._record(release, added=made.content.came, removed=removed),
            sources=made.sources,
            tripped=_ordered(made.entries),
            contradicted=self._backing(contradicted),
        )

    def _made_of(
        self, digests: frozenset[Digest], held: Held, spool: Spool
    ) -> tuple[_Made, Mapping[Listed, int]]:
        """What a release lists of these digests, and rows of the one before: of these and of what was shredded.

        With each row the full value that its digest has in a screen.
        """
        judged = self._judged(digests)
        made = self._begun(judged.premises, spool, parts=1)
        with self._store.read() as unit:
            found = listed_in(self._store, unit, held.record, digests)
            shredded = shredded_in(self._store, unit, held.record)
        rows = {**{row: screen_value(digest) for digest, row in found.items()}, **shredded}
        effective = {key: support for key, support in judged.decision.effective.items() if key[1] in digests}
        chosen = choose(effective, self._order.subset.filter)
        made.tripped |= self._guards.tripped(chosen)
        if not made.tripped:
            self._take(made, chosen, rows, judged.listings, {})
            waiting = (key for key in judged.decision.waiting() if key[1] in digests)
            self._wait(made, chosen, waiting, {})
        return made, rows

    def _begun(self, premises: Premises, spool: Spool, *, parts: int) -> _Made:
        with self._store.read() as unit:
            given, sources = numbered_sources(unit, self._order, premises.heads)
        terms = self._terms(sources)
        return _Made(
            Content(self._store.vault, terms, self._held, self._outputs, spool, parts=parts),
            Links(spool, self._store.vault.entropy, k=terms.k, parts=parts),
            premises,
            {source.origin: source.number for source in sources if source.origin not in given},
        )

    def _take(
        self,
        made: _Made,
        chosen: Mapping[Digest, Chosen],
        rows: Collection[Listed],
        listings: Sequence[MemberListing],
        alike: Mapping[Digest, Alike],
    ) -> None:
        """List these digests and those that are like them; `alike` has others as well."""
        names = self._store.vault.wide_keys_of(chosen)
        made.content.take([*lines_of(made.terms, chosen, names, alike)], rows)
        made.links.add({digest: each.supports for digest, each in chosen.items()}, listings)
        # The places of digests are their turns: those that are listed come in the order of their lines.
        for digest in (each for each in chosen if each in alike):
            made.links.add_alike(chosen[digest].supports, listings, alike[digest])
        for digest in alike.keys() - chosen.keys():
            made.links.add_alike((), listings, alike[digest])

    def _wait(
        self,
        made: _Made,
        chosen: Mapping[Digest, Chosen],
        waiting: Iterable[tuple[int, Digest]],
        alike: Mapping[Digest, Alike],
    ) -> None:
        """Note what would have more support if all lists were fresh."""
        covers = self._order.subset.filter.covers
        listed, unlisted = set[Digest](), set[Digest]()
        for collection, digest in waiting:
            if covers(collection, digest.algorithm):
                is_listed = digest in chosen and collection in chosen[digest].collections
                (listed if is_listed else unlisted).add(digest)
        for names, digests in ((made.unheard, listed), (made.waiting, unlisted)):
            names.append(self._store.vault.names_of(digests))
            names += [alike[digest].names for digest in digests if digest in alike]

    def _made(self, spool: Spool, without: frozenset[Digest] | None = None) -> _Made:
        """What a release lists by what the lists say now; only what is released already, if it is to be `without`."""
        order, subset = self._order, self._order.subset
        # Asked once: one that came meanwhile would take all that are judged by its hash along. A claim notices it.
        wired = cache(self._guards.wired)
        judged = judge_all(
            self._store,
            order.members,
            now=order.now,
            max_age=order.max_age,
            previous=self._previous,
            apart=lambda: wired().union(CANARIES, without or ()),
        )
        heads = judged.premises.heads
        parts = 1 + sum(log.head.size for log in heads) // EVENTS
        made = self._begun(judged.premises, spool, parts=parts)
        # Of the premises that it is judged by: what moved, and moved back, is not in another reading of them. And
        # before that: whatever is judged before a tripwire comes is not held against it.
        made.conditions = self._conditions(judged.premises)
        for share in judged.shares:
            rows = [row for record in self._previous for row in rows_in(self._store, record, share.keys)]
            chosen = choose(self._supported(heads, share.effective, share.listings), subset.filter)
            tripped = wired() & chosen.keys()
            made.tripped |= tripped
            made.entries += _entries(chosen, tripped)
            left_out = tripped if without is None else without | self._unlisted(chosen, rows)
            chosen = {digest: each for digest, each in chosen.items() if digest not in left_out}
            self._take(made, chosen, rows, share.listings, share.alike)
            self._wait(made, chosen, share.waiting, share.alike)
        return made

    @property
    def _previous(self) -> Sequence[ReleaseRecord]:
        return [self._held.record] if self._held else []

    def _unlisted(self, digests: Collection[Digest], rows: Iterable[Listed]) -> set[Digest]:
        """The digests that none of these rows is of."""
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

    @property
    def _hasher(self) -> Hasher:
        return self._store.vault.hasher

    def _labels(
        self, runs: Sequence[Run], new: Octets | None, held: Held | None
    ) -> tuple[bytes | None, GiveName | SplicedLabels | None]:
        """The root of all labels, and what says which they are: the release before has all that are not `new`.

        One reading verifies what is taken from it, and makes the root that is signed. Where all are written, it is what
        is read that is.
        """
        if new is None:
            return None, None
        old, read = Spliced.of((held and held.release.labels) or b""), _Roots(self._hasher)
        pieces = read.pieces(runs, old, new)
        labels: GiveName | SplicedLabels | None = None
        if held is not None:
            parts = (new[at] if fate is Fate.COMES else at for fate, at in runs if fate is not Fate.GOES)
            labels = held.folder.splice(parts, same=all(fate is Fate.STAYS for fate, _ in runs))
        if labels is None:
            labels = self._drafted.enter_context(self._store.objects.unnamed(write_whole_labels(pieces)))
        else:
            deque(pieces, maxlen=0)
        if held is not None:
            held.folder.require_labels(read.before.root())
        return read.now.root(), labels

    def _terms(self, sources: tuple[SourceCheckpoint, ...]) -> Terms:
        subset = self._order.subset
        return Terms(
            subset_id=subset_id(subset.origin),
            epoch=subset.epoch,
            pk=subset.pk,
            filter=subset.filter,
            k=1 if subset.filter.holdings else self._order.members.k,
            sources=sources,
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
            exclusions=exclusions_hash(salt, ()),
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


def _deltas(release: Release, labels: Octets | None, held: Held) -> ReleaseFiles:
    """Deltas of a release that is made whole."""
    return deltas(replace(release, labels=labels), HeldFiles(held.record.version, held.release))


def prolongs(held: ReleaseRecord, not_after_ms: int, now: datetime) -> bool:
    """Whether a release is past half of its life, and a new one would live longer: epochs end, too."""
    left = timedelta(milliseconds=held.not_after_ms - milliseconds(now))
    return left < LIFE / 2 and not_after_ms > held.not_after_ms


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


def _ordered(refs: Iterable[EntryRef]) -> tuple[EntryRef, ...]:
    return tuple(sorted(refs, key=lambda ref: (ref.origin, ref.index)))
