"""A release whose files belong to its manifest, and what may follow it.

Everything that looks up in a `Release` relies on sorted values, counts and roots that have been checked: whoever has
the files in memory makes one with `verify_release`, whoever maps them checks each as it is read. Whether the manifest
is the last leaf of a trusted checkpoint is decided before. Spec: docs/spec/subset.md, section "Verification".
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from protocol.encoding import Octets
from protocol.errors import SubsetError
from protocol.subset.chunks import CHUNK, VALUE_BYTES, ChunkRoot
from protocol.subset.filter import SubsetFilter
from protocol.subset.label import LABEL_BYTES
from protocol.subset.manifest import Manifest, ReleaseKind, read_filter
from protocol.subset.rice import U64Array, blocks_of
from protocol.subset.spliced_octets import Laid, Spliced
from protocol.tlog.hasher import HASHLIB, Hasher

_MOST_EQUAL: Final = 8
"""Answers of one value; chance makes three of them once in 10^10 releases of the most answers that there can be.

Each is tried with an output that meets it: a node could have that take as long as it wants, and would see it.
"""
_PIECE: Final = 8 * CHUNK * LABEL_BYTES
"""Octets of labels that are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """One verified release: screen, answers and labels are of the same manifest."""

    manifest: Manifest
    screen: U64Array
    """Strictly increasing values of `screen_width` bits."""
    answers: U64Array
    """Non-decreasing values of `answers_width` bits."""
    labels: Laid | None
    """48 bytes an answer, in the order of the answers, and of those that are gone."""
    filter: SubsetFilter | None = None
    """What it was made by; None when it came without, as from a node that serves none."""
    gone: U64Array = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    """Places of the labels whose answers were taken away, increasing."""

    def label(self, place: int) -> bytes:
        """The sealed label of answer `place` of a release with labels."""
        assert self.labels is not None
        before = self.gone - np.arange(len(self.gone), dtype=np.uint64)  # answers that stay before each
        at = place + int(np.searchsorted(before, np.uint64(place), side="right"))
        return bytes(self.labels[at * LABEL_BYTES : (at + 1) * LABEL_BYTES])


def pieces_of(labels: Laid, which: slice = slice(None)) -> Iterator[Octets]:
    """Labels in order, or which of their octets, some at a time."""
    return Spliced.of(labels).pieces(_PIECE, which)


def verify_release(
    manifest: Manifest,
    *,
    screen: U64Array,
    answers: U64Array,
    labels: Laid | None,
    filter_bytes: bytes | None = None,
    pieces: Callable[[Laid], Iterable[Octets]] | None = pieces_of,
    hasher: Hasher = HASHLIB,
) -> Release:
    """The release that these files are; raises `SubsetError` naming the file that is not the manifest's.

    `pieces` says how labels are read, which may be long. None: of these only how many there are is verified, and
    whoever reads all of them does the rest, by `check_labels_root`.
    """
    check_screen(manifest, blocks_of(screen), hasher)
    check_answers(manifest, blocks_of(answers), hasher)
    if labels is None:
        check_labels(manifest, None)
    elif pieces is not None:
        check_labels(manifest, pieces(labels), hasher)
    else:
        _check_presence(manifest, present=True)
        _check_size(manifest, len(labels))
    return Release(
        manifest=manifest,
        screen=screen,
        answers=answers,
        labels=labels,
        filter=None if filter_bytes is None else read_filter(manifest, filter_bytes),
    )


def check_screen(manifest: Manifest, blocks: Iterable[U64Array], hasher: Hasher = HASHLIB) -> None:
    """Check that these are the screen's values, as they come; raises `SubsetError`."""
    found = _counted("screen", blocks, manifest.screen_width, hasher, most_equal=1)
    _check_values("screen", found, manifest.screen_count, manifest.screen_root)


def check_answers(manifest: Manifest, blocks: Iterable[U64Array], hasher: Hasher = HASHLIB) -> None:
    """Check that these are the manifest's answers, as they come; raises `SubsetError`."""
    found = _counted("answers", blocks, manifest.answers_width, hasher, most_equal=_MOST_EQUAL)
    _check_values("answers", found, manifest.answers_count, manifest.answers_root)


def check_labels(manifest: Manifest, pieces: Iterable[Octets] | None, hasher: Hasher = HASHLIB) -> None:
    """Check that these are the manifest's labels, as they come; raises `SubsetError`."""
    _check_presence(manifest, present=pieces is not None)
    if pieces is None:
        return
    chunks, size = ChunkRoot(LABEL_BYTES, hasher), 0
    for piece in pieces:
        chunks.take(piece)
        size += len(piece)
    _check_size(manifest, size)
    check_labels_root(manifest, chunks.root())


def check_labels_root(manifest: Manifest, root: bytes) -> None:
    """Check that labels of this root are the manifest's; raises `SubsetError`."""
    _check(root == manifest.labels_root, "labels: not those whose root the manifest has")


def check_successor(held: Manifest, offered: Manifest) -> None:
    """Check that `offered` may replace `held`, an earlier leaf of the same release log; raises `SubsetError`.

    Stops a node from going back to a spent epoch, from changing an epoch's key (tagging partners by key) and from
    giving a source number to another log (changing what older labels say).
    """
    _check(offered.subset_id == held.subset_id, "manifest: another subset")
    _check(offered.epoch >= held.epoch, "manifest: an earlier epoch")
    if offered.epoch == held.epoch:
        _check(offered.pk == held.pk, "manifest: another key in the same epoch")
        _check_sources(held, offered)
    if offered.kind is ReleaseKind.REMOVAL_ONLY:
        same = offered.epoch == held.epoch and _widths(offered) == _widths(held)
        _check(same, "manifest: a removal-only release changes epoch or widths")


def screen_root(screen: Iterable[U64Array], width: int, hasher: Hasher = HASHLIB) -> bytes:
    """The root of values that may be a screen of this width, as they come; raises `SubsetError`."""
    return _counted("screen", screen, width, hasher, most_equal=1)[1]


def answers_root(answers: Iterable[U64Array], width: int, hasher: Hasher = HASHLIB) -> bytes:
    """Likewise of answers."""
    return _counted("answers", answers, width, hasher, most_equal=_MOST_EQUAL)[1]


def _check_presence(manifest: Manifest, *, present: bool) -> None:
    _check(present is (manifest.labels_root is not None), "labels: some where none, none where some")


def _check_size(manifest: Manifest, size: int) -> None:
    _check(size == manifest.answers_count * LABEL_BYTES, "labels: one for each answer")


def _check_values(name: str, found: tuple[int, bytes], count: int, root: bytes) -> None:
    _check(found[0] == count, f"{name}: number of values")
    _check(found[1] == root, f"{name}: not the values whose root the manifest has")


def _counted(
    name: str, blocks: Iterable[U64Array], width: int, hasher: Hasher, *, most_equal: int
) -> tuple[int, bytes]:
    """How many values there are, in order and of this width, none more often than `most_equal`, and their root."""
    chunks, found, last = ChunkRoot(VALUE_BYTES, hasher), 0, -1
    before = np.empty(0, dtype=np.uint64)
    for block in filter(len, blocks):
        values = np.concatenate([before, block])
        _check(bool((values[1:] >= values[:-1]).all()), f"{name}: order of values")
        increases = bool((values[most_equal:] > values[:-most_equal]).all())
        _check(increases, f"{name}: more than {most_equal} of one value")
        found, last, before = found + len(block), int(block[-1]), values[-most_equal:]
        chunks.take_values(block)
    _check(last < 1 << width, f"{name}: value wider than the manifest says")
    return found, chunks.root()


def _check_sources(held: Manifest, offered: Manifest) -> None:
    known = {source.number: source for source in held.sources}
    for source in offered.sources:
        before = known.get(source.number, source)
        _check(before.origin == source.origin, "manifest: a source number means another log")
        _check(before.size <= source.size, "manifest: a source went back")
        _check(before.size < source.size or before.root == source.root, "manifest: a source forked")


def _widths(manifest: Manifest) -> tuple[int, int]:
    return manifest.screen_width, manifest.answers_width


def _check(holds: bool, reason: str) -> None:  # noqa: FBT001 - a condition to test, not an option
    if not holds:
        raise SubsetError(reason)
