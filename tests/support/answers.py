"""Answers and labels as they follow from whole PRF outputs: what a node that keeps none of them has to equal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from node.subsets.compose import Chosen, Terms, Values, compose, labels_of, screen_of, width_of_answers
from protocol.digest import Digest
from protocol.subset.canary import PRESENT
from protocol.subset.chunks import labels_root
from protocol.subset.label import CANARY_LABEL, LABEL_BYTES, OUTPUT_BYTES, seal_label
from protocol.subset.release import Release
from protocol.subset.rice import U64Array
from protocol.subset.screen import screen_values, truncate


@dataclass(frozen=True, slots=True)
class Answers:
    """Values in order, and where each came from."""

    tags: U64Array
    """The tags in order, whole."""
    values: U64Array
    """The truncated tags, not decreasing."""
    order: NDArray[np.intp]
    """`order[i]` is the index of the output that answer `i` belongs to."""


def build_answers(outputs: Sequence[bytes], width: int) -> Answers:
    """The answers of distinct 64-byte PRF `outputs`, ordered by the whole output and cut to `width` bits."""
    columns = np.frombuffer(b"".join(outputs), dtype=">u8").reshape(-1, OUTPUT_BYTES // 8).astype(np.uint64)
    assert len(columns) == len(outputs)
    order = np.lexsort(columns.T[::-1])  # the last key given is the first to count
    tags = columns[order, 0]
    return Answers(tags, truncate(tags, width), order)


def compose_whole(
    terms: Terms,
    chosen: Mapping[Digest, Chosen],
    outputs: Mapping[Digest, bytes],
    *,
    screened: Collection[Digest],
    held: Release | None,
) -> Release:
    """The release of these digests, whose outputs and that of the test file are known: every label sealed anew."""
    labels = {PRESENT: CANARY_LABEL, **labels_of(terms, chosen)}
    digests = [PRESENT, *chosen]
    answers = build_answers([outputs[digest] for digest in digests], 64)
    sealed = None
    if terms.filter.labels:
        sealed = b"".join(
            seal_label(
                outputs[digests[place]],
                subset_id=terms.subset_id,
                epoch=terms.epoch,
                label=labels[digests[place]].to_bytes(),
            )
            for place in answers.order
        )
    width = width_of_answers(terms, len(digests), held)
    release = compose(
        terms,
        Values(truncate(answers.tags, width), width),
        None if sealed is None else labels_root([sealed], LABEL_BYTES),
        screen=screen_of(terms, screen_values({*screened} - {PRESENT}), held)[0],
        held=held,
    )
    return replace(release, labels=sealed)
