"""Taking into the key ring what key files and trust files say: new keys, when they count, and who may know them.

The signed files are the truth about windows; the ring remembers where each key is in its life. The first key of a
lineage begins at once, because nobody can be surprised by it; its successors go through the gate of
`keys.trust.lifecycle`. A key that was taken back signs no more, also where the ring came out of a backup of before. A
key file that nothing names is left alone: a revision was cut off before it was signed.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from keys.roles import Role
from keys.trust.lifecycle import KNOWN_TO_NOBODY, Lineage, ManagedKey, Stage, successor_window
from keys.trust.listed_keys import ListedKey
from keys.trust.revocations import Reason, Revocation, Revocations
from keys.trust.window import Window
from node.ports.keyring import RingKey
from node.trust.own import window

_GONE: Final = frozenset({Stage.DESTROYED, Stage.REVOKED, Stage.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """A key file, as it is known without its passphrase."""

    role: Role
    label: str
    kid: str
    public: str = ""


def adopt(
    ring: tuple[RingKey, ...],
    files: Iterable[KeyFile],
    listed: Iterable[ListedKey],
    *,
    revoked: Revocations,
    serial: int,
    now: datetime,
) -> tuple[RingKey, ...]:
    """The ring with every key that the trust files of node document `serial` name, or that nobody needs to name."""
    named = {key.kid: key for key in listed}
    taken_back = {(each.role, each.kid): each for each in revoked.entries}
    ring = tuple(_taken_back(key, taken_back.get((key.role, key.managed.kid))) for key in ring)
    files = tuple(files)
    there = {file.kid for file in files} | named.keys()
    known = tuple(
        _dated(key, named.get(key.managed.kid), serial) if key.managed.kid in there else _gone(key, now)
        for key in ring
    )
    return (*known, *_new(known, files, named, serial=serial, now=now))


def as_listed(ring: Iterable[RingKey], listed: Container[str]) -> tuple[RingKey, ...]:
    """The ring as others see it: what the trust files name is published, also where nobody took that step yet."""

    def seen(key: RingKey) -> RingKey:
        if key.stage is Stage.GENERATED and key.managed.kid in listed:
            return replace(key, managed=replace(key.managed, stage=Stage.PUBLISHED))
        return key

    return tuple(map(seen, ring))


def _gone(key: RingKey, now: datetime) -> RingKey:
    """A key that the root named: with a next root it is replaced, and its key file destroyed, in one sitting."""
    if key.role in {Role.SNAPSHOT, Role.TIMESTAMP} and key.stage not in _GONE:
        return key.entering(Stage.DESTROYED, now.replace(microsecond=0))
    return key


def _taken_back(key: RingKey, said: Revocation | None) -> RingKey:
    if said is None or key.stage in _GONE:
        return key
    return key.entering(Stage.LOST if said.reason is Reason.LOST else Stage.REVOKED, said.time)


def _dated(key: RingKey, listed: ListedKey | None, serial: int) -> RingKey:
    """What a newer document says of a key: since when it is listed, and until when it counts."""
    if listed is None or key.stage in _GONE:
        return key
    valid = listed.valid or key.managed.valid
    if listed.ends is not None:
        valid = Window(valid.start, listed.ends)
    return replace(key, managed=replace(key.managed, valid=valid), serial=key.serial or serial)


def _new(
    ring: Iterable[RingKey],
    files: Iterable[KeyFile],
    named: Mapping[str, ListedKey],
    *,
    serial: int,
    now: datetime,
) -> Iterator[RingKey]:
    ring = tuple(ring)
    kids = {key.managed.kid for key in ring}
    lineages = {key.managed.lineage: key.managed.valid for key in ring}
    for file in sorted(files, key=lambda each: (each.role, len(each.label), each.label)):
        listed = named.get(file.kid)
        if file.kid in kids or (listed is None and file.role not in KNOWN_TO_NOBODY):
            continue
        managed = _managed(file, listed, now, lineages)
        if managed.lineage not in lineages and managed.valid.covers(now):
            managed = replace(managed, stage=Stage.ACTIVE)
        lineages[managed.lineage] = managed.valid
        since = now.replace(microsecond=0)
        yield RingKey(
            managed=managed, label=file.label, public=file.public, since=since, serial=serial if listed else 0
        )


def _managed(
    file: KeyFile, listed: ListedKey | None, now: datetime, last: Mapping[Lineage, Window]
) -> ManagedKey:
    """The key with its window; a pin has none in the document, so each TLS key follows the `last` one before it."""
    if listed is None:
        return ManagedKey(file.kid, Lineage(file.role), window(now, file.role.info.days))
    valid = listed.valid or window(now, file.role.info.days)
    if file.role is Role.TLS and listed.lineage in last:
        valid = max(valid, successor_window(last[listed.lineage]), key=lambda each: each.start)
    if listed.ends is not None:
        valid = Window(min(valid.start, listed.ends - timedelta(seconds=1)), listed.ends)
    return ManagedKey(file.kid, listed.lineage, valid)
