"""Sealing with numbered data keys: new data gets the newest, older ones open what was not sealed anew yet.

Another process may make a newer key at any time, and drop an old one once nothing is sealed with it. So the keys are
looked at again every half minute, and when a number turns up that is not known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from struct import Struct
from time import monotonic
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.clock import Entropy
from node.errors import StoreError

KEY_BYTES: Final = 32
UNNUMBERED: Final = 0
"""Of the key that sealed data of version 1, which names none: the node's first storage key itself."""
FRESH_SECONDS: Final = 30
FIRST_STORAGE_KEY: Final = "1"

StorageKeys = Callable[[str], bytes]
"""The storage key (32 bytes) of a label."""

_NONCE_BYTES: Final = 12
_UNNUMBERED: Final = b"\x01"
_NUMBERED: Final = b"\x02"
_HEAD: Final = Struct(">cI")
_SEAL: Final = "seal-"


class KeySeal:
    """Seals and opens with one key of 32 bytes; `entropy` makes nonces."""

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        self._cipher = AESGCM(key)
        self._entropy = entropy

    def seal(self, name: str, data: bytes) -> bytes:
        """Version byte, nonce, AES-256-GCM with version and `name` beside it."""
        nonce = self._entropy(_NONCE_BYTES)
        return _UNNUMBERED + nonce + self._cipher.encrypt(nonce, data, _UNNUMBERED + name.encode())

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """The data that was sealed under `name`; raises `StoreError`."""
        if sealed[:1] != _UNNUMBERED:
            raise _unknown_form(name)
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, _UNNUMBERED + name.encode())
        except (InvalidTag, ValueError):
            raise StoreError(
                "{name} does not open with this storage key, or was altered",
                name,
                hint="use the storage key of this node, or restore the object from a backup",
            ) from None


@dataclass(frozen=True, slots=True)
class SealingKeys:
    """The keys there are, by number."""

    keys: Mapping[int, bytes] = field(repr=False)
    """32 bytes each; at least one."""

    @property
    def newest(self) -> int:
        """The number of the key that seals new data."""
        return max(self.keys)


@dataclass(frozen=True, slots=True)
class _Held:
    """The keys as they were loaded."""

    newest: int
    ciphers: Mapping[int, AESGCM]
    since: float


class Sealer:
    """Seals and opens with the keys that `load` gives, once something needs them. Threads may share it.

    `entropy` makes nonces.
    """

    def __init__(
        self, load: Callable[[], SealingKeys], entropy: Entropy, *, seconds: Callable[[], float] = monotonic
    ) -> None:
        self._load = load
        self.entropy = entropy
        self._seconds = seconds
        self._loaded: _Held | None = None

    def reload(self) -> _Held:
        """Look at the keys again: another process may have changed them."""
        keys = self._load()
        ciphers = {number: AESGCM(key) for number, key in keys.keys.items()}
        self._loaded = _Held(keys.newest, ciphers, self._seconds())
        return self._loaded

    @property
    def _held(self) -> _Held:
        return self._loaded or self.reload()

    @property
    def newest(self) -> bytes:
        """How everything begins that is sealed with the newest key."""
        return _HEAD.pack(_NUMBERED, self._held.newest)

    def is_older(self, data: bytes) -> bool:
        """Whether data looks as if an older key had sealed it."""
        number = _number(data)
        return number is not None and number < self._held.newest

    def seal(self, name: str, data: bytes) -> bytes:
        """Version byte, number of the key (u32), nonce, AES-256-GCM with version, number and `name` beside it.

        So no sealed object can stand in for another.
        """
        held = self._held
        if self._seconds() - held.since > FRESH_SECONDS:
            held = self.reload()
        head, nonce = _HEAD.pack(_NUMBERED, held.newest), self.entropy(_NONCE_BYTES)
        return head + nonce + held.ciphers[held.newest].encrypt(nonce, data, head + name.encode())

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """The data that was sealed under `name`; raises `StoreError` for another key or name, or altered bytes."""
        number = _number(sealed)
        if number is None:
            raise _unknown_form(name)
        held = self._held
        if number not in held.ciphers:
            held = self.reload()
        head = _UNNUMBERED if sealed[:1] == _UNNUMBERED else sealed[: _HEAD.size]
        nonce, rest = sealed[len(head) : len(head) + _NONCE_BYTES], sealed[len(head) + _NONCE_BYTES :]
        try:
            return held.ciphers[number].decrypt(nonce, rest, head + name.encode())
        except (InvalidTag, ValueError, KeyError):
            raise StoreError(
                "{name} does not open with the keys of this store, or was altered",
                name,
                hint="use the storage key of this node, or restore the object from a backup",
            ) from None


def _unknown_form(name: str) -> StoreError:
    return StoreError("{name} is sealed in an unknown form", name, hint="was it written by a newer version?")


def _number(data: bytes) -> int | None:
    """The number of the key that sealed data of this form; None for another form."""
    if data[:1] == _UNNUMBERED:
        return UNNUMBERED
    if data[:1] != _NUMBERED or len(data) < _HEAD.size:
        return None
    return int(_HEAD.unpack_from(data)[1])


def seal_name(number: int) -> str:
    """What the data key that seals with this number is called."""
    return f"{_SEAL}{number}"


def seal_number(name: str) -> int | None:
    """The number of a data key that seals; None for another one."""
    return int(name.removeprefix(_SEAL)) if name.startswith(_SEAL) else None
