"""The keys that make a stolen database or object folder list nothing, and what is done with them.

The storage key wraps the data keys and nothing else, and is opened when one of them is first needed. Of these some
seal openings, waiting changes and case data (`sealing`); the index key turns digests into look-up keys, and the
tombstone key those that were shredded into tombstones; the nonce of every sealing is random. Tokens that are kept
nowhere have a key for each purpose, derived from the index key: whoever asks for many of them spends no nonces.
Whoever holds the files and not the storage key learns counts, collections and times, from the table `touch` which
withdrawals call an entry an error and which entries overrule a block: what peers may be told anyway; and from `listed`
which entries are behind which answer of a release. See docs/reference/store.md.
"""

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from typing_extensions import override

from node.clock import Entropy, system_entropy
from node.store.seal import KEY_BYTES, KeySeal, Sealer, SealingKeys
from protocol.digest import SIZES, Algorithm, Digest
from protocol.slices import slices
from protocol.tlog.hasher import HASH_BYTES, HASHLIB, Hasher

if TYPE_CHECKING:
    from node.store.lists.columns import Keys, Positions

LoadHasher: TypeAlias = Callable[[], Hasher]
"""Loads what hashes many values at a time."""


_DRAW_BYTES: Final = 8
_BLOCK: Final = 64
_ID_BYTES: Final = 16
_MANY: Final = 32
"""Values from which on what hashes many at a time is faster."""
_TOKENS: Final = b"\xfftokens"
_FILES: Final = b"\xfffiles"
"""No algorithm has the number of its first byte, so no look-up key is a key of tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Derived:
    inner: Sequence[bytes] = field(repr=False)
    """By algorithm, what its digests are hashed after; likewise `outer`, in the second round."""
    outer: bytes = field(repr=False)
    token: bytes = field(repr=False)
    file: tuple[bytes, bytes] = field(repr=False)
    """What content ids are hashed after, and what the first hash is."""
    tombstone: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LookUpKeys:
    """The data keys that stay what they were when the store was made: 32 bytes each."""

    index: bytes = field(repr=False)
    tombstone: bytes = field(repr=False)

    def __post_init__(self) -> None:
        assert {len(self.index), len(self.tombstone)} == {KEY_BYTES}, "keys of the vault are 32 bytes"


class Vault(Sealer):
    """The data keys of a store, unwrapped once something needs them: who only counts rows needs no storage key.

    `look_up` unwraps those that stay, `load` those that seal; `entropy` makes nonces and random orders, and
    `load_hasher` loads what hashes many values, once there are many. Whatever needs a key raises what the first two
    raise.
    """

    def __init__(
        self,
        load: Callable[[], SealingKeys],
        look_up: Callable[[], LookUpKeys],
        entropy: Entropy,
        load_hasher: LoadHasher = lambda: HASHLIB,
    ) -> None:
        super().__init__(load, entropy)
        self._look_up = look_up
        self._load_hasher = load_hasher

    def unlock(self) -> None:
        """Unwrap the keys now: a wrong passphrase is told before anything is begun."""
        _ = self._derived, self.newest  # kept for the process

    @cached_property
    def _derived(self) -> _Derived:
        keys = self._look_up()
        file = hmac.digest(keys.index, _FILES, "sha256")
        return _Derived(
            inner=[_padded(keys.index, 0x36) + bytes((a,)) for a in range(1 + max(Algorithm))],
            outer=_padded(keys.index, 0x5C),
            token=hmac.digest(keys.index, _TOKENS, "sha256"),
            file=(_padded(file, 0x36), _padded(file, 0x5C)),
            tombstone=keys.tombstone,
        )

    @cached_property
    def hasher(self) -> Hasher:
        """What hashes many values at a time."""
        return self._load_hasher()

    @override
    def __repr__(self) -> str:
        return "<Vault>"

    def key_of(self, digest: Digest) -> int:
        """The look-up key of one digest."""
        return int(self.keys_of([digest])[0])

    def keys_of(self, digests: Iterable[Digest]) -> "Keys":
        """The look-up keys of many digests, in their order."""
        return self._macs(digests)[:, 0]

    def wide_keys_of(self, digests: Iterable[Digest]) -> list[tuple[int, int]]:
        """The look-up key of each digest and the eight bytes that follow: no two digests have the same sixteen."""
        return [(key, rest) for key, rest in self.names_of(digests).tolist()]

    def names_of(self, digests: Iterable[Digest]) -> "Keys":
        """The same as a row of two integers for each digest."""
        return self._macs(digests)[:, :2].copy()

    def keys_of_values(self, algorithm: int, values: bytes) -> "Keys":
        """The look-up keys of digests of one algorithm, whose values are joined."""
        return self._macs_of(algorithm, values)[:, 0]

    def _macs(self, digests: Iterable[Digest]) -> "Keys":
        """A row of four signed integers for each digest."""
        import numpy as np  # noqa: PLC0415 - what looks nothing up starts without it

        rows = list(digests)
        algorithms = np.array([digest.algorithm for digest in rows], dtype=np.int8)
        found = np.empty((len(rows), 4), dtype=np.int64)
        for algorithm in np.unique(algorithms).tolist():
            values = b"".join([digest.value for digest in rows if digest.algorithm == algorithm])
            found[algorithms == algorithm] = self._macs_of(algorithm, values)
        return found

    def _macs_of(self, algorithm: int, values: bytes) -> "Keys":
        """The same of digests of one algorithm: HMAC as RFC 2104 spells it out, two rounds of SHA-256."""
        import numpy as np  # noqa: PLC0415 - what looks nothing up starts without it

        size = SIZES[Algorithm(algorithm)]
        hasher = self._hasher_of(len(values) // size)
        inner = hasher.each(self._derived.inner[algorithm], values, size)
        macs = hasher.each(self._derived.outer, inner, HASH_BYTES)
        return np.frombuffer(macs, dtype=">i8").reshape(-1, 4).astype(np.int64)

    def file_key_of(self, content_id: bytes) -> int:
        """What stands for a content id in the tables: eight bytes of a keyed hash, as a signed integer."""
        return self.file_keys_of([content_id])[0]

    def file_keys_of(self, content_ids: Sequence[bytes]) -> Sequence[int]:
        """The same of many content ids, 16 bytes each, in their order."""
        hasher, (inner, outer) = self._hasher_of(len(content_ids)), self._derived.file
        macs = hasher.each(outer, hasher.each(inner, b"".join(content_ids), _ID_BYTES), HASH_BYTES)
        return [int.from_bytes(mac[:8], signed=True) for mac in slices(macs, HASH_BYTES)]

    def _hasher_of(self, count: int) -> Hasher:
        """A few values are hashed before the hasher for many is loaded."""
        return self.hasher if count >= _MANY else HASHLIB

    def random_order(self, count: int) -> "Positions":
        """Each number below `count` once, in an order that nobody can guess."""
        import numpy as np  # noqa: PLC0415 - what looks nothing up starts without it

        drawn = np.frombuffer(self.entropy(_DRAW_BYTES * count), dtype=np.uint64)
        return np.argsort(drawn, kind="stable")

    def tombstone_of(self, digest: Digest) -> bytes:
        """The tombstone of a digest: HMAC-SHA-256(tombstone key, algorithm ‖ digest), 32 bytes."""
        return hmac.digest(self._derived.tombstone, bytes((digest.algorithm,)) + digest.value, "sha256")

    def mac(self, purpose: str, data: bytes) -> bytes:
        """HMAC-SHA-256 of `data`, 32 bytes, under a key that is derived for this purpose alone."""
        return hmac.digest(hmac.digest(self._derived.token, purpose.encode(), "sha256"), data, "sha256")


def wrap(storage_key: bytes, name: str, data_key: bytes, entropy: Entropy) -> bytes:
    """A data key sealed with the storage key."""
    return KeySeal(storage_key, entropy).seal(f"data-key/{name}", data_key)


def unwrap(storage_key: bytes, name: str, wrapped: bytes) -> bytes:
    """The data key that `wrap` sealed; raises `StoreError` when this is not its storage key."""
    return KeySeal(storage_key, system_entropy).unseal(f"data-key/{name}", wrapped)


def _padded(key: bytes, pad: int) -> bytes:
    return bytes(byte ^ pad for byte in key.ljust(_BLOCK, b"\0"))
