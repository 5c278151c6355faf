"""Small releases with made-up digests and PRF outputs, so that a test names only what it is about."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256, sha512
from typing import Any

import numpy as np

from protocol.digest import Algorithm, Digest
from protocol.subset.chunks import VALUE_BYTES, ChunkRoot, labels_root
from protocol.subset.identity import subset_id
from protocol.subset.label import LABEL_BYTES, Label, LabelSource, seal_label
from protocol.subset.manifest import Manifest, ReleaseKind, RuleHashes
from protocol.subset.release import Release, verify_release
from protocol.subset.rice import U64Array, blocks_of
from protocol.subset.screen import screen_values, truncate
from protocol.subset.sources import SourceCheckpoint
from protocol.subset.widths import answer_width, screen_width
from protocol.tlog.merkle import EMPTY_ROOT
from support.answers import build_answers

ORIGIN = "fr.example/subsets/baseline"
SUBSET = subset_id(ORIGIN)
SCREEN_BITS = 12

SOURCES = (
    SourceCheckpoint(number=0, origin="fr.example/lists/main", size=70, root=sha256(b"fr").digest()),
    SourceCheckpoint(number=1, origin="nl.example/lists/main", size=80, root=sha256(b"nl").digest()),
)

EMPTY_MANIFEST = Manifest(
    subset_id=SUBSET,
    epoch=1,
    kind=ReleaseKind.ORDINARY,
    screen_count=0,
    answers_count=0,
    screen_width=SCREEN_BITS,
    answers_width=32,
    pk=sha256(b"pk").digest(),
    screen_root=EMPTY_ROOT,
    answers_root=EMPTY_ROOT,
    labels_root=None,
    sources=SOURCES,
    rules=RuleHashes(
        members=sha256(b"members").digest(),
        filter=sha256(b"filter").digest(),
        criteria=sha256(b"criteria").digest(),
        witness_policy=sha256(b"policy").digest(),
        exclusions=sha256(b"exclusions").digest(),
    ),
    not_after_ms=1_800_000_000_000,
)


def values_root(values: U64Array) -> bytes:
    """32 bytes: the root over chunks of 1 024 values, each value a u64 big-endian (8 192 bytes a full leaf)."""
    chunks = ChunkRoot(VALUE_BYTES)
    for block in blocks_of(values):
        chunks.take_values(block)
    return chunks.root()


def digest(name: object, algorithm: Algorithm = Algorithm.SHA256) -> Digest:
    """A made-up digest."""
    sizes = {Algorithm.MD5: 16, Algorithm.SHA1: 20, Algorithm.PHOTODNA: 144}
    material = sha512(repr(name).encode()).digest() * 3
    return Digest(algorithm, material[: sizes.get(algorithm, 32)])


def output(name: object) -> bytes:
    """A made-up PRF output of 64 bytes."""
    return sha512(f"output {name!r}".encode()).digest()


def u64(*values: int) -> U64Array:
    """The values as an array."""
    return np.array(values, dtype=np.uint64)


def build_screen(digests: Iterable[Digest], width: int) -> U64Array:
    """The screen of `digests`: their values cut to `width` bits, sorted, each once."""
    return np.unique(truncate(screen_values(digests), width))


LABEL = Label(1, (LabelSource(0, 5), LabelSource(1, 9)))


def make_release(
    names: Sequence[object],
    *,
    outputs: Sequence[bytes] | None = None,
    labels: Sequence[Label] | None = None,
    **changes: Any,
) -> Release:
    """A release of the digests with these names; `changes` replace fields of the manifest before files are made."""
    outputs = [output(name) for name in names] if outputs is None else outputs
    draft = replace(
        EMPTY_MANIFEST,
        **{
            "screen_width": screen_width(len(names), SCREEN_BITS),
            "answers_width": answer_width(len(outputs)),
            **changes,
        },
    )
    width = draft.screen_width
    screen = build_screen([digest(name) for name in names], width) if width else u64()
    answers = build_answers(outputs, draft.answers_width)
    sealed = None
    if labels is not None:
        sealed = b"".join(
            seal_label(outputs[place], subset_id=SUBSET, epoch=draft.epoch, label=labels[place].to_bytes())
            for place in answers.order
        )
    manifest = replace(
        draft,
        screen_count=len(screen),
        answers_count=len(outputs),
        screen_root=values_root(screen),
        answers_root=values_root(answers.values),
        labels_root=None if sealed is None else labels_root([sealed], LABEL_BYTES),
    )
    return verify_release(manifest, screen=screen, answers=answers.values, labels=sealed)
