"""The files of a release as they travel: each whole, or as a delta from an earlier version.

Eight bytes say which; the rest is set coding, a delta, or plain labels. The reader says which version it holds,
so a file that starts elsewhere is refused before it is read. Nothing in a file is trusted: counts and widths come
from the manifest, and what results is verified. Each is read block by block: whoever writes the blocks down needs no
memory in proportion to the list. Spec: docs/spec/subset.md, section "Files".
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from protocol.encoding import Octets
from protocol.errors import MalformedError, NotCanonicalError, SubsetError
from protocol.subset.deltas.labels import (
    Labelled,
    Through,
    apply_label_delta,
    encode_label_delta,
    write_label_delta,
)
from protocol.subset.deltas.values import Difference, apply_delta, encode_delta, write_delta
from protocol.subset.manifest import Manifest
from protocol.subset.release import Release, pieces_of, verify_release
from protocol.subset.rice import U64Array, encode_blocks, gathered
from protocol.subset.sets import bound_of, decode_multiset, encode_set
from protocol.subset.spliced_octets import Laid, Spliced
from protocol.tlog.hasher import HASHLIB, Hasher

FORMAT: Final = 1
WHOLE: Final = 0
"""The `since` of a file that needs no other: versions start at 1."""

_HEAD: Final = Struct(">B3xI")  # format, version the delta starts from
HEAD_BYTES: Final = _HEAD.size


@dataclass(frozen=True, slots=True)
class Held:
    """A verified release and its version: what a delta starts from."""

    version: int
    release: Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What makes a release of an earlier one of the same epoch and widths."""

    screen: Difference
    answers: Difference
    places: U64Array
    """Where labels are that the earlier one does not have: of new answers, and others of answers that stay."""
    labels: bytes | None
    """These; None for a release without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFiles:
    """The bytes of a release's files, each with its head."""

    screen: bytes
    answers: bytes
    labels: Laid | None
    filter: bytes | None = None
    """The filter as it is hashed, without a head; None where it is not served."""


def write_screen(release: Release, *, since: Held | None = None) -> bytes:
    """The screen's file, as a delta where `since` allows one."""
    width = release.manifest.screen_width
    if width == 0:
        return _head(WHOLE)
    if since is not None and since.release.manifest.screen_width == width:
        return _head(since.version) + encode_delta(since.release.screen, release.screen, width)
    return _head(WHOLE) + encode_set(release.screen, width)


def write_answers(release: Release, *, since: Held | None = None) -> bytes:
    """The answers' file, as a delta where `since` allows one: within an epoch and a width."""
    width = release.manifest.answers_width
    if since is not None and same_answers(since.release.manifest, release.manifest):
        return _head(since.version) + encode_delta(since.release.answers, release.answers, width)
    return b"".join(write_whole_answers(release))


def write_whole_answers(release: Release) -> Iterator[bytes]:
    """The file of the answers as a whole, some of it at a time."""
    yield _head(WHOLE)
    yield from encode_blocks(release.answers, bound_of(release.manifest.answers_width))


def write_labels(release: Release, *, since: Held | None = None, through: Through = iter) -> bytes:
    """The labels' file of a release that has labels, as a delta where the answers' is one and both have labels.

    Those of both are read `through` that, a piece after the other.
    """
    new = _labelled(release)
    assert new is not None
    if since is not None and same_answers(since.release.manifest, release.manifest):
        old = _labelled(since.release)
        if old is not None:
            return _head(since.version) + encode_label_delta(old, new, through)
    return b"".join(write_whole_labels(pieces_of(new.labels)))


def write_whole_labels(labels: Iterable[Octets]) -> Iterator[Octets]:
    """The file of labels that come some at a time."""
    yield _head(WHOLE)
    yield from labels


def splice_labels(file: Laid, parts: Iterable[slice | Octets]) -> Spliced:
    """The file of labels of which most are those in another whole one: `parts` says which, by their octets, or new."""
    moved = (
        slice(part.start + HEAD_BYTES, part.stop + HEAD_BYTES) if isinstance(part, slice) else part
        for part in parts
    )
    return Spliced.of(file).joined([slice(0, HEAD_BYTES), *moved])


def write_change(since: int, old: Manifest, new: Manifest, change: Change) -> ReleaseFiles:
    """The files of a release as deltas from the version `since`, of which is known what makes it of that one."""
    head, width, labels = _head(since), new.screen_width, None
    if change.labels is not None:
        labels = head + write_label_delta(change.places, change.labels, new.answers_count)
    return ReleaseFiles(
        screen=head + write_delta(change.screen, old.screen_count, width) if width else _head(WHOLE),
        answers=head + write_delta(change.answers, old.answers_count, new.answers_width),
        labels=labels,
    )


def read_release(
    manifest: Manifest,
    files: ReleaseFiles,
    *,
    held: Held | None = None,
    pieces: Callable[[Laid], Iterator[Octets]] | None = pieces_of,
    hasher: Hasher = HASHLIB,
) -> Release:
    """The verified release of `manifest`, from files that are whole or deltas from what is `held`.

    Whole labels stay where they are; `pieces` says how these are read to be verified, as for `verify_release`.

    Raises `MalformedError` for a file that does not parse, `SubsetError` for one that starts from another version
    or leads to values that are not the manifest's.
    """
    screen = gathered(read_screen(manifest, files.screen, held=held))
    answers = gathered(read_answers(manifest, files.answers, held=held))
    labels = None if files.labels is None else _labels(files.labels, answers, held)
    return verify_release(
        manifest,
        screen=screen,
        answers=answers,
        labels=labels,
        filter_bytes=files.filter,
        pieces=pieces,
        hasher=hasher,
    )


def read_screen(manifest: Manifest, data: Laid, *, held: Held | None = None) -> Iterator[U64Array]:
    """The screen in a file as for `read_release`, block by block; raises as it does, but verifies nothing."""
    base, body = _open(data, held)
    width = manifest.screen_width
    if width == 0:
        if len(body):
            raise MalformedError("screen: bytes where there is no screen")
        return iter(())
    if base is None:
        return decode_multiset(body[:], width=width, count=manifest.screen_count)
    return apply_delta(base.screen, body[:], width)


def read_answers(manifest: Manifest, data: Laid, *, held: Held | None = None) -> Iterator[U64Array]:
    """The answers in a file, likewise."""
    base, body = _open(data, held)
    if base is None:
        return decode_multiset(body[:], width=manifest.answers_width, count=manifest.answers_count)
    return apply_delta(base.answers, body[:], manifest.answers_width)


def read_labels(data: Laid, answers: U64Array, *, held: Held | None = None) -> Iterator[Octets]:
    """The labels of these answers in a file, some at a time, likewise."""
    base, body = _open(data, held)
    if base is None:
        return pieces_of(body)
    old = _labelled(base)
    if old is None:
        raise SubsetError("labels: a delta from a release without labels")
    return apply_label_delta(old, body[:], answers)


def _labels(data: Laid, answers: U64Array, held: Held | None) -> Laid:
    base, body = _open(data, held)
    if base is not None:
        return b"".join(read_labels(data, answers, held=held))
    return body if isinstance(data, Spliced) else body[:]


def _head(since: int) -> bytes:
    return _HEAD.pack(FORMAT, since)


def _open(data: Laid, held: Held | None) -> tuple[Release | None, Spliced]:
    """The release that the file starts from, None for a whole one, and its body."""
    if len(data) < HEAD_BYTES:
        raise MalformedError("release file: shorter than its head")
    number, since = _HEAD.unpack(data[:HEAD_BYTES])
    if number != FORMAT:
        raise MalformedError("release file: unknown format")
    if data[1:4] != bytes(3):
        raise NotCanonicalError("release file: reserved bytes are not zero")
    body = Spliced.of(data).joined([slice(HEAD_BYTES, None)])
    if since == WHOLE:
        return None, body
    if held is None or held.version != since:
        raise SubsetError("release file: a delta from a version that is not held")
    return held.release, body


def _labelled(release: Release) -> Labelled | None:
    if release.labels is None:
        return None
    return Labelled(answers=release.answers, labels=release.labels)


def same_answers(old: Manifest, new: Manifest) -> bool:
    """Whether answers and labels of one can be a delta from the other's: of one epoch and width."""
    return (old.epoch, old.answers_width) == (new.epoch, new.answers_width)
