"""The PDQ values in a list of raw hashes that a recipient fetched, with the lines they stand in.

The file is the reply of `GET /recipients/digests`, byte for byte. One without its last line, or with another number in
it than lines before it, was cut off and is refused whole: what is missing would look like "not on the list". Lines of
other kinds of hashes are counted and passed over. Form: docs/reference/recipients.md, "The reply".
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from node.errors import InputRefusedError
from protocol.digest import SIZES, Algorithm, Digest
from protocol.errors import MalformedError

Values = NDArray[np.uint64]
"""PDQ values, four words of 64 bits each."""

_PDQ: Final = Algorithm.PDQ.name.lower()
_KNOWN: Final = frozenset(algorithm.name.lower() for algorithm in SIZES)
_LONGEST: Final = 64 * 1024
"""Bytes of a line; padding, which is of spaces, may stand behind the last one."""


@dataclass(frozen=True, slots=True)
class RecipientList:
    """The PDQ values of a list, in its order."""

    values: Values = field(repr=False)
    lines: tuple[int, ...] = field(repr=False)
    """Where each stands, from 1."""
    collections: tuple[str, ...] = field(repr=False)
    """That of each."""
    total: int
    """Hashes of every kind in the list."""


def values_of(digests: Iterable[Digest]) -> Values:
    """PDQ digests as words."""
    data = b"".join(digest.value for digest in digests)
    return np.frombuffer(data, dtype=">u8").astype(np.uint64).reshape(-1, SIZES[Algorithm.PDQ] // 8)


def read_recipient_list(lines: Iterable[bytes]) -> RecipientList:
    """The PDQ values of a reply, given as its lines.

    Raises:
        InputRefusedError: a line that does not belong, which it names and never repeats, or a list that was cut off.
    """
    digests: list[Digest] = []
    places: list[int] = []
    collections: list[str] = []
    number, total = 0, -1
    for number, line in enumerate(lines, 1):
        fields = _fields(number, line)
        if fields is None:
            continue
        if total >= 0:
            raise InputRefusedError("line {number} stands behind the end of the list", number)
        if fields.keys() == {"digests"}:
            total = _total(fields, number)
            continue
        digest = _digest(fields, number)
        if digest is not None:
            digests.append(digest)
            places.append(number)
            collections.append(fields["collection"])
    if total < 0:
        raise InputRefusedError(
            "the list has no last line: it was cut off",
            hint="fetch it again, and replace what you hold with it",
        )
    return RecipientList(values_of(digests), tuple(places), tuple(collections), total)


def _fields(number: int, line: bytes) -> dict[str, Any] | None:
    """The object in a line; None for padding."""
    if not line.strip():
        return None
    if len(line) > 2 * _LONGEST:
        raise _refused(number)
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise _refused(number) from None
    if not isinstance(fields, dict):
        raise _refused(number)
    return fields


def _total(fields: dict[str, Any], number: int) -> int:
    total = fields["digests"]
    if isinstance(total, bool) or not isinstance(total, int) or total != number - 1:
        raise InputRefusedError(
            "the last line counts other lines than there are", hint="fetch the list again"
        )
    return total


def _digest(fields: dict[str, Any], number: int) -> Digest | None:
    """The PDQ value of a line; None for another kind of hash."""
    if fields.keys() != {"collection", "algorithm", "digest"} or not all(
        isinstance(value, str) for value in fields.values()
    ):
        raise _refused(number)
    if fields["algorithm"] != _PDQ:
        if fields["algorithm"] not in _KNOWN:
            raise _refused(number)
        return None
    try:
        return Digest.from_hex(Algorithm.PDQ, fields["digest"])
    except MalformedError:
        raise _refused(number) from None


def _refused(number: int) -> InputRefusedError:
    return InputRefusedError(
        "line {number} does not belong in a list of hashes",
        number,
        hint="the file is the reply of GET /recipients/digests",
    )
