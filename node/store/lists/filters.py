"""Large sets of look-up keys in files: built once, then asked without being read into memory."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from node.store.lists.columns import Keys


class FilterStore(Protocol):
    """Named sets of look-up keys, eight bytes each."""

    def build(self, name: str, chunks: Iterable["Keys"]) -> int:
        """Keep the distinct keys of all chunks under a new name; durable on return. Returns their number."""
        ...

    def load(self, name: str) -> "Keys":
        """The keys, ascending, mapped from the file; raises `MissingObjectError`."""
        ...

    def delete(self, name: str) -> None:
        """Forget a set; nothing happens when it is not there."""
        ...
