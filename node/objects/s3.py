"""Objects in a bucket of an S3 store.

A PUT is whole or not at all, and as durable as the store's answer to it; no upload in parts is ever begun, so a writer
that is killed leaves nothing behind. What is written in place of what was read must not have been changed by somebody
else meanwhile: that takes a store that compares (`If-None-Match`, `If-Match`). One that takes such a request and does
not compare loses writes without a word, so each process that writes has it refuse two of them first.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from node.errors import (
    AlreadyExistsError,
    ConfigError,
    MissingObjectError,
    StoreDownError,
    StoreLockedError,
    SupersededError,
)
from node.objects.bucket import Bucket
from node.ports.objects import GiveName, checked
from protocol.encoding import Octets
from protocol.slices import batches

_OWNER: Final = ".owner"
"""Says whose the objects are. No object has a name that begins with a dot."""
_OF_ITS_OWN: Final = "take another prefix: the objects of each node are below one of its own"
_NO_MARK: Final = f'"{"0" * 32}"'
_CHUNK: Final = 64
_AT_ONCE: Final = 16
_TRIES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose objects they are."""

    node: str
    home: str = ""
    """What names its folder and no copy of it: two databases may have the same node in them."""
    place: str = ""
    """Says to people where that is."""


class S3Objects:
    """The object store in a bucket. Nothing is asked of it before it is used."""

    def __init__(self, bucket: Bucket, owner: Owner) -> None:
        self._bucket = bucket
        self._owner = owner

    def prepare(self) -> None:
        """Make sure, once in a process, that what is written here is compared, and is this node's.

        Raises:
            StoreDownError: the store cannot be reached, or takes nothing.
            ConfigError: it does not compare, or keeps what is deleted.
            StoreLockedError: the objects are another node's.
        """
        _prepare(self._bucket, self._owner)

    def require_writable(self) -> None:
        """As `prepare`, also where that was done before: the store may have been changed since."""
        _prove(self._bucket, self._owner)

    def claim(self, *, begun: bool = False) -> None:
        """Begin to keep objects here, or go on: then what is here is what this home wrote.

        Raises:
            AlreadyExistsError: somebody's objects are here.
            StoreLockedError: the objects are another home's, or, of what has `begun`, nobody's.
            StoreDownError, ConfigError: as `prepare`.
        """
        self.require_own()
        if begun and self._bucket.get(_OWNER) is None:
            raise StoreLockedError(
                "{bucket} is not where the move began", str(self._bucket), hint="see --endpoint, and AWS_"
            )
        if not begun and self.marks():
            raise AlreadyExistsError("there are objects in {bucket}", str(self._bucket), hint=_OF_ITS_OWN)
        self.prepare()

    def require_own(self) -> None:
        """Look whether the objects are still this node's; raises `StoreLockedError`."""
        found = self._bucket.get(_OWNER)
        if found is not None:
            _require_own(found[0], self._owner)

    def take_over(self) -> None:
        """Say that the objects are this home's from now on; raises `StoreLockedError` where they are another node's."""
        data = _owner_bytes(self._owner)
        for _ in range(_TRIES):
            found = self._bucket.get(_OWNER)
            if found is None:
                if self._bucket.create(_OWNER, data):
                    return
                continue
            node, _, place = _read_owner(found[0])
            if node != self._owner.node:
                raise _elsewhere(place or node, hint=_OF_ITS_OWN)
            if found[0] == data or self._bucket.replace(_OWNER, found[1], data):
                return
        raise _too_many()

    def put(self, name: str, data: bytes) -> None:
        """Store `data` under `name`, replacing what was there; durable on return."""
        self.put_all([(name, data)])

    def put_all(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Store many objects, some at a time; all are durable on return."""
        for chunk in batches(((checked(name), data) for name, data in items), _CHUNK):
            self.prepare()
            with ThreadPoolExecutor(min(_AT_ONCE, len(chunk))) as pool:
                list(pool.map(lambda item: self._bucket.put(*item), chunk))

    @contextmanager
    def unnamed(self, pieces: Iterable[Octets]) -> Iterator[GiveName]:
        """Hold these, one behind the other, in memory: they are sent when they are given a name."""
        data = b"".join(pieces)
        yield lambda name: self.put(name, data)

    def exchange(self, name: str, old: bytes, new: bytes) -> bool:
        """Store `new` in place of `old`, durably; False when something else is there by now, or nothing."""
        self.prepare()
        found = self._bucket.get(checked(name))
        if found is None or found[0] != old:
            return False
        return self._bucket.replace(name, found[1], new)

    def sweep(self, *, wait: bool = False) -> int:
        """Delete nothing: there are no objects that are half written."""
        del wait
        return 0

    def get(self, name: str) -> bytes:
        """The bytes of `name`; raises `MissingObjectError`."""
        found = self._bucket.get(checked(name))
        if found is None:
            raise _missing(name)
        return found[0]

    def get_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """The bytes of many, in order, of which some are on their way at once; raises as `get`."""
        stream = iter(names)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            coming = deque(pool.submit(self.get, name) for name in islice(stream, _AT_ONCE))
            try:
                while coming:
                    yield coming.popleft().result()
                    coming.extend(pool.submit(self.get, name) for name in islice(stream, 1))
            finally:  # who asked may want no more of it
                for each in coming:
                    each.cancel()

    def view(self, name: str) -> Octets:
        """The same."""
        return self.get(name)

    def size(self, name: str) -> int:
        """How many bytes it has; raises as `get`."""
        size = self._bucket.size(checked(name))
        if size is None:
            raise _missing(name)
        return size

    def exists(self, name: str) -> bool:
        """Whether there is an object of that name."""
        return self._bucket.size(checked(name)) is not None

    def delete(self, name: str) -> None:
        """Remove `name`; nothing happens when it is not there."""
        self.prepare()
        self._bucket.delete(checked(name))

    def ls(self, prefix: str) -> Iterator[str]:
        """Names that start with `prefix`, which is empty or ends with `/`, sorted."""
        return iter(sorted(self.marks(prefix)))

    def marks(self, prefix: str = "") -> dict[str, str]:
        """By the name of each object, what changes when it does."""
        assert not prefix or prefix.endswith("/"), "a prefix is a folder"
        found = self._bucket.marks(prefix and checked(prefix.rstrip("/")))
        # Somebody's prefix may begin with another's.
        others = tuple(name.removesuffix(_OWNER) for name in found if name.endswith(f"/{_OWNER}"))
        return {name: mark for name, mark in found.items() if name != _OWNER and not name.startswith(others)}


@lru_cache(maxsize=16)
def _prepare(bucket: Bucket, owner: Owner) -> None:
    _prove(bucket, owner)


def _prove(bucket: Bucket, owner: Owner) -> None:
    data, before = _owner_bytes(owner), ""
    for _ in range(_TRIES):
        found = bucket.get(_OWNER)
        if found is None:
            bucket.create(_OWNER, data)
            continue
        held, mark = found
        if not _require_own(held, owner):
            bucket.replace(_OWNER, mark, data)
            continue
        if mark in {"", before}:  # nobody else wrote it, and it was refused all the same
            raise _not_compared("If-Match")
        if _heeds(bucket, held, mark):
            return
        before = mark
    raise _too_many()


def _heeds(bucket: Bucket, held: bytes, mark: str) -> bool:
    """Whether the store compares; False when another process asked it the same just now. Raises `ConfigError`."""
    # The same bytes: where they are written after all, nothing is lost.
    if bucket.create(_OWNER, held):
        raise _not_compared("If-None-Match")
    if bucket.replace(_OWNER, _NO_MARK, held):
        raise _not_compared("If-Match")
    kept = bucket.keeps_versions(_OWNER, mark, held)
    if kept:
        raise ConfigError(
            "this bucket keeps every version of an object, so that nothing in it is ever deleted",
            hint="what is shredded must be gone: take a bucket without versions, in store.objects",
        )
    return kept is False


def _require_own(held: bytes, owner: Owner) -> bool:
    """Refuse what is another's; False of a node's own that names no folder, as earlier versions wrote it."""
    node, home, place = _read_owner(held)
    if node != owner.node:
        raise _elsewhere(place or node, hint=_OF_ITS_OWN)
    if home not in {"", owner.home}:
        raise _elsewhere(
            place or node,
            hint="use that one, or take another prefix, in store.objects. If the node moves here: stop it there,"
            " then here sigfed backup finish",
        )
    return home == owner.home


def _read_owner(held: bytes) -> tuple[str, str, str]:
    try:
        fields = json.loads(held)
        return str(fields["node"]), str(fields["home"]), str(fields["place"])
    except (ValueError, LookupError, TypeError):
        raise StoreLockedError(
            "what says whose objects these are is damaged", hint="see who writes to this bucket"
        ) from None


def _elsewhere(place: str, *, hint: str) -> SupersededError:
    return SupersededError("the objects in this bucket belong to another folder: {place}", place, hint=hint)


def _missing(name: str) -> MissingObjectError:
    return MissingObjectError(
        "object {name} is missing",
        name,
        hint="put it back from a copy of the bucket; or restore a backup into a new home",
    )


def _too_many() -> StoreDownError:
    return StoreDownError("too many commands begin at once", hint="run the command again")


def _owner_bytes(owner: Owner) -> bytes:
    return json.dumps({"node": owner.node, "home": owner.home, "place": owner.place}).encode()


def _not_compared(header: str) -> ConfigError:
    return ConfigError(
        "this object store does not heed {header}: what two write at once would be lost",
        header,
        hint="take one that does, in store.objects; nothing of the node was written to it",
    )
