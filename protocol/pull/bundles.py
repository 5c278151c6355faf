"""Reading what a peer sent as the events and openings of one bundle. Lengths first: nothing oversized is taken apart.

Form, number and overlap are decided here; rules, commitments and grants by `protocol.lists.bundle`.
Spec: docs/spec/sync.md, "Bundles".
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from protocol.errors import MalformedError, OverlapError, TooLargeError
from protocol.limits import EVENT_BYTES, MAX_OPENING_BYTES

_LENGTH: Final = 2
_STRIDE: Final = _LENGTH + EVENT_BYTES
_PREFIX: Final = EVENT_BYTES.to_bytes(_LENGTH)


def read_events(data: bytes, width: int) -> bytes:
    """The `width` events (56 B each, joined) in an entry bundle; raises `MalformedError`, also for other lengths."""
    if len(data) > width * _STRIDE:
        raise TooLargeError("entry bundle: longer than its width allows")
    high, low = data[::_STRIDE], data[1::_STRIDE]
    if len(data) != width * _STRIDE or high != bytes(width) or low != _PREFIX[1:] * width:
        raise MalformedError("entry bundle: not as many events as its width says")
    return np.frombuffer(data, np.uint8).reshape(width, _STRIDE)[:, _LENGTH:].tobytes()


def read_openings(data: bytes | None, width: int) -> list[bytes | None]:
    """The `width` openings that belong to a bundle, None for those withheld; raises `MalformedError`.

    Without `data`, because none were asked for, all are withheld.
    """
    if data is None:
        return [None] * width
    if len(data) > width * (_LENGTH + MAX_OPENING_BYTES):
        raise TooLargeError("openings: longer than their number allows")
    openings: list[bytes | None] = []
    at = 0
    try:
        for _ in range(width):
            start = at + _LENGTH
            at = start + (data[at] << 8 | data[at + 1])
            openings.append(data[start:at] or None)
    except IndexError:
        raise MalformedError("openings: fewer than the bundle has events") from None
    if at != len(data):
        raise MalformedError("openings: not as many as the bundle has events")
    return openings


def cut_overlap(events: bytes, tail: Sequence[bytes]) -> bytes:
    """The events of a bundle behind those that are held of it; raises `OverlapError` if these differ."""
    held = b"".join(tail)
    if not events.startswith(held):
        raise OverlapError("the log was rewritten: entries that are held differ in what is offered")
    return events[len(held) :]
