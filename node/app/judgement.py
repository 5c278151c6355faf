"""The queue of reviews, kept: what waits is judged by ranges once, and from there on by what moved.

Whoever asks is given one frozen value, made of premises that are compared at each question: nothing is judged again
that says what it said. One thread judges at a time; others that need an answer of now wait for it, and whoever can do
with the last one (`latest`) gets that while the next is made. It is for people: what a release lists is judged by
`node.subsets.draft`, each time from nothing. No list is kept: whoever asks about some digests has their part judged,
and only the last such judgements are at hand while they stand.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock, Thread
from time import thread_time
from typing import Final, Self, TypeVar

from keys.errors import SigfedError
from keys.trust.members import Members
from node.clock import Clock
from node.cycles import acyclic
from node.errors import NotFoundError, StoreError
from node.identity.identity import Identity
from node.journal import Journal
from node.judgement.conditions import Conditions, Reach, Row, between, conditions, most_again, reach
from node.judgement.effective import Current, judge_all, judge_some
from node.judgement.premises import Premises
from node.judgement.queue import Examined, Files, WaitingFile, Wanted, no_file, not_active, waiting_files
from node.judgement.queue_rows import Place, Queue, queue_of
from node.lists.changes import digest_of
from node.lists.lookup import Finder, digests_at
from node.lists.touches import catch_up
from node.objects.logfiles import LogFiles
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest

_journal = Journal("judged")
_TRIES: Final = 3
"""Bundles and releases give way to newer ones while they are read: then those are read."""
SOON_SECONDS: Final = 0.3
"""Who looks at a page does not mind to wait so long for what was changed just now."""
PATIENCE_SECONDS: Final = 5.0
"""A page is made so long at most where judging took no time before: long lists may have come since."""
_AT_ONCE: Final = 500
"""Files of a queue that are read at once."""
_KEPT: Final = 8
"""Judgements of some digests, for pages that are looked at again."""
_AGED: Final = timedelta(minutes=1)
_END_SECONDS: Final = 10.0
_ANY: Final = Wanted()
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """What waits by one register, and what that follows from."""

    members: Members
    premises: Premises
    fresh: frozenset[str]
    conditions: Conditions
    waiting: Queue
    """Everything that waits for this agency's word."""
    seconds: float
    """What it took of a processor to judge everything."""

    @cached_property
    def basis(self) -> tuple[object, ...]:
        """It stands while that stays."""
        return _basis(self.premises, self.fresh, self.members)


class Judge:
    """Judges the lists of one open store, again when something moved; threads may share it."""

    def __init__(
        self, store: Store, *, node: str, members: Callable[[], Members], clock: Clock, max_age: timedelta
    ) -> None:
        self._store = store
        self._node = node
        self._members = members
        self._clock = clock
        self._max_age = max_age
        self._judging = Lock()
        self._held: Judgement | None = None
        self._stood: datetime | None = None
        """When the last judgement was known to stand."""
        self._some: Mapping[frozenset[Digest], tuple[tuple[object, ...], Current]] = {}
        """Judgements of these digests, each with what it follows from, the newest last."""
        self._starting = Lock()
        self._thread = Thread(name="judging")

    @classmethod
    def of(cls, identity: Identity, store: Store) -> Self:
        """Who judges by a node's register and its settings of freshness, as its releases do."""
        return cls(
            store,
            node=identity.settings.node,
            members=identity.trust.members,
            clock=identity.clock,
            max_age=identity.settings.guards.max_checkpoint_age,
        )

    def now(self) -> Judgement:
        """The judgement of what the store says now."""
        with self._judging:
            held = self._held
            if held is None or self._moved(held):
                before = held
                held = self._held = _tried(lambda: self._judge(before))
            self._stood = self._clock.now()
            return held

    def latest(self) -> Judgement | None:
        """The last judgement there is; when something moved since, the next one is begun, for whoever asks then.

        While judging takes no longer than a person notices, that of now. None while the first one is made.
        """
        held = self._held
        if held is not None and not self._moved(held):
            return held
        is_quick = held is None or held.seconds <= SOON_SECONDS
        self.begin()
        is_done = self._wait(PATIENCE_SECONDS if is_quick else SOON_SECONDS)
        return self.now() if is_done and is_quick else self._held

    def some(self, digests: Collection[Digest]) -> Current:
        """A judgement of now of some digests, from their part of the lists; the last ones are kept while they stand."""
        asked = frozenset(digests)
        basis, kept = self._some.get(asked, ((), None))
        if kept is not None and basis == self._basis():
            return kept
        now = self._clock.now()
        found = _tried(
            lambda: judge_some(self._store, self._members(), asked, now=now, max_age=self._max_age)
        )
        fresh = found.premises.fresh(now=now, max_age=self._max_age)
        others = [each for each in self._some.items() if each[0] != asked][1 - _KEPT :]
        self._some = dict([*others, (asked, (_basis(found.premises, fresh, found.members), found))])
        return found

    def file(self, origin: str, index: int) -> tuple[Current, list[Examined]]:
        """A judgement of now of the file that an active entry belongs to, and its digests (`Files.at`).

        Raises `NotFoundError`.
        """
        catch_up(self._store)
        with self._store.read() as unit:
            finder = Finder(self._store, unit)
            log = finder.log(origin)
            digests = finder.files_at(log, [index])
        if not digests:
            raise (no_file if [*digests_at(self._store, log, [index])] else not_active)(origin, index)
        current = self.some(digests)
        return current, Files(current).at(origin, index)

    def some_file(self, origin: str, digest: Digest) -> tuple[Current, Files]:
        """A judgement of now of the file that a list has a digest of, with the files of what was judged."""
        with self._store.read() as unit:
            finder = Finder(self._store, unit)
            file = finder.same_file([digest], log=finder.log(origin))
        current = self.some(file)
        return current, Files(current)

    def files(self, places: Collection[Place]) -> tuple[Files, list[WaitingFile]]:
        """Of files that a queue names, those that wait now, in the same order; with the files of what was judged."""
        by_list: dict[str, list[int]] = {}
        for origin, index in places:
            by_list.setdefault(origin, []).append(index)
        digests: set[Digest] = set()
        catch_up(self._store)
        with self._store.read() as unit:
            finder = Finder(self._store, unit)
            for origin, indices in by_list.items():
                with suppress(NotFoundError):  # it is held no more
                    digests |= finder.files_at(finder.log(origin), indices)
        current = self.some(digests)
        found = {
            (entry.origin, entry.index): file
            for file in waiting_files(current, current.members, self._node, _ANY)
            for entry in file.entries
        }
        still = (found[place] for place in places if place in found)
        return Files(current), list({file.place: file for file in still}.values())

    def each_file(self, queue: Queue, count: int) -> Iterator[WaitingFile]:
        """So many files at the head of a queue, as far as they wait now, read some at a time."""
        for start in range(0, count, _AT_ONCE):
            _held, files = self.files(queue.places(start, min(start + _AT_ONCE, count)))
            yield from files

    def known(self) -> Judgement | None:
        """The last judgement there is, unasked whether it still stands; None before the first.

        For what is looked at all day: it asks the store nothing. Once it is a minute old the next one is begun.
        """
        if self._stood is None or self._clock.now() - self._stood > _AGED:
            self.begin()
        return self._held

    def begin(self) -> None:
        """Judge in a thread of its own, unless somebody does so now."""
        with self._starting:
            if not self._judging.locked() and not self._thread.is_alive():
                self._thread = Thread(target=self._catch_up, name="judging", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """Wait for what was begun, before the store is closed; not for ever."""
        self._wait(_END_SECONDS)

    def _wait(self, seconds: float) -> bool:
        """For what was begun; whether it has ended."""
        with self._starting:
            thread = self._thread
        if thread.ident is not None:
            thread.join(seconds)
        return not thread.is_alive()

    def _catch_up(self) -> None:
        try:
            _ = self.now().waiting.groups  # worked out here, so that no page waits for it
        except SigfedError as exc:
            _journal.warning("failed", error=type(exc).__name__, reason=str(exc))

    def _moved(self, held: Judgement) -> bool:
        return held.basis != self._basis()

    def _basis(self) -> tuple[object, ...]:
        """Of a judgement of now."""
        with self._store.read() as unit:
            premises = Premises.of(unit)
        fresh = premises.fresh(now=self._clock.now(), max_age=self._max_age)
        return _basis(premises, fresh, self._members())

    def _judge(self, held: Judgement | None) -> Judgement:
        with acyclic():
            return (held and self._judge_moved(held)) or self._judge_all()

    def _judge_all(self) -> Judgement:
        """From nothing, by ranges."""
        started, members, now = thread_time(), self._members(), self._clock.now()
        everything = judge_all(self._store, members, now=now, max_age=self._max_age)
        premises = everything.premises
        fresh = premises.fresh(now=now, max_age=self._max_age)
        with self._store.read() as unit:
            said = self._conditions(unit, premises, members, fresh)
        waiting = queue_of(self._store.vault.entropy, everything, members, self._node)
        return Judgement(
            members=members,
            premises=premises,
            fresh=fresh,
            conditions=said,
            waiting=waiting,
            seconds=thread_time() - started,
        )

    def _judge_moved(self, held: Judgement) -> Judgement | None:
        """What moved alone; None where that cannot be said, or goes on meanwhile."""
        catch_up(self._store)
        members, now = self._members(), self._clock.now()
        with self._store.read() as unit:
            premises = Premises.of(unit)
            fresh = premises.fresh(now=now, max_age=self._max_age)
            said = self._conditions(unit, premises, members, fresh)
            touched = between(held.conditions, said)
            if touched is None or _origins(premises) != _origins(held.premises):
                return None
            found = reach(self._store, unit, premises, touched, most_again(held.conditions))
            if found is None:
                return None
            gone = {log.origin: set(self._places(unit, log, found)) for log in premises.heads}
        current = judge_some(self._store, members, found.digests, now=now, max_age=self._max_age)
        then = current.premises.fresh(now=now, max_age=self._max_age)
        if _basis(current.premises, then, members) != _basis(premises, fresh, members):
            return None
        files = waiting_files(current, members, self._node, _ANY)
        new = [file for file in files if file.first.digest in found.digests]
        return replace(
            held,
            members=members,
            premises=premises,
            fresh=fresh,
            conditions=said,
            waiting=held.waiting.without(gone).with_files(new),
        )

    def _conditions(
        self, unit: Unit, premises: Premises, members: Members, fresh: frozenset[str]
    ) -> Conditions:
        """What is effective already is heard of lists that are not fresh: nothing else follows from releases."""
        register = {member.node for member in members.members}
        stale = {log.origin for log in premises.heads if log.node in register} - fresh
        releases = [(each.subset, each.version, each.manifest_sha256.hex()) for each in premises.releases]
        before: list[Row] = [*((origin,) for origin in stale), *releases] if stale else []
        rule = (members.sha256.hex(), members.k, self._node)
        found = conditions(self._store, unit, premises, members, rule=rule) | {"before": before}
        return {part: frozenset(rows) for part, rows in found.items()}

    def _places(self, unit: Unit, log: LogRecord, found: Reach) -> Iterator[int]:
        """Where a list has these digests, or had what is deleted."""
        yield from found.places[log.id]
        hits = unit.entries.find(self._store.vault.keys_of(found.digests).tolist(), log_id=log.id)
        below = sorted({hit.position for hit in hits if hit.collection > 0 and hit.position < log.head.size})
        files = LogFiles(self._store.objects, self._store.vault, log.origin)
        for position, _, opening in files.items_at(below, size=log.head.size):
            if opening and digest_of(opening) in found.digests:
                yield position


def _tried(judge: Callable[[], _T]) -> _T:
    for _ in range(_TRIES - 1):
        try:
            return judge()
        except StoreError:
            continue
    return judge()


def _origins(premises: Premises) -> list[str]:
    return [log.origin for log in premises.heads]


def _basis(premises: Premises, fresh: frozenset[str], members: Members) -> tuple[object, ...]:
    return (*premises.basis(fresh), members)
