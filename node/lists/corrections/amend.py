"""Changing what an own entry says, without ending it: review date, legality, hash profile, criteria, basis.

An amend replaces the whole statement but for the content id, so everything that is not changed is said again; what an
entry says now is its add and the amends of it, those that wait for publication included. Asked by hash, all hashes of
the file are amended in every collection; asked by position, that entry alone. Spec: docs/spec/event.md, rule 22.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeAlias

from keys.message import Message
from node.errors import NotFoundError, NothingToDoError, UsageError
from node.lists.catalogue import own_list
from node.lists.changes import new_record
from node.lists.lookup import Finder, Found
from node.lists.queue import Queue, retried
from node.lists.touches import catch_up
from node.store.store import Store
from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError
from protocol.lists.event import Op
from protocol.lists.ext import Basis, Ext

PERCEPTUAL: Final = frozenset({Algorithm.PDQ, Algorithm.PHOTODNA})
"""What a hash profile describes."""

Revise: TypeAlias = Callable[[Digest, Ext], Ext]
"""What an entry is to say, from its digest and what it says now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What is to change; the rest of a statement stays."""

    basis: Basis | None = None
    relies_on: str | None = None
    """With the basis relies-on: whose word it is."""
    criteria: int | None = None
    review_by: date | None = None
    no_review: bool = False
    """Take the review date away."""
    illegal_in: frozenset[str] = frozenset()
    """Countries to name as ones where the material is known to be illegal."""
    unclear_in: frozenset[str] = frozenset()
    """Countries to name no longer."""
    hash_profile: str | None = None
    """For perceptual digests; others are left as they are."""

    def revise(self, digest: Digest, ext: Ext) -> Ext:
        """The amended statement; raises `UsageError` for one that has no encoding."""
        basis = ext.basis if self.basis is None else self.basis
        relies_on = self.relies_on or ext.relies_on
        profile = self.hash_profile if digest.algorithm in PERCEPTUAL else None
        try:
            return replace(
                ext,
                basis=basis,
                relies_on=relies_on if basis == Basis.RELIES_ON else None,
                criteria=self.criteria or ext.criteria,
                review_by=None if self.no_review else self.review_by or ext.review_by,
                legality=tuple(sorted((set(ext.legality) | self.illegal_in) - self.unclear_in)),
                hash_profile=profile or ext.hash_profile,
            )
        except MalformedError as exc:
            raise UsageError(exc.message) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """What waits for publication after entries were amended."""

    entries: int
    unchanged: int
    """Entries that say all of it already."""
    positions: tuple[int, ...]
    """Of the amended entries, ascending."""

    def said(self, origin: str) -> Message:
        """What was queued, in words."""
        if not self.entries:
            return Message("{list}: the entries say all of it already", origin)
        return Message.counted(
            "{list}: {count} entry will say it with the next publication",
            "{list}: {count} entries will say it with the next publication",
            self.entries,
            origin,
        )


def amend(store: Store, origin: str, digest: Digest, revise: Revise) -> Amended:
    """Queue amends of every active entry of the digest's file in the own list `origin`.

    Raises:
        NotFoundError: there is no such list.
        NothingToDoError: it has no active entry of the digest.
        UsageError: what the entries are to say has no encoding.
        ConflictError: others kept queueing changes at the same moment.
    """
    return retried(lambda: _amend(store, origin, lambda finder: _family(finder, origin, digest), revise))


def amend_at(store: Store, origin: str, position: int, revise: Revise) -> Amended:
    """The same for the entry at a position alone."""
    return amend_entries(store, origin, [position], revise)


def amend_entries(store: Store, origin: str, positions: Iterable[int], revise: Revise) -> Amended:
    """The same for the entries at these positions; raises `NotFoundError` for one that is not active."""
    wanted = sorted(set(positions))
    return retried(lambda: _amend(store, origin, lambda finder: _at(finder, origin, wanted), revise))


def statements(finder: Finder, entries: Iterable[Found]) -> Mapping[int, Ext]:
    """What entries of one list say now, by position."""
    found = {entry.hit.position: entry for entry in entries}
    said = {position: entry.opening.ext for position, entry in found.items()}
    for entry in [*found.values()][:1]:
        for ref, opening in finder.reader(entry.log).amends(frozenset(found)):
            ext = Ext() if opening is None else opening.ext
            said[ref] = replace(ext, content_id=found[ref].opening.ext.content_id)
    return said


Choose: TypeAlias = Callable[[Finder], Sequence[Found]]


def _amend(store: Store, origin: str, choose: Choose, revise: Revise) -> Amended:
    catch_up(store, origin)
    with store.read() as unit:
        log = own_list(unit, origin)
        finder = Finder(store, unit)
        entries = choose(finder)
        said = statements(finder, entries)
    changes = []
    for entry in entries:
        old = said[entry.hit.position]
        new = revise(entry.digest, old)
        if new != old:
            changes.append((entry, replace(new, content_id=None)))
    queue = Queue(store, log)
    if changes:
        queue.put([_record(store, entry, ext) for entry, ext in changes])
        with queue.committed():
            pass
    return Amended(
        entries=len(changes),
        unchanged=len(entries) - len(changes),
        positions=tuple(entry.hit.position for entry, _ in changes),
    )


def _family(finder: Finder, origin: str, digest: Digest) -> Sequence[Found]:
    log = finder.log(origin)
    found = [each for each in finder.find(finder.same_file([digest], log=log), log=log) if each.is_entry]
    if not any(each.digest == digest for each in found):
        raise NothingToDoError("{origin} has no active entry of this hash", origin, hint="was it withdrawn?")
    return found


def _at(finder: Finder, origin: str, positions: Sequence[int]) -> Sequence[Found]:
    log = finder.log(origin)
    reader = finder.reader(log)
    digests = {reader.opening(position).digest for position in positions}
    found = finder.find([digest for digest in digests if digest is not None], log=log)
    entries = [each for each in found if each.is_entry and each.hit.position in positions]
    missing = set(positions) - {each.hit.position for each in entries}
    if missing:
        raise NotFoundError("{origin} has no active entry at {index}", origin, min(missing))
    return entries


def _record(store: Store, entry: Found, ext: Ext) -> bytes:
    try:
        return new_record(store.vault.entropy, Op.AMEND, entry.collection, ref=entry.hit.position, ext=ext)
    except AssertionError:
        raise UsageError("the entry would say more than an event can hold") from None
