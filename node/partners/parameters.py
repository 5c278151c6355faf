"""What a partner names when it asks: a subset that it may ask, and the id of something that it sent before."""

from collections.abc import Collection

from node.errors import NotFoundError
from protocol.errors import MalformedError


def require_subset(subset: str, allowed: Collection[str]) -> None:
    """Raise `NotFoundError` for a subset that the calling partner may not ask, whether there is one or not."""
    if subset not in allowed:
        raise NotFoundError("this partner has no such subset")


def spelled_id(text: str, *, size: int, of: str) -> bytes:
    """The id of `size` bytes that lower-case hexadecimal digits spell; `of` names for people what has that id.

    Raises `MalformedError`: an id has one spelling.
    """
    try:
        found = bytes.fromhex(text)
    except ValueError:
        raise MalformedError("{of}'s id is not hexadecimal digits", of) from None
    if len(found) != size or found.hex() != text:
        raise MalformedError("{of}'s id is not {size} bytes in lower-case hexadecimal digits", of, size)
    return found
