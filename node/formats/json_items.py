"""The items of one array in a JSON object, read as they come, in bounded memory.

The standard library reads JSON whole; a set of thirty million hashes does not fit. What stands beside the array is
read over. Broken JSON ends the reading: behind a syntax error nobody knows what belongs to what.
"""

import json
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import BinaryIO, Final, NoReturn

from node.errors import InputRefusedError

MAX_ITEM: Final = 1024 * 1024
"""Characters of one item, or of one value beside the array."""

_CHUNK: Final = 256 * 1024
_SPACE: Final = " \t\r\n"
_BEHIND: Final = frozenset(_SPACE + ",:]}")
_decoder: Final = json.JSONDecoder()


def items_of(stream: BinaryIO, name: str) -> Iterator[object]:
    """The items of the array under `name` in the object that `stream` holds.

    Raises `InputRefusedError`: not UTF-8, not JSON, an item of more than `MAX_ITEM` characters, or no such array.
    """
    text = _Text(stream)
    text.take("{")
    while text.peek() != "}":
        key = text.value()
        text.take(":")
        if key == name:
            text.take("[")
            yield from _items(text)
            return
        text.value()
        if text.peek() != "}":
            text.take(",")
    raise InputRefusedError("there is no array {name} in it", name, hint="is it the file you meant?")


def _items(text: "_Text") -> Iterator[object]:
    while text.peek() != "]":
        yield text.value()
        if text.peek() != "]":
            text.take(",")


class _Text:
    """A window over the text of a stream; `at` is where reading stands in it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decode = getincrementaldecoder("utf-8-sig")().decode
        self._held = ""
        self._at = 0
        self._taken = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is not white space; stands before it."""
        while True:
            while self._at < len(self._held):
                if self._held[self._at] not in _SPACE:
                    return self._held[self._at]
                self._at += 1
            if not self._more():
                self._refuse("it ends too early")

    def take(self, character: str) -> None:
        """Read over the next character, which must be this one."""
        if self.peek() != character:
            self._refuse(f"{character!r} is expected")
        self._at += 1

    def value(self) -> object:
        """The next value, whatever it is."""
        self.peek()
        while True:
            try:
                value, end = _decoder.raw_decode(self._held, self._at)
            except (RecursionError, ValueError):
                value, end = None, len(self._held)
            # A number that is cut off is one too: 1 of 1.5. Behind a whole value stands one of these.
            if self._held[end : end + 1] in _BEHIND:
                self._at = end
                return value
            if len(self._held) - self._at > MAX_ITEM:
                self._refuse(f"a value is not JSON, or has more than {MAX_ITEM} characters")
            if not self._more():
                self._refuse("a value is not JSON")

    def _more(self) -> bool:
        """Hold more text, and forget what was read; False at the end."""
        if self._ended:
            return False
        data = self._stream.read(_CHUNK)
        try:
            text = self._decode(data, final=not data)
        except UnicodeDecodeError:
            self._refuse("it is not UTF-8 text")
        self._taken += self._at
        self._held = self._held[self._at :] + text
        self._at = 0
        self._ended = not data
        return bool(data)

    def _refuse(self, why: str) -> NoReturn:
        raise InputRefusedError(
            "near character {place}: {why}",
            f"{self._taken + self._at + 1:,}",
            why,
            hint="export or download it again",
        )
