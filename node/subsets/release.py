"""Releasing a subset: what is effective becomes files, a manifest, and a signed leaf of the release log.

Evaluating the digests may take minutes; if a list moved meanwhile, everything is judged again with the outputs at hand,
so that no withdrawal or dispute that this node holds is passed over. Files are durable first; one transaction makes the
release pending together with the log's head; then the head is signed, then published. Whatever is cut off between these
steps is finished by the next run. A new release is made when it says something new, or when the last one is past half
of its life. See docs/reference/releases.md.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from keys.message import Message
from keys.trust.members import Members
from node.clock import milliseconds, moment_of
from node.cycles import acyclic
from node.errors import ConflictError, MissingObjectError, TripwireError
from node.lists.heads import next_head, require_leaves, require_signed
from node.objects.listed_rows import catch_up
from node.objects.logfiles import LogFiles
from node.objects.release_files import ReleaseFolder, tidy
from node.objects.taken_reports import end_reports
from node.ports.evaluator import Evaluator
from node.ports.log_signer import LogSigner
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord, SubsetRecord, WideKey
from node.store.unit import Unit
from node.subsets.basis import basis_of
from node.subsets.compose import is_same
from node.subsets.content import Held
from node.subsets.draft import Draft, Drafter, MakeDeltas, RuleDocuments, Unchanged, prolongs
from node.subsets.grounds import Grounds, Order
from protocol.lists.ext import EntryRef
from protocol.subset.filter import ScreenRule, SubsetFilter
from protocol.subset.manifest import Manifest, ReleaseKind
from protocol.subset.release import Release
from protocol.subset.sources import SourceCheckpoint
from protocol.tlog.merkle import leaf_hash

ATTEMPTS: Final = 5
"""How often lists may move under a release before it gives up."""

_NAMED: Final = 10
"""Entries that a refusal names."""
_ALWAYS: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReport:
    """What a run of releasing did; the test file is not counted."""

    subset: str
    version: int
    published: bool
    """False: nothing had changed, and `version` is the newest as it was."""
    kind: ReleaseKind
    entries: int
    added: int
    removed: int
    not_after: datetime
    told: "ScreenReport"

    @property
    def said(self) -> Message:
        """What it did, in words."""
        if not self.published:
            return Message("{name} {version}: nothing changed, no new release", self.subset, self.version)
        return Message(
            "{name} {version}: {entries} entries, {added} added, {removed} removed, valid until {day}",
            self.subset,
            self.version,
            f"{self.entries:,}",
            f"{self.added:,}",
            f"{self.removed:,}",
            f"{self.not_after:%Y-%m-%d}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenReport:
    """What the screen of a release tells whoever holds one of the listed hashes, offline."""

    rule: ScreenRule
    bits: int
    """0: there is no screen, and nothing is told."""
    odds: int
    """To 1, that a hash which passes is of a listed file, where the lists name a file's hashes in one row."""
    worst_odds: int
    """The same where they name them apart, as far as this release can have such files."""
    doubled: int
    """Hashes that are screened beside a weaker one of the same file."""
    apart: int
    """SHA-1 and SHA-256 hashes that no screened hash leads to: another of their file may be screened."""
    contradicted: tuple[EntryRef, ...]
    """Entries of hashes that lists say are of one file with two different others: somebody should look."""

    @property
    def said(self) -> Iterator[Message]:
        """What it tells, in words, and which hashes make that more than one value a file."""
        if self.bits:
            yield Message(
                "screen by rule {rule}: a pass means listed at odds of up to {odds} to 1 a file",
                self.rule,
                f"{self.odds:,}",
            )
        if self.bits and self.worst_odds > self.odds:
            yield Message(
                "at worst {odds} to 1: {count} hashes are screened beside another of their file,"
                " {apart} SHA-1 or SHA-256 may be; list all hashes of a file in one row",
                f"{self.worst_odds:,}",
                f"{self.doubled:,}",
                f"{self.apart:,}",
            )
        if self.contradicted:
            first = self.contradicted[0]
            yield Message(
                "{count} entries are of hashes that lists say are of two different files;"
                " the first is entry {index} of {origin}",
                f"{len(self.contradicted):,}",
                first.index,
                first.origin,
            )


class Releaser:
    """Makes releases of this node's subsets."""

    def __init__(
        self,
        store: Store,
        signer: LogSigner,
        evaluator: Evaluator,
        documents: RuleDocuments = RuleDocuments(),  # noqa: B008 - frozen
    ) -> None:
        self._store = store
        self._signer = signer
        self._evaluator = evaluator
        self._documents = documents

    @acyclic()
    def release(
        self,
        name: str,
        *,
        members: Members,
        now: datetime,
        max_age: timedelta,
        until: datetime = _ALWAYS,
    ) -> ReleaseReport:
        """Release the subset `name` in its epoch, if there is something to say.

        `max_age` is how old a peer's fresh list may be; `until` is when the epoch ends, and with it at the latest the
        release.

        Raises:
            NotFoundError: there is no such subset.
            ConflictError: another process released it meanwhile, or the lists would not stand still.
            GoneError: the evaluator has no key of the subset's epoch.
            StoreError: it has another key than the node document names.
            TooLargeError: the epoch has run out of source numbers.
            TripwireError: it would list what must never be released. Withdrawals were released all the same.
        """
        with self._store.read() as unit:
            stored = unit.subsets.get(name)
        subset = replace(stored, filter=stored.filter.renewed())
        order = Order(subset=subset, members=members, now=now, max_age=max_age, until=until)
        catch_up(self._store, name)
        finished = self._finish(stored, now, None)
        held = self._held(name)
        with ExitStack() as ended:
            drafter = ended.enter_context(self._drafter(order, held))
            for _ in range(ATTEMPTS):
                standing, draft = self._drafted(name, drafter)
                if isinstance(draft, Unchanged):
                    if self._note_judged(name, standing, draft.sources):
                        return _report(draft.record, subset.filter, draft, published=finished)
                    continue
                if draft.tripped and not _takes_out(held, draft, now):
                    raise _tripped(draft, "nothing was released, and the release before stays in force")
                if held is not None and not draft.tripped and not _is_due(held, draft.release, now):
                    held = self._with_basis(held, draft)
                    if self._note_judged(name, standing, draft.release.manifest.sources):
                        return _report(held.record, subset.filter, draft, published=finished)
                    drafter = ended.enter_context(self._drafter(order, held))
                elif self._claim(subset, standing, draft):
                    self._finish(subset, now, draft)
                    if draft.tripped:
                        record = draft.record
                        raise _tripped(
                            draft, f"release {record.version} takes out {record.removed} and adds nothing"
                        )
                    return _report(draft.record, subset.filter, draft, published=True)
        raise _restless(name)

    def _drafted(self, name: str, drafter: Drafter) -> tuple[Grounds, Draft | Unchanged]:
        """A draft, and what stood when it was begun: anew, where a list grew while it was read."""
        for _ in range(ATTEMPTS):
            standing = self._standing()
            try:
                return standing, drafter.draft()
            except MissingObjectError:  # a wider bundle took the place of the one that was read
                if self._standing() == standing:
                    raise
        raise _restless(name)

    def _drafter(self, order: Order, held: Held | None) -> AbstractContextManager[Drafter]:
        return closing(Drafter(self._store, self._evaluator, self._documents, order, held))

    def _standing(self) -> Grounds:
        with self._store.read() as unit:
            return Grounds.of(unit)

    def _held(self, name: str) -> Held | None:
        with self._store.read() as unit:
            record = unit.releases.newest(name)
        if record is None:
            return None
        folder = ReleaseFolder(self._store, record)
        return Held(record, folder, basis_of(folder))

    def _claim(self, subset: SubsetRecord, standing: Grounds, draft: Draft) -> bool:
        """Store the files and make the release pending; False when a list has moved since it was judged."""
        if self._standing() != standing:
            return False
        files = ReleaseFolder(self._store, draft.record)
        files.put(draft.release, draft.labels)
        if draft.basis:
            files.put_basis(draft.basis.to_bytes())
        leaf = leaf_hash(draft.release.manifest.to_bytes())
        with self._store.write() as unit:
            # What is shredded before is among the grounds; what is shredded after finds the rows.
            unit.listed.lock(subset.name)
            log = unit.logs.get(subset.origin)
            if Grounds.of(unit) != standing:
                if log.pending is None and log.head.size < draft.record.version:
                    files.discard()  # nobody else made the same one
                return False
            if log.head.size != draft.record.version - 1:
                raise ConflictError(
                    "{name} was released meanwhile", subset.name, hint="run the command again"
                )
            head = next_head(log, [leaf], time_ms=draft.record.created_ms)
            unit.logs.claim(log, head, note=None)
            unit.releases.add(draft.record)
            unit.listed.reach(subset.name, draft.record.version)
            unit.listed.advance(subset.name, draft.record.version, ended=draft.ended, new=draft.new)
            unit.subsets.add_sources(subset.name, subset.epoch, draft.sources)
            unit.subsets.set_filter(subset.name, subset.filter)
        return True

    def _finish(self, subset: SubsetRecord, now: datetime, draft: Draft | None) -> bool:
        """Publish what is pending, step by step; each gives the same when it is repeated. False: nothing was.

        Where it is that `draft`, nothing need be read to make deltas from the release before.
        """
        with self._store.read() as unit:
            log = unit.logs.get(subset.origin)
            if log.pending is None:
                return False
            record = unit.releases.get(subset.name, log.pending.size)
        manifest = ReleaseFolder(self._store, record).manifest()
        leaves = [leaf_hash(manifest)]
        require_leaves(log, leaves)
        files = LogFiles(self._store.objects, self._store.vault, log.origin)
        self._store.objects.put_all(files.growth(log.head.size, [manifest], None))
        note = self._signer.sign(log.origin, start=log.head.size, leaf_hashes=leaves)
        require_signed(log, note)
        with self._store.write() as unit:
            unit.hits.lock()  # a report is kept before this release, and ends with it, or is judged by it
            unit.logs.settle(log, note=note, checked_ms=milliseconds(now))
            unit.releases.publish(subset.name, record.version, note)
            gone = _gone(unit, record, subset.filter)
            end_reports(
                self._store, unit, subset.name, gone, version=record.version, now_ms=milliseconds(now)
            )
            unit.listed.settle(subset.name, record.version)
            unit.judged.note(subset.name, _sizes(Manifest.from_bytes(manifest).sources))
            published = unit.releases.ls(subset.name)
        for name in files.outgrown(log.head.size, record.version):
            self._store.objects.delete(name)
        # Another process may have published the draft since it was claimed, and claimed the release behind it.
        is_drafted = draft is not None and manifest == draft.release.manifest.to_bytes()
        self._prepare_deltas(published, draft.deltas if draft and is_drafted else None)
        tidy(self._store, published)
        return True

    def _note_judged(self, name: str, standing: Grounds, sources: Iterable[SourceCheckpoint]) -> bool:
        """The newest release says already what the lists say now: nobody waits for it to take something out.

        False when a list has moved since it was judged: agencies are told, signed, how far partners follow.
        """
        with self._store.write(alone=True) as unit:
            if Grounds.of(unit) != standing:
                return False
            unit.judged.note(name, _sizes(sources))
        return True

    def _with_basis(self, held: Held, draft: Draft) -> Held:
        """With that of a draft that says what the newest release says: the next one judges only what is new from here.

        Not when rows would change: they are written with the next release, which judges the same once more.
        """
        new, old = draft.basis, held.basis
        moved = new and (old is None or not old.goes_on_as(new))
        if not new or not moved or draft.ended or draft.new:
            return held
        ReleaseFolder(self._store, held.record).put_basis(new.to_bytes())
        return replace(held, basis=new)

    def _prepare_deltas(self, published: Sequence[ReleaseRecord], deltas: MakeDeltas | None) -> None:
        """Make what nearly every partner will ask for, once it is published: a withdrawal must not wait for it."""
        if len(published) < 2:
            return
        last, new = sorted(published, key=lambda record: record.version)[-2:]
        if ReleaseFolder(self._store, last).exists():
            ReleaseFolder(self._store, new).make_deltas(last, deltas)


def _restless(name: str) -> ConflictError:
    return ConflictError("the lists of {name} kept changing", name, hint="run the command again")


def _gone(unit: Unit, record: ReleaseRecord, made_by: SubsetFilter) -> set[WideKey]:
    """What a pending release does not list any more; what was shredded has no row, and is not among it.

    Nor is a kind of hashes that the subset takes in no more: nobody withdrew those.
    """
    left = unit.listed.left(record.subset, record.version)
    return {row.name for row in left if row.algorithm in made_by.algorithms}


def _sizes(sources: Iterable[SourceCheckpoint]) -> Mapping[str, int]:
    return {source.origin: source.size for source in sources}


def _is_due(held: Held, new: Release, now: datetime) -> bool:
    return prolongs(held.record, new.manifest.not_after_ms, now) or not is_same(held.release, new)


def _takes_out(held: Held | None, draft: Draft, now: datetime) -> bool:
    """Whether a release that adds nothing is made: a withdrawal must get out, and what is listed must not run out."""
    return held is not None and (
        draft.record.removed > 0 or prolongs(held.record, draft.release.manifest.not_after_ms, now)
    )


def _tripped(draft: Draft, outcome: str) -> TripwireError:
    named = [f"entry {ref.index} of {ref.origin}" for ref in draft.tripped[:_NAMED]]
    more = len(draft.tripped) - len(named)
    names = ", ".join([*named, *([f"and {more:,} more"] if more else [])])
    return TripwireError(
        "{subset} would list what must never be released: {names}; {outcome}",
        draft.record.subset,
        names,
        outcome,
    )


def _report(
    record: ReleaseRecord, made_by: SubsetFilter, draft: Draft | Unchanged, *, published: bool
) -> ReleaseReport:
    return ReleaseReport(
        subset=record.subset,
        version=record.version,
        published=published,
        kind=record.kind,
        entries=record.answers - 1,
        added=record.added if published else 0,
        removed=record.removed if published else 0,
        not_after=moment_of(record.not_after_ms),
        told=_told(made_by, draft),
    )


def _told(made_by: SubsetFilter, draft: Draft | Unchanged) -> ScreenReport:
    screened = draft.screened
    return ScreenReport(
        rule=made_by.screen_rule,
        bits=made_by.screen_bits,
        odds=made_by.odds(),
        worst_odds=made_by.odds(screened.most_values),
        doubled=screened.doubled,
        apart=screened.apart,
        contradicted=draft.contradicted,
    )
