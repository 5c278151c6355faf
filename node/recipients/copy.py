"""The one copy of raw digests from which all recipients are served: what is in it, and until when it may be served.

In it is what this agency lists itself and what is effective now by the rule of releases, so whatever was withdrawn,
disputed, shredded or set aside is not. What other agencies opened to this one is not handed on. It lies sealed among
the objects, in the order of the digests. It may be served exactly as long as its basis is that of the store: as soon as
a list moves it may not, until it is laid out again. Who gets what of it is for `node.recipients.service` to say.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from threading import Lock
from typing import Final

from keys.trust.members import Members
from node.clock import Clock, milliseconds
from node.cycles import acyclic
from node.errors import ConflictError, ListTooOldError, MissingObjectError, StoreError
from node.judgement.effective import judge_all
from node.judgement.premises import Premises
from node.lists.guards import Guards
from node.objects.recipient_files import FOLDER, Line, count_parts, part_name, read_part, sealed_parts
from node.store.partners.records import SnapshotRecord
from node.store.store import Store
from node.store.unit import Unit
from node.subsets.grounds import Grounds
from node.subsets.holdings import held_here
from protocol.lists.event import PRIVATE_FROM
from protocol.subset.canary import CANARIES

ATTEMPTS: Final = 5
"""How often lists may move under a copy before it gives up."""
_NAME_BYTES: Final = 16


class RecipientCopy:
    """The copy of one node; `max_age` is how old a peer's fresh list may be."""

    def __init__(
        self, store: Store, clock: Clock, members: Callable[[], Members], *, max_age: timedelta
    ) -> None:
        self._store = store
        self._clock = clock
        self._members = members
        self._max_age = max_age
        self._one_at_a_time = Lock()

    def refresh(self) -> SnapshotRecord:
        """Lay the copy out again if the lists say something else by now.

        Raises:
            ConflictError: the lists would not stand still; running again goes on.
            StoreError: the copy that is there is damaged; it is not served any more.
        """
        with self._one_at_a_time:
            for _ in range(ATTEMPTS):
                found = self._refresh()
                if found is not None:
                    return found
        raise ConflictError("the lists kept changing", hint="it is tried again in a minute")

    def discard(self) -> None:
        """Serve nothing, and delete every copy."""
        with self._one_at_a_time:
            with self._store.read() as unit:
                held = unit.recipient_snapshot.find()
            if held is not None:
                self._drop()
            self._tidy(None)

    def standing(self) -> SnapshotRecord:
        """The copy that may be served now; raises `ListTooOldError` when there is none."""
        with self._store.read() as unit:
            held = unit.recipient_snapshot.find()
            if held is not None and held.basis == self._basis(unit):
                return held
        raise ListTooOldError("the lists have changed, and the copy is being laid out again")

    def part(self, held: SnapshotRecord, number: int) -> Sequence[Line]:
        """The lines of one part, in the order of the digests.

        Raises:
            MissingObjectError: another copy took the place of this one.
            StoreError: it is damaged.
        """
        return read_part(self._store, part_name(held.token, number))

    def _refresh(self) -> SnapshotRecord | None:
        """The copy as it must be; None when a list moved while it was made."""
        with self._store.read() as unit:
            held, basis = unit.recipient_snapshot.find(), self._basis(unit)
        self._tidy(held)
        if held is not None and held.basis == basis and self._is_whole(held):
            return held
        before = self._lines_of(held)
        try:
            lines = self._judge(frozenset(before) if held else None)
        except MissingObjectError:  # a wider bundle took the place of the one that was read
            with self._store.read() as unit:
                if self._basis(unit) == basis:
                    raise
            return None
        if held is not None and held.digests == len(before) and lines == before:
            return self._claim(held, replace(held, basis=basis), [])
        made = SnapshotRecord(
            token=self._random_name(),
            tag=self._random_name(),
            parts=count_parts(lines),
            digests=len(lines),
            basis=basis,
            made_ms=milliseconds(self._clock.now()),
        )
        return self._claim(held, made, lines)

    def _is_whole(self, held: SnapshotRecord) -> bool:
        names = (part_name(held.token, number) for number in range(held.parts))
        return all(map(self._store.objects.exists, names))

    def _lines_of(self, held: SnapshotRecord | None) -> list[Line]:
        if held is None:
            return []
        try:
            return [line for number in range(held.parts) for line in self.part(held, number)]
        except MissingObjectError:
            return []
        except StoreError:
            self._drop()
            raise

    def _drop(self) -> None:
        with self._store.write() as unit:
            unit.recipient_snapshot.drop()

    def _judge(self, previous: frozenset[Line] | None) -> list[Line]:
        members = self._members()
        judged = judge_all(
            self._store, members, now=self._clock.now(), max_age=self._max_age, previous=previous
        )
        found: set[Line] = set()
        with acyclic():
            for share in judged.shares:
                own = held_here(judged.premises.heads, share.listings, members)
                found |= {
                    (collection, each)
                    for collection, digest in share.effective
                    if collection < PRIVATE_FROM and (collection, digest) in own
                    for each in share.each(digest)
                    if each not in CANARIES
                }
        tripped = Guards(self._store).tripped({digest for _, digest in found})
        return sorted((line for line in found if line[1] not in tripped), key=lambda line: line[::-1])

    def _claim(
        self, held: SnapshotRecord | None, made: SnapshotRecord, lines: Sequence[Line]
    ) -> SnapshotRecord | None:
        """Store the parts and let them take the place of `held`; None when something moved since it was read."""
        self._store.objects.put_all(sealed_parts(self._store, made.token, lines))
        with self._store.write() as unit:
            stands = unit.recipient_snapshot.find() == held and self._basis(unit) == made.basis
            if stands:
                unit.recipient_snapshot.put(made)
        self._tidy(made if stands else held)
        return made if stands else None

    def _tidy(self, keep: SnapshotRecord | None) -> None:
        """Delete the parts of all other copies, those too that a crash left."""
        for name in list(self._store.objects.ls(FOLDER)):
            if keep is None or not name.startswith(f"{FOLDER}{keep.token}/"):
                self._store.objects.delete(name)

    def _basis(self, unit: Unit) -> bytes:
        """Everything that the content follows from, the register and whose lists are fresh included."""
        grounds, premises = Grounds.of(unit), Premises.of(unit)
        said = (
            self._members().sha256,
            sorted(grounds.sizes.items()),
            sorted(grounds.reopened.items()),
            sorted(grounds.overlays),
            sorted(grounds.set_aside),
            sorted(grounds.tombstones),
            sorted(grounds.tripwires),
            sorted(premises.fresh(now=self._clock.now(), max_age=self._max_age)),
            sorted((ref.origin, ref.index) for ref in premises.released),
            sorted(premises.revoked.items()),
        )
        return sha256(repr(said).encode()).digest()

    def _random_name(self) -> str:
        return self._store.vault.entropy(_NAME_BYTES).hex()
