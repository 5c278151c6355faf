"""Storage keys of an opened node: the next one made, the store wrapped with it, the ring told, while the node runs.

Each step may be repeated: a key file that was made and not used yet is used, wrapping is one transaction, and what it
leaves to do a running node does in small steps.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from keys.roles import Role
from keys.trust.lifecycle import Lineage, Stage
from keys.trust.window import Window
from node.clock import milliseconds
from node.identity.audit import tell
from node.identity.identity import Identity
from node.identity.keyring import new_label
from node.objects.rekey import Resealed, reseal, rewrap
from node.ports.keyring import RingKey
from node.rotation.progress import rotation
from node.rotation.rotate import Rotated, advance_keys
from node.store.store import Store

_KEPT = timedelta(hours=1)
"""How long the key before counts: processes that began before open the store with it."""
_LINEAGE = Lineage(Role.STORAGE)


def rotate_storage(identity: Identity, store: Store) -> Rotated:
    """Wrap the data keys with a new storage key, and let a new data key seal from now on."""
    with rotation(identity, _LINEAGE):  # of two at once the first would end the key of the second
        return _rotated(identity, store)


def _rotated(identity: Identity, store: Store) -> Rotated:
    keychain, now = identity.keychain, identity.clock.now()
    label = _unused(identity, store)
    if label is None:
        label = new_label(keychain, identity.ring, _LINEAGE)
        keychain.create_secret(Role.STORAGE, label)
        tell(identity, store, "key.create", f"storage-{label}", details={"role": Role.STORAGE})
    identity.adopt_keys()
    rewrap(store, lambda of: keychain.secret(Role.STORAGE, of), label, now_ms=milliseconds(now))

    def end_others(keys: tuple[RingKey, ...]) -> Iterable[RingKey]:
        for key in keys:
            ends = key.role is Role.STORAGE and key.label != label
            yield _ending(key, identity) if ends else key

    identity.ring.change(end_others)
    advance_keys(identity, store)
    own = [key for key in identity.ring.read() if key.role is Role.STORAGE]
    new = next(key for key in own if key.label == label)
    return Rotated(
        key=new, predecessors=tuple(key for key in own if key is not new and key.stage is not Stage.DESTROYED)
    )


def reseal_some(identity: Identity, store: Store) -> Resealed:
    """Seal anew some of what older data keys sealed."""
    done = reseal(store, now_ms=identity.now_ms)
    if done.moved and not done.older:
        tell(identity, store, "store.resealed")
    return done


def _unused(identity: Identity, store: Store) -> str | None:
    """A storage key that was made by an earlier try and wraps nothing yet."""
    with store.read() as unit:
        used = {each.storage_key for each in unit.data_keys.ls()}
    newest = max(identity.keychain.labels(Role.STORAGE), key=int)
    return newest if int(newest) > max(map(int, used)) else None


def _ending(key: RingKey, identity: Identity) -> RingKey:
    valid, end = key.managed.valid, identity.clock.now().replace(microsecond=0) + _KEPT
    if valid.end <= end or valid.start >= end:
        return key
    return replace(key, managed=replace(key.managed, valid=Window(valid.start, end)))
