"""From one release's labels to the next: only those of new answers and those that changed.

Which answers stay is known from the answers themselves, so a label delta names nothing but the places it writes.
Applied after the answers' delta; the result is verified against the manifest's root. Spec: docs/spec/subset.md,
section "Deltas".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocol.errors import MalformedError, NotCanonicalError
from protocol.subset.deltas.values import align, kept_places
from protocol.subset.label import LABEL_BYTES
from protocol.subset.rice import U64Array, decode_sorted, encode_sorted

_COUNT_BYTES = 4
_LabelArray = NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """Answers and their labels, place by place."""

    answers: U64Array
    labels: bytes


def encode_label_delta(old: Labelled, new: Labelled) -> bytes:
    """`count u32 ‖ code of the places written ‖ their labels`, for the labels of `new` given those of `old`."""
    labels = _rows(new.labels)
    carried, settled = _carry(old, new.answers)
    changed = labels != carried
    places = np.flatnonzero(changed | ~settled).astype(np.uint64)
    code = encode_sorted(places, len(labels)) if len(labels) else b""
    return len(places).to_bytes(_COUNT_BYTES, "big") + code + labels[places].tobytes()


def apply_label_delta(old: Labelled, data: bytes, answers: U64Array) -> bytes:
    """The labels of `answers`, those that stayed taken from `old`.

    Raises `MalformedError` for bytes that are not a label delta to these answers, `NotCanonicalError` when it
    leaves out a new answer's label or writes one that did not change.
    """
    count = int.from_bytes(data[:_COUNT_BYTES], "big")
    split = len(data) - count * LABEL_BYTES
    if split < _COUNT_BYTES or count > len(answers):
        raise MalformedError("label delta: count does not fit its length or the answers")
    places = decode_sorted(data[_COUNT_BYTES:split], count=count, bound=max(len(answers), 1))
    labels, _ = _carry(old, answers)
    labels[places] = _rows(data[split:])
    result = labels.tobytes()
    if encode_label_delta(old, Labelled(answers=answers, labels=result)) != data:
        raise NotCanonicalError("label delta: not the one between these labels")
    return result


def _carry(old: Labelled, answers: U64Array) -> tuple[_LabelArray, NDArray[np.bool_]]:
    """Labels for `answers` with those that stayed filled in, and which these are."""
    alignment = align(old.answers, answers)
    staying = kept_places(len(answers), alignment.inserted)
    labels = np.zeros(len(answers), dtype=f"V{LABEL_BYTES}")
    labels[staying] = _rows(old.labels)[kept_places(len(old.answers), alignment.removed)]
    settled = np.zeros(len(answers), dtype=np.bool_)
    settled[staying] = True
    return labels, settled


def _rows(labels: bytes) -> _LabelArray:
    return np.frombuffer(labels, dtype=f"V{LABEL_BYTES}")
