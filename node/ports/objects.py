"""Where the bulk lives: immutable or rewritable blobs by name, durable before the call returns.

Names are relative paths with `/`; what they mean is for `node.objects.logfiles` and the releasing services. An
object is there whole or not at all, whatever kills the process.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from node.errors import StoreError
from protocol.encoding import Octets

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*", re.ASCII)

GiveName: TypeAlias = Callable[[str], None]
"""Makes what is written the object of that name, as `put` does; once."""


def checked(name: str) -> str:
    """A name as it is, where it may be one; raises `StoreError`."""
    if not _NAME.fullmatch(name):
        raise StoreError("an object name of other characters than letters, digits, dots, dashes and slashes")
    return name


class ObjectStore(Protocol):
    """A folder or bucket of named bytes."""

    def prepare(self) -> None:
        """Make sure that what is written will be kept as this says, before anything is.

        Raises:
            StoreDownError: nothing can be written now.
            ConfigError: never will it be kept so.
            StoreLockedError: the objects are another node's.
        """
        ...

    def require_writable(self) -> None:
        """Write something that is no object, and take it away; raises as `prepare`."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Store `data` under `name`, replacing what was there; durable on return."""
        ...

    def put_all(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Store many objects; all are durable on return, in no order before it."""
        ...

    def unnamed(self, pieces: Iterable[Octets]) -> AbstractContextManager[GiveName]:
        """Write these, one behind the other; they are an object once they are given its name, and else nothing."""
        ...

    def exchange(self, name: str, old: bytes, new: bytes) -> bool:
        """Store `new` in place of `old`, durably; False when something else is there by now, or nothing."""
        ...

    def get(self, name: str) -> bytes:
        """The bytes of `name`; raises `MissingObjectError`."""
        ...

    def get_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """The bytes of many, in order; a few names are taken before they are used. Raises as `get`."""
        ...

    def view(self, name: str) -> Octets:
        """The same, mapped where objects are files: for long ones. Raises `MissingObjectError`."""
        ...

    def size(self, name: str) -> int:
        """How many bytes it has; raises `MissingObjectError`."""
        ...

    def exists(self, name: str) -> bool:
        """Whether there is an object of that name."""
        ...

    def delete(self, name: str) -> None:
        """Remove `name`; nothing happens when it is not there."""
        ...

    def ls(self, prefix: str) -> Iterator[str]:
        """Names that start with `prefix`, which is empty or ends with `/`, sorted."""
        ...

    def sweep(self, *, wait: bool = False) -> int:
        """Delete what writers that were killed left of objects that never were; returns how many.

        While somebody writes it may do nothing; with `wait` it does not.
        """
        ...
