"""Replacing the TLS key of an opened node: the next one is pinned already, so that what is left to say is when.

Peers say what they hold, and a key waits for them. Partners say nothing: a new pin is left in the document for a week
before it is served, so that each has fetched it who looks at all. The running node presents it at its next handshake.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from keys.roles import Role
from keys.signer import Signer
from keys.trust.lifecycle import Lineage, Stage, overlap, successor_window
from keys.trust.window import Window
from node.errors import ConflictError
from node.identity.audit import tell
from node.identity.identity import Identity
from node.ports.keyring import RingKey
from node.rotation.progress import Begun, rotation
from node.rotation.rotate import Rotated, advance_keys, require_soon
from node.signing.ring import get_key
from node.store.store import Store

SPREAD: Final = timedelta(days=7)
"""How long a pin is published before its key is served, unless an operator says a date."""
_LINEAGE: Final = Lineage(Role.TLS)
_WAITING: Final = frozenset({Stage.GENERATED, Stage.PUBLISHED})
_MOMENT: Final = timedelta(seconds=1)


def rotate_tls(
    identity: Identity, store: Store, *, at: datetime | None, signers: Callable[[], Sequence[Signer]]
) -> Rotated:
    """Let the next TLS key begin at `at`, by default when it has been published for a week.

    `signers` are asked only where no successor is published yet.

    Raises:
        UsageError: `at` is in the past.
        ConflictError: as many keys are pinned as a document names, and none of them is a successor.
    """
    if at is not None:
        require_soon(identity, at)
    with rotation(identity, _LINEAGE) as begun:
        return _rotated(identity, store, begun, at, signers)


def _rotated(
    identity: Identity,
    store: Store,
    begun: Begun,
    at: datetime | None,
    signers: Callable[[], Sequence[Signer]],
) -> Rotated:
    earlier_try = [key for key in identity.adopt_keys() if begun.name and key.name == begun.name]
    successor = next(iter(earlier_try), None) or _next(identity) or _published(identity, signers)
    begun.note(successor.name)
    start = at or max(identity.clock.now(), successor.since + SPREAD)
    start = max((start.replace(microsecond=0), *_just_after_those_before(identity, successor)))
    if successor.stage in _WAITING:  # else an earlier try came so far
        _begin(identity, successor, start)
    advance_keys(identity, store)
    own = [key for key in identity.ring.read() if key.managed.lineage == _LINEAGE]
    new = get_key(own, successor.name)
    tell(identity, store, "key.schedule", new.name, details={"start": f"{new.managed.valid.start:%Y-%m-%d}"})
    earlier = [key for key in own if key.managed.valid.start < start and key.stage is not Stage.DESTROYED]
    return Rotated(key=new, predecessors=tuple(key for key in earlier if key.name != new.name))


def is_pinned(identity: Identity) -> bool:
    """Whether the trust files pin a successor already, so that nobody has to sign for it."""
    return _next(identity) is not None


def _next(identity: Identity) -> RingKey | None:
    """The first successor that the trust files pin."""
    waiting = [
        key for key in identity.adopt_keys() if key.managed.lineage == _LINEAGE and key.stage in _WAITING
    ]
    return min(waiting, key=lambda key: key.managed.valid.start, default=None)


def _published(identity: Identity, signers: Callable[[], Sequence[Signer]]) -> RingKey:
    identity.trust.revise_document(lambda document: document, signers=signers())
    made = _next(identity)
    if made is None:
        raise ConflictError("no further TLS key can be pinned", hint="see the keys with: sigfed key status")
    return made


def _just_after_those_before(identity: Identity, successor: RingKey) -> Iterator[datetime]:
    """Of keys that begin in one second, none is the younger."""
    for key in identity.ring.read():
        if key.managed.lineage == _LINEAGE and key.stage is Stage.ACTIVE and key.name != successor.name:
            yield key.managed.valid.start + timedelta(seconds=1)


def _begin(identity: Identity, successor: RingKey, start: datetime) -> None:
    """Move the windows: keys before it end when the overlap is over, and those after it follow on without a gap."""
    life = timedelta(days=Role.TLS.info.days)
    end = start + overlap(life)

    def change(keys: tuple[RingKey, ...]) -> Iterable[RingKey]:
        own = [key for key in keys if key.managed.lineage == _LINEAGE]
        moved = {successor.name: Window(start, start + life)}
        for key in sorted(own, key=lambda each: each.managed.valid.start):
            valid = key.managed.valid
            if key.name == successor.name:
                continue
            if key.stage not in _WAITING:
                moved[key.name] = Window(valid.start, max(valid.start + _MOMENT, min(valid.end, end)))
            else:
                follows = successor_window(max(moved.values(), key=lambda each: each.end))
                moved[key.name] = min(valid, follows, key=lambda each: each.start)
        return (_dated(key, moved.get(key.name, key.managed.valid)) for key in keys)

    identity.ring.change(change)


def _dated(key: RingKey, valid: Window) -> RingKey:
    return replace(key, managed=replace(key.managed, valid=valid))
