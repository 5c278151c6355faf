"""A release in the making: the lists are judged, what is new is evaluated, the rest is arithmetic.

Nothing here is written anywhere: a draft is only published if the lists still stand where they were judged.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from keys.trust.members import Members
from node.clock import milliseconds
from node.errors import StoreError
from node.judgement.effective import Share, judge_all, judge_some
from node.lists.guards import Guards
from node.objects.rosters import Listed, Roster, previous_of
from node.objects.sealed_names import salt_name
from node.ports.evaluator import Evaluator
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord, SubsetRecord
from node.subsets.compose import Chosen, Terms, choose, compose, seal_labels
from node.subsets.holdings import held_here
from protocol.digest import Digest
from protocol.judgement.quorum import MemberListing, Support
from protocol.lists.opening import EntryRef
from protocol.selection import Selection, Selector
from protocol.subset.canary import PRESENT
from protocol.subset.exclusions import exclusions_hash
from protocol.subset.identity import subset_id
from protocol.subset.manifest import RuleHashes
from protocol.subset.prf_input import prf_input
from protocol.subset.release import Release
from protocol.subset.sources import SourceCheckpoint, number_sources

LIFE: Final = timedelta(days=14)
"""How long a release may be used: a new one at half of it leaves a week, so a weekend without staff ends nothing."""


@dataclass(frozen=True, slots=True)
class RuleDocuments:
    """Documents whose hashes are in every manifest; empty while a node has none."""

    criteria: bytes = b""
    witness_policy: bytes = b""


@dataclass(frozen=True, slots=True)
class Held:
    """The newest release."""

    record: ReleaseRecord
    release: Release
    roster: Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for: a subset, and what to judge it by."""

    subset: SubsetRecord
    members: Members
    now: datetime
    max_age: timedelta
    exclusions: frozenset[Digest]
    until: datetime
    """When the subset's epoch ends: nobody looks anything up in its releases after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A release that is made and not claimed."""

    release: Release
    selection: Selection
    """Which digests its screen knows files by."""
    roster: Roster
    record: ReleaseRecord
    sources: Mapping[str, int] = field(repr=False)
    """Numbers that this release gives for the first time."""
    tripped: tuple[EntryRef, ...] = ()
    """Entries of digests that must never be released. The draft lists none of them and adds nothing."""
    contradicted: tuple[EntryRef, ...] = ()
    """Entries of digests that lists say are of one file with two different others."""


@dataclass(slots=True, kw_only=True)
class _Made:
    """What a release lists, in the making: of each digest what the release needs, and not who supports it."""

    terms: Terms
    sources: Mapping[str, int]
    roster: dict[Digest, Listed]
    labels: dict[Digest, bytes] = field(default_factory=dict)
    tripped: set[Digest] = field(default_factory=set)
    entries: list[EntryRef] = field(default_factory=list)
    selector: Selector = field(init=False)

    def __post_init__(self) -> None:
        self.selector = Selector(self.terms.k)

    def trip(self, tripped: Iterable[Digest], entries: Iterable[EntryRef]) -> None:
        """Note what must never be released, and the entries that back it."""
        self.tripped.update(tripped)
        self.entries.extend(entries)

    def take(
        self,
        chosen: Mapping[Digest, Chosen],
        listings: Sequence[MemberListing],
        outputs: Mapping[Digest, bytes],
    ) -> None:
        """List these digests, of which `listings` have all entries."""
        self.labels |= seal_labels(self.terms, chosen, outputs)
        self.roster |= {digest: Listed(each.collections, outputs[digest]) for digest, each in chosen.items()}
        self.selector.add({digest: each.supports for digest, each in chosen.items()}, listings)


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
        self._roster = held.roster if held else {}
        self._outputs = _outputs_of(held, order.subset.epoch)

    def draft(self) -> Draft:
        """A draft of what the lists say now.

        Raises:
            GoneError: the evaluator has no key of the subset's epoch.
            StoreError: it has another key than the node document names.
            TooLargeError: the epoch has run out of source numbers.
        """
        self._require_key()
        made = self._made(None)
        if (
            made.tripped
        ):  # what was released before and is on no tripwire may stay, so withdrawals still get out
            entries, made = made.entries, self._made(frozenset(self._roster.keys() - made.tripped))
            made.entries = entries
        held, selection = self._held, made.selector.select()
        release = compose(
            made.terms,
            {digest: listed.output for digest, listed in made.roster.items()},
            made.labels,
            screened=selection.screened,
            held=held.release if held else None,
        )
        return Draft(
            release=release,
            selection=selection,
            roster=made.roster,
            record=self._record(release, _difference(held, made.roster)),
            sources=made.sources,
            tripped=_ordered(made.entries),
            contradicted=self._backing(selection.contradicted),
        )

    def _made(self, kept: frozenset[Digest] | None) -> "_Made":
        """What a release lists by what the lists say now, of these digests alone where they are given."""
        order, subset = self._order, self._order.subset
        judged = judge_all(
            self._store,
            order.members,
            now=order.now,
            max_age=order.max_age,
            previous=previous_of(self._roster),
            exclusions=order.exclusions,
        )
        given, numbers = self._numbers(judged.heads)
        self._evaluate([PRESENT])
        made = _Made(
            terms=self._terms(judged.heads, numbers),
            sources={origin: number for origin, number in numbers.items() if origin not in given},
            roster={PRESENT: Listed((), self._outputs[PRESENT])},
        )
        for share in judged.shares:
            chosen = choose(self._supported(judged.heads, share), subset.filter)
            tripped = self._guards.tripped(chosen)
            made.trip(tripped, _entries(chosen, tripped))
            left_out = tripped if kept is None else chosen.keys() - kept
            chosen = {digest: each for digest, each in chosen.items() if digest not in left_out}
            self._evaluate(chosen)
            made.take(chosen, share.listings, self._outputs)
        return made

    def _supported(self, heads: Sequence[LogRecord], share: Share) -> Mapping[tuple[int, Digest], Support]:
        if self._order.subset.filter.holdings:
            return held_here(heads, share.listings, self._order.members)
        return share.effective

    def _backing(self, digests: Collection[Digest]) -> tuple[EntryRef, ...]:
        """The entries that back some of what was chosen: they are judged once more, for few are ever asked for."""
        if not digests:
            return ()
        order = self._order
        judged = judge_some(
            self._store,
            order.members,
            digests,
            now=order.now,
            max_age=order.max_age,
            previous=previous_of(self._roster),
            exclusions=order.exclusions,
        )
        share = Share(judged.decision.effective, judged.listings)
        chosen = choose(self._supported(judged.heads, share), order.subset.filter)
        return _entries(chosen, chosen.keys() & digests)

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

    def _evaluate(self, digests: Iterable[Digest]) -> None:
        """Add the outputs that are missing."""
        subset = self._order.subset
        number = subset_id(subset.origin)
        missing = [digest for digest in digests if digest not in self._outputs]
        if not missing:
            return
        inputs = [prf_input(number, digest) for digest in missing]
        found = self._evaluator.outputs(subset.name, subset.epoch, inputs)
        self._outputs.update(zip(missing, found, strict=True))

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

    def _record(self, release: Release, difference: tuple[int, int]) -> ReleaseRecord:
        manifest = release.manifest
        return ReleaseRecord(
            subset=self._order.subset.name,
            version=self._held.record.version + 1 if self._held else 1,
            epoch=manifest.epoch,
            kind=manifest.kind,
            manifest_sha256=sha256(manifest.to_bytes()).digest(),
            answers=manifest.answers_count,
            added=difference[0],
            removed=difference[1],
            created_ms=milliseconds(self._order.now),
            not_after_ms=manifest.not_after_ms,
        )


def _outputs_of(held: Held | None, epoch: int) -> dict[Digest, bytes]:
    """Outputs that need not be computed again."""
    if held is None or held.record.epoch != epoch:
        return {}
    return {digest: listed.output for digest, listed in held.roster.items()}


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


def _difference(held: Held | None, new: Roster) -> tuple[int, int]:
    """How many digests come and go; what was shredded is not in the roster any more."""
    if held is None:
        return len(new) - 1, 0  # the test file comes with the first release, and is not counted
    before, now = held.roster.keys() - {PRESENT}, new.keys() - {PRESENT}
    shredded = held.record.answers - len(held.roster)
    return len(now - before), len(before - now) + shredded
