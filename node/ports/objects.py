"""Where the bulk lives: immutable or rewritable blobs by name, durable before the call returns.

Names are relative paths with `/`; what they mean is for `node.objects.logfiles` and the releasing services. An
object is there whole or not at all, whatever kills the process.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol


class ObjectStore(Protocol):
    """A folder or bucket of named bytes."""

    def put(self, name: str, data: bytes) -> None:
        """Store `data` under `name`, replacing what was there; durable on return."""
        ...

    def put_all(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Store many objects; all are durable on return, in no order before it."""
        ...

    def exchange(self, name: str, old: bytes, new: bytes) -> bool:
        """Store `new` in place of `old`, durably; False when something else is there by now, or nothing."""
        ...

    def get(self, name: str) -> bytes:
        """The bytes of `name`; raises `MissingObjectError`."""
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
