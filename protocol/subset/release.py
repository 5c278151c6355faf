"""A release whose files belong to its manifest, and what may follow it.

`verify_release` is the only way to a `Release`: everything that looks up in one relies on sorted values, counts
and roots that have been checked. Whether the manifest is the last leaf of a trusted checkpoint is decided before.
Spec: docs/spec/subset.md, section "Verification".
"""

from dataclasses import dataclass
from hashlib import sha256

from protocol.errors import SubsetError
from protocol.subset.chunks import labels_root, values_root
from protocol.subset.filter import SubsetFilter
from protocol.subset.label import LABEL_BYTES
from protocol.subset.manifest import Manifest, ReleaseKind
from protocol.subset.rice import U64Array
from protocol.subset.sets import is_set


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """One verified release: screen, answers and labels are of the same manifest."""

    manifest: Manifest
    screen: U64Array
    """Strictly increasing values of `screen_width` bits."""
    answers: U64Array
    """Non-decreasing values of `answers_width` bits."""
    labels: bytes | None
    """48 bytes an answer, in the order of the answers."""

    filter: SubsetFilter | None = None
    """What it was made by; None when it came without, as from a node that serves none."""

    def label(self, place: int) -> bytes:
        """The sealed label of answer `place` of a release with labels."""
        assert self.labels is not None
        return self.labels[place * LABEL_BYTES : (place + 1) * LABEL_BYTES]


def verify_release(
    manifest: Manifest,
    *,
    screen: U64Array,
    answers: U64Array,
    labels: bytes | None,
    filter_bytes: bytes | None = None,
) -> Release:
    """The release that these files are; raises `SubsetError` naming the file that is not the manifest's."""
    _check(len(screen) == manifest.screen_count, "screen: number of values")
    _check(is_set(screen), "screen: order of values")
    _check_width("screen", screen, manifest.screen_width)
    _check(values_root(screen) == manifest.screen_root, "screen: not the values whose root the manifest has")
    check_answers(manifest, answers)
    _check_labels(manifest, labels)
    return Release(
        manifest=manifest,
        screen=screen,
        answers=answers,
        labels=labels,
        filter=None if filter_bytes is None else _read_filter(manifest, filter_bytes),
    )


def check_answers(manifest: Manifest, answers: U64Array) -> None:
    """Check that `answers` are the manifest's; raises `SubsetError`."""
    _check(len(answers) == manifest.answers_count, "answers: number of values")
    _check(bool((answers[1:] >= answers[:-1]).all()), "answers: order of values")
    _check_width("answers", answers, manifest.answers_width)
    _check(
        values_root(answers) == manifest.answers_root, "answers: not the values whose root the manifest has"
    )


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


def _check_width(name: str, values: U64Array, width: int) -> None:
    _check(len(values) == 0 or int(values[-1]) >> width == 0, f"{name}: value wider than the manifest says")


def _check_labels(manifest: Manifest, labels: bytes | None) -> None:
    if labels is None or manifest.labels_root is None:
        _check(labels is None and manifest.labels_root is None, "labels: some where none, none where some")
        return
    _check(len(labels) == manifest.answers_count * LABEL_BYTES, "labels: one for each answer")
    _check(
        labels_root(labels, LABEL_BYTES) == manifest.labels_root,
        "labels: not those whose root the manifest has",
    )


def _read_filter(manifest: Manifest, data: bytes) -> SubsetFilter:
    _check(sha256(data).digest() == manifest.rules.filter, "filter: not the one whose hash the manifest has")
    return SubsetFilter.from_bytes(data)


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
