"""Where the copy for recipients lies in the object store, and what its parts are.

    recipients/<token>/<N>        sealed; the token is random, so that two attempts at a copy are kept apart

Form of a part: for each line collection u16, algorithm u8, and the digest, whose length follows from the algorithm.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from node.errors import MissingObjectError, StoreError
from node.store.store import Store
from protocol.digest import SIZES, Algorithm, Digest
from protocol.errors import MalformedError

Line: TypeAlias = tuple[int, Digest]
"""Collection and digest."""

FOLDER: Final = "recipients/"
PART: Final = 2**15
"""Lines of one sealed object."""
_HEAD: Final = 3


def part_name(token: str, number: int) -> str:
    """The object of one part of a copy, counted from 0."""
    return f"{FOLDER}{token}/{number:06}"


def count_parts(lines: Sequence[Line]) -> int:
    """How many parts a copy of these lines has."""
    return -(-len(lines) // PART)


def sealed_parts(store: Store, token: str, lines: Sequence[Line]) -> Iterator[tuple[str, bytes]]:
    """The objects of a copy."""
    for number in range(count_parts(lines)):
        name = part_name(token, number)
        yield name, store.vault.seal(name, _pack(lines[number * PART : (number + 1) * PART]))


def read_part(store: Store, name: str) -> list[Line]:
    """The lines of one object.

    Raises:
        MissingObjectError: it is not there.
        StoreError: it is damaged.
    """
    return _unpack(store.vault.unseal(name, store.objects.get(name)))


def erase_from_copies(store: Store, is_gone: Callable[[Digest], bool]) -> None:
    """Take digests out of every copy that lies there, also of one that a crash left."""
    for name in list(store.objects.ls(FOLDER)):
        with suppress(MissingObjectError):  # another copy took its place
            store.rewrite(name, lambda data: _pack(line for line in _unpack(data) if not is_gone(line[1])))


def _pack(lines: Iterable[Line]) -> bytes:
    return b"".join(
        collection.to_bytes(2) + digest.algorithm.to_bytes(1) + digest.value for collection, digest in lines
    )


def _unpack(data: bytes) -> list[Line]:
    lines: list[Line] = []
    at = 0
    try:
        while at < len(data):
            algorithm = Algorithm(data[at + 2])
            end = at + _HEAD + SIZES[algorithm]
            lines.append((int.from_bytes(data[at : at + 2]), Digest(algorithm, data[at + _HEAD : end])))
            at = end
    except (ValueError, LookupError, MalformedError):
        raise StoreError(
            "the copy for recipients is damaged", hint="it is laid out again in a minute"
        ) from None
    return lines
