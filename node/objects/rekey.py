"""Replacing storage keys: data keys wrapped anew in one transaction, then everything sealed anew in small steps.

Wrapping anew takes a moment, and from it on the old storage key opens nothing in this store. But whoever has that key
and an older copy of the store has the data keys: so new data gets a new one at once, and what is there follows. A step
looks at some objects and values; where it stands is kept, and a copy that changed meanwhile is never written over.
When a whole look through, begun an hour after the key was made, has found nothing sealed with an older one, the older
ones are dropped: by then no process seals with what it read before. See docs/reference/store.md.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile, islice
from typing import Final

from node.errors import MissingObjectError, StoreError
from node.objects.person_requests import VERIFYING, resealed_payload
from node.objects.sealed_names import (
    case_name,
    csrf_name,
    home_copy_name,
    invite_name,
    is_basis,
    is_roster,
    overlay_name,
    passkey_name,
    proposal_name,
    report_name,
    salt_name,
    tripwire_name,
    verifier_name,
)
from node.store.accounts.records import Outcome
from node.store.data_keys import DataKeyRecord, Key, SealedColumn
from node.store.seal import FIRST_STORAGE_KEY, KEY_BYTES, UNNUMBERED, StorageKeys, seal_name, seal_number
from node.store.store import Store
from node.store.unit import Unit
from node.store.vault import unwrap, wrap

SETTLED_MS: Final = 60 * 60 * 1000
STEP: Final = 1000
"""Objects that one step looks at, and values of each column."""

_CURSOR: Final = "sweeps/resealing"
_SEALED: Final = (
    "openings/",
    "pending/",
    "cases/",
    "staging/",
    "reviews/",
    "shapes/",
    "opened/",
    "recipients/",
)

_COLUMNS: Final[tuple[tuple[SealedColumn, Callable[..., str]], ...]] = (
    (SealedColumn("subset", ("name",), "sealed_salt"), salt_name),
    (SealedColumn("hit_report", ("partner", "report_id"), "sealed"), report_name),
    (SealedColumn("partner_case", ("partner", "report_id"), "sealed_dispute"), case_name),
    (SealedColumn("proposal", ("partner", "proposal_id"), "sealed"), proposal_name),
    (SealedColumn("person", ("name",), "verifier"), verifier_name),
    (SealedColumn("passkey", ("person", "credential"), "sealed_key"), passkey_name),
    (SealedColumn("console_session", ("person", "token_hash"), "sealed_csrf"), csrf_name),
    (SealedColumn("invite", ("invite_id",), "sealed_secret"), invite_name),
    (SealedColumn("tripwire", ("key",), "sealed"), tripwire_name),
    (SealedColumn("overlay", ("log_id",), "sealed"), overlay_name),
    (SealedColumn("home_copy", ("number",), "sealed"), home_copy_name),
)
_NOTHING_BEGINS: Final = b"\0"
"""No sealed value does with this."""
_ALL: Final = 2**31 - 1
_REQUEST: Final = SealedColumn("approval", ("id",), "payload")


def is_sealed(name: str) -> bool:
    """Whether the object of that name is sealed."""
    return name.startswith(_SEALED) or is_basis(name) or is_roster(name)


def verify_cells(store: Store) -> Iterator[tuple[str, str]]:
    """Every sealed value of the tables that does not open: what it is called, and why."""
    for column, name_of in _COLUMNS:
        with store.read() as unit:
            found = unit.sealed.older(column, _NOTHING_BEGINS, _ALL)
        for key, value in found:
            try:
                store.vault.unseal(name_of(*key), value)
            except StoreError as exc:
                yield f"{column.table}.{column.column}", str(exc)


def rewrap(store: Store, secrets: StorageKeys, label: str, *, now_ms: int) -> bool:
    """Wrap all data keys with the storage key `label`, and make a new one for new data; False: it was done before."""
    with store.write() as unit:
        records = unit.data_keys.ls()
        if all(each.storage_key == label for each in records):
            return False
        for each in records:
            key = unwrap(secrets(each.storage_key), each.name, each.wrapped)
            unit.data_keys.put(_wrapped(store, each.name, key, label, secrets, each.made_ms))
        number = max(_numbers(records)) + 1
        fresh = store.vault.entropy(KEY_BYTES)
        unit.data_keys.put(_wrapped(store, seal_name(number), fresh, label, secrets, now_ms))
    store.scrub()
    store.vault.reload()
    return True


def storage_keys_in_use(unit: Unit) -> frozenset[str]:
    """Labels of the storage keys that something here still depends on."""
    records = unit.data_keys.ls()
    labels = {each.storage_key for each in records}
    # What was sealed before keys had numbers is sealed with the first storage key itself.
    first = {FIRST_STORAGE_KEY} if UNNUMBERED in _numbers(records) else set()
    return frozenset(labels | first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """What a step did."""

    moved: int = 0
    """Objects and values that were sealed anew."""
    older: int = 0
    """Data keys that are still kept for what was not."""
    stuck: int = 0
    """Objects and values that do not open: the older keys stay as long as they are there."""

    def __add__(self, other: "Resealed") -> "Resealed":
        """What two steps did together; how many older keys are left, the first says."""
        return replace(self, moved=self.moved + other.moved, stuck=self.stuck + other.stuck)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a look through the objects stands."""

    target: int
    began_ms: int
    after: str = ""
    stuck: int = 0


def reseal(store: Store, *, now_ms: int, step: int = STEP) -> Resealed:
    """Seal anew some of what older data keys sealed, and drop those keys when nothing is left.

    Safe to run again at any time, and beside everything else.
    """
    store.vault.reload()
    with store.read() as unit:
        records = unit.data_keys.ls()
    numbers = sorted(_numbers(records))
    older, target = numbers[:-1], numbers[-1]
    if not older:
        return Resealed()
    made_ms = _dated(store, records, target, now_ms)
    cursor = _load(store, target, now_ms)
    cells = _reseal_cells(store, step) + _reseal_requests(store)
    names = list(islice(dropwhile(lambda name: name <= cursor.after, store.objects.ls("")), step))
    moved, stuck = _reseal_objects(store, names)
    cursor = replace(cursor, after=names[-1] if names else cursor.after, stuck=cursor.stuck + stuck)
    report = Resealed(moved=cells.moved + moved, older=len(older), stuck=cells.stuck + cursor.stuck)
    if len(names) == step:
        _save(store, cursor)
        return report
    if cursor.began_ms >= made_ms + SETTLED_MS and not report.stuck and not cells.moved:
        _drop(store, older)
        return replace(report, older=0)
    again = now_ms >= made_ms + SETTLED_MS
    _save(store, _Cursor(target, now_ms) if again else cursor)
    return report


def _reseal_objects(store: Store, names: Sequence[str]) -> tuple[int, int]:
    moved = stuck = 0
    for name in names:
        try:
            data = store.objects.get(name)
            if store.vault.is_older(data):
                new = store.vault.seal(name, store.vault.unseal(name, data))
                moved += store.objects.exchange(name, data, new)
        except MissingObjectError:
            continue
        except StoreError:  # most objects are not sealed, and may begin with any byte
            stuck += is_sealed(name)
    return moved, stuck


def _reseal_cells(store: Store, step: int) -> Resealed:
    moved = stuck = 0
    for column, name_of in _COLUMNS:
        with store.read() as unit:
            found = unit.sealed.older(column, store.vault.newest, step)
        changed: list[tuple[Key, bytes, bytes]] = []
        for key, old in found:
            name = name_of(*key)
            try:
                changed.append((key, old, store.vault.seal(name, store.vault.unseal(name, old))))
            except StoreError:
                stuck += 1
        if changed:
            with store.write() as unit:
                for key, old, new in changed:
                    unit.sealed.exchange(column, key, old, new)
        moved += len(changed)
    return Resealed(moved=moved, stuck=stuck)


def _reseal_requests(store: Store) -> Resealed:
    """What waits for a second person, or was approved and cut off, may hold the verifier of a passphrase."""
    moved = stuck = 0
    with store.read() as unit:
        requests = [
            request
            for request in unit.approvals.ls(Outcome.OPEN, Outcome.APPROVED)
            if request.kind in VERIFYING and request.acted_ms is None
        ]
    for request in requests:
        try:
            new = resealed_payload(request.payload, store.vault)
        except StoreError:
            stuck += 1
            continue
        if new is not None:
            with store.write() as unit:
                unit.sealed.exchange(_REQUEST, (request.id,), request.payload, new)
            moved += 1
    return Resealed(moved=moved, stuck=stuck)


def _drop(store: Store, older: Sequence[int]) -> None:
    store.objects.sweep(wait=True)  # what a killed writer left is sealed anew by nobody
    with store.write() as unit:
        for number in older:
            unit.data_keys.drop(seal_name(number))
    store.scrub()
    store.objects.delete(_CURSOR)
    store.vault.reload()


def _dated(store: Store, records: Sequence[DataKeyRecord], target: int, now_ms: int) -> int:
    """When the newest key was made; one of which that is not known counts as made now."""
    record = next(each for each in records if each.name == seal_name(target))
    if record.made_ms:
        return record.made_ms
    with store.write() as unit:
        unit.data_keys.put(replace(record, made_ms=now_ms))
    return now_ms


def _numbers(records: Sequence[DataKeyRecord]) -> list[int]:
    found = (seal_number(each.name) for each in records)
    return [number for number in found if number is not None]


def _wrapped(
    store: Store, name: str, key: bytes, label: str, secrets: StorageKeys, made_ms: int
) -> DataKeyRecord:
    wrapped = wrap(secrets(label), name, key, store.vault.entropy)
    return DataKeyRecord(name=name, wrapped=wrapped, storage_key=label, made_ms=made_ms)


def _load(store: Store, target: int, now_ms: int) -> _Cursor:
    """Where a look through stands; from the beginning when that is not known, or was for another key."""
    try:
        found = _Cursor(**json.loads(store.objects.get(_CURSOR)))
    except (MissingObjectError, ValueError, TypeError):
        return _Cursor(target, now_ms)
    return found if found.target == target else _Cursor(target, now_ms)


def _save(store: Store, cursor: _Cursor) -> None:
    fields = {name: getattr(cursor, name) for name in ("target", "began_ms", "after", "stuck")}
    store.objects.put(_CURSOR, json.dumps(fields).encode())
