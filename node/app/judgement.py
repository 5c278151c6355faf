"""The quorum's judgement, kept: what held lists say is folded once, and goes on from there when a list has grown.

Whoever asks is given one frozen value, made of premises that are compared at each question: no list is folded again
that says what it said. One thread judges at a time; others that need an answer of now wait for it, and whoever can do
with the last one (`latest`) gets that while the next is made. It is for people: what a release lists is judged by
`node.subsets.draft`, each time from nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock, Thread
from time import thread_time
from typing import Final, Self, TypeVar

from keys.errors import SigfedError
from keys.trust.members import Members
from node.clock import Clock
from node.cycles import acyclic
from node.errors import StoreError
from node.identity.identity import Identity
from node.journal import Journal
from node.judgement.effective import Current, judge_held, judge_some
from node.judgement.fold import fold_held
from node.judgement.premises import Premises
from node.judgement.queue import (
    Examined,
    Files,
    Group,
    WaitingFile,
    Wanted,
    grouped,
    not_active,
    waiting_files,
)
from node.lists.lookup import Finder, digests_at
from node.objects.listed_rows import catch_up, effective_in
from node.store.store import Store
from protocol.digest import Digest
from protocol.lists.listing import Listing

_journal = Journal("judged")
_TRIES: Final = 3
"""Bundles and releases give way to newer ones while they are read: then those are read."""
SOON_SECONDS: Final = 0.3
"""Who looks at a page does not mind to wait so long for what was changed just now."""
_AGED: Final = timedelta(minutes=1)
_END_SECONDS: Final = 10.0
_ANY: Final = Wanted()
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """What held lists said by one register, and what follows from it; worked out once, whoever asks."""

    node: str
    members: Members
    premises: Premises
    fresh: frozenset[str]
    folded: Sequence[Listing]
    """What each of `premises.lists` says, without overlays."""
    current: Current
    at: datetime
    """When it was judged."""
    seconds: float
    """What that took of a processor."""

    @cached_property
    def basis(self) -> tuple[object, ...]:
        """What it follows from: while that stays, it stands."""
        return _basis(self.premises, self.fresh, self.members)

    @cached_property
    def waiting(self) -> Sequence[WaitingFile]:
        """Everything that waits for this agency's word, as `waiting_files` orders it."""
        return waiting_files(self.current, self.members, self.node, _ANY)

    @cached_property
    def groups(self) -> Mapping[Group, int]:
        """How many of these files may be endorsed together."""
        return grouped(self.waiting)

    @cached_property
    def files(self) -> Files:
        """The files of all lists."""
        return Files(self.current)


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

    def latest(self) -> Judgement:
        """The last judgement there is; when something moved since, the next one is begun, for whoever asks then.

        While judging takes no longer than a person notices, that of now.
        """
        held = self._held
        if held is None or held.seconds <= SOON_SECONDS:
            return self.now()
        if self._moved(held):
            self.begin()
        return held

    def some(self, digests: Collection[Digest]) -> Current:
        """A judgement of now of some digests: the kept one while it stands, else of them alone, without folding a list.

        Nobody waits for a judgement of everything, and what is judged here is not kept.
        """
        held = self._standing()
        if held is not None:
            return held.current
        return _tried(
            lambda: judge_some(
                self._store, self._members(), digests, now=self._clock.now(), max_age=self._max_age
            )
        )

    def file(self, origin: str, index: int) -> tuple[Current, list[Examined]]:
        """A judgement of now of the file that an active entry belongs to, and its digests (`Files.at`).

        Raises `NotFoundError`.
        """
        with self._store.read() as unit:
            log = unit.logs.get(origin)
        digest = next(digests_at(self._store, log, [index]), None)
        if digest is None:
            raise not_active(origin, index)
        current, files = self.some_file(origin, digest)
        return current, files.at(origin, index)

    def some_file(self, origin: str, digest: Digest) -> tuple[Current, Files]:
        """The same of the file that a list has a digest of, with the files of what was judged."""
        held = self._standing()
        if held is not None:
            return held.current, held.files
        with self._store.read() as unit:
            finder = Finder(self._store, unit)
            file = finder.same_file([digest], log=finder.log(origin))
        current = self.some(file)
        return current, Files(current)

    def _standing(self) -> Judgement | None:
        held = self._held
        return None if held is None or self._moved(held) else held

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
        with self._starting:
            if self._thread.ident is not None:
                self._thread.join(_END_SECONDS)

    def _catch_up(self) -> None:
        try:
            _ = self.now().groups  # worked out here, so that no page waits for it
        except SigfedError as exc:
            _journal.warning("failed", error=type(exc).__name__, reason=str(exc))

    def _moved(self, held: Judgement) -> bool:
        premises, fresh, members = self._read()
        return held.basis != _basis(premises, fresh, members)

    def _read(self) -> tuple[Premises, frozenset[str], Members]:
        with self._store.read() as unit:
            premises = Premises.of(unit)
        fresh = premises.fresh(now=self._clock.now(), max_age=self._max_age)
        return premises, fresh, self._members()

    def _judge(self, held: Judgement | None) -> Judgement:
        at, started = self._clock.now(), thread_time()
        premises, fresh, members = self._read()
        with acyclic():
            folded = _fold(self._store, premises, held)
            current = judge_held(
                self._store,
                premises,
                folded,
                members,
                fresh=fresh,
                previous=_listed(self._store, premises, folded),
            )
        return Judgement(
            node=self._node,
            members=members,
            premises=premises,
            fresh=fresh,
            folded=folded,
            current=current,
            at=at,
            seconds=thread_time() - started,
        )


def _tried(judge: Callable[[], _T]) -> _T:
    for _ in range(_TRIES - 1):
        try:
            return judge()
        except StoreError:
            continue
    return judge()


def _basis(premises: Premises, fresh: frozenset[str], members: Members) -> tuple[object, ...]:
    return (*premises.basis(fresh), members)


def _fold(store: Store, premises: Premises, held: Judgement | None) -> list[Listing]:
    """What each list says: as before, as before and the new events, or from nothing."""
    known = {} if held is None else {each.origin: each for each in held.premises.lists}
    said = {} if held is None else {each.origin: each for each in held.folded}
    found = []
    for each in premises.lists:
        before = known.get(each.origin)
        if before == each:
            found.append(said[each.origin])
        elif before is not None and each.grew_from(before):
            found.append(fold_held(store, each, said[each.origin]))
        else:
            found.append(fold_held(store, each))
    return found


def _listed(store: Store, premises: Premises, folded: Sequence[Listing]) -> frozenset[tuple[int, Digest]]:
    """What the newest releases list of the digests in these lists; no other is judged."""
    catch_up(store)
    digests = {entry.digest for listing in folded for entry in listing.entries.values()}
    with store.read() as unit:
        return effective_in(store, unit, premises.releases, digests)
