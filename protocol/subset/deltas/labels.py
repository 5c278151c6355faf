"""From one release's labels to the next: only those of new answers and those that changed.

Which answers stay is known from the answers themselves, so a label delta names nothing but the places it writes.
Applied after the answers' delta; the result is verified against the manifest's root. Spec: docs/spec/subset.md,
section "Deltas".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from protocol.encoding import Octets
from protocol.errors import MalformedError, NotCanonicalError
from protocol.subset.deltas.values import NOTHING, Stretch, kept_places, stretches
from protocol.subset.label import LABEL_BYTES
from protocol.subset.rice import U64Array, decode_sorted, encode_sorted
from protocol.subset.spliced_octets import Laid, Spliced

Through: TypeAlias = Callable[[Iterator[Any]], Iterator[Any]]
"""What pieces go through, so that somebody may do something after each."""
_COUNT_BYTES = 4
_WORDS = LABEL_BYTES // 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """Answers and their labels, place by place."""

    answers: U64Array
    labels: Laid


def encode_label_delta(old: Labelled, new: Labelled, through: Through = iter) -> bytes:
    """`count u32 ‖ code of the places written ‖ their labels`, for the labels of `new` given those of `old`.

    What it reads it reads `through` that, a piece after the other.
    """
    places, written = [NOTHING], []
    for piece in through(_carried(old, each) for each in stretches(old.answers, new.answers)):
        fresh = _rows(new.labels, piece.places)
        changed = np.flatnonzero((fresh != piece.labels).any(axis=1) | ~piece.settled)
        places.append((changed + piece.places.start).astype(np.uint64))
        written.append(fresh[changed].tobytes())
    return write_label_delta(np.concatenate(places), b"".join(written), len(new.labels) // LABEL_BYTES)


def write_label_delta(places: U64Array, labels: bytes, count: int) -> bytes:
    """The delta that writes these labels to these places, which increase, of `count`."""
    code = encode_sorted(places, count) if count else b""
    return b"".join([len(places).to_bytes(_COUNT_BYTES, "big"), code, labels])


def apply_label_delta(old: Labelled, data: Octets, answers: U64Array) -> Iterator[Octets]:
    """The labels of `answers` in order, some at a time, those that stayed taken from `old`.

    Raises `MalformedError` for bytes that are not a label delta to these answers, `NotCanonicalError` when it
    leaves out a new answer's label or writes one that did not change.
    """
    count = int.from_bytes(data[:_COUNT_BYTES], "big")
    split = len(data) - count * LABEL_BYTES
    if split < _COUNT_BYTES or count > len(answers):
        raise MalformedError("label delta: count does not fit its length or the answers")
    places = decode_sorted(data[_COUNT_BYTES:split], count=count, bound=max(len(answers), 1))
    written = _rows(data[split:], slice(0, count))
    octets = Spliced.of(old.labels)
    for stretch in stretches(old.answers, answers):
        bounds = np.array([stretch.new.start, stretch.new.stop], dtype=np.uint64)
        first, last = np.searchsorted(places, bounds)
        moved = stretch.alignment
        if first == last and not len(moved.inserted) and not len(moved.removed):
            yield octets[stretch.old.start * LABEL_BYTES : stretch.old.stop * LABEL_BYTES]
        else:
            yield _written(_carried(old, stretch), places[first:last] - bounds[0], written[first:last])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Labels for some places, those that stay filled in."""

    places: slice
    labels: U64Array
    settled: NDArray[np.bool_]


def _written(piece: _Piece, places: U64Array, labels: U64Array) -> bytes:
    settled = piece.settled[places]
    changed = (piece.labels[places] != labels).any(axis=1)
    piece.settled[places] = True
    once = bool((places[1:] > places[:-1]).all())
    if not (once and piece.settled.all() and changed[settled].all()):
        raise NotCanonicalError("label delta: not the one between these labels")
    piece.labels[places] = labels
    return piece.labels.tobytes()


def _carried(old: Labelled, stretch: Stretch) -> _Piece:
    """Labels for the new answers of a stretch, with those that stayed filled in."""
    before, count = _rows(old.labels, stretch.old), stretch.new.stop - stretch.new.start
    staying = kept_places(count, stretch.alignment.inserted)
    labels = np.zeros((count, _WORDS), dtype=np.uint64)
    labels[staying] = before[kept_places(len(before), stretch.alignment.removed)]
    settled = np.zeros(count, dtype=np.bool_)
    settled[staying] = True
    return _Piece(places=stretch.new, labels=labels, settled=settled)


def _rows(labels: Laid, places: slice) -> U64Array:
    octets = Spliced.of(labels)[places.start * LABEL_BYTES : places.stop * LABEL_BYTES]
    return np.frombuffer(octets, dtype=np.uint64).reshape(-1, _WORDS)
