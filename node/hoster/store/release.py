"""The files of a release in a partner's folder: mapped where they are read, written block by block.

Nothing here takes memory in proportion to the list (`node.store.mapped_files`), and processes that look up in one
release share its pages.
"""

import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from node.files import replace_private, replace_streamed
from node.hoster.store.kinds import ReleaseFile
from node.store.mapped_files import mapped, maps_of, sparing
from protocol.encoding import Octets
from protocol.messages import ReleasePart
from protocol.subset.files import Held, read_answers, read_labels, read_screen
from protocol.subset.manifest import Manifest, read_filter
from protocol.subset.release import Release, check_answers, check_labels, check_screen, pieces_of
from protocol.subset.rice import U64Array, blocks_of
from protocol.subset.spliced_octets import Laid

_Block = TypeVar("_Block")


@dataclass(frozen=True, slots=True)
class MappedFile:
    """One file, mapped."""

    octets: Octets
    maps: tuple[mmap.mmap, ...]
    """None of an empty file, which cannot be mapped."""

    @property
    def values(self) -> U64Array:
        """Its values, each of 8 bytes; raises `ValueError` for a file cut within one."""
        return np.frombuffer(self.octets, dtype="<u8").astype(np.uint64, copy=False)


@dataclass(frozen=True, slots=True)
class MappedRelease(Held):
    """A release whose values and labels are those of its files."""

    maps: tuple[mmap.mmap, ...]


class NewRelease:
    """A release that is being written, in a folder of its own: nobody reads it before it is whole."""

    def __init__(self, folder: Path, version: int, manifest: Manifest, held: MappedRelease | None) -> None:
        self._folder = folder
        self._version = version
        self._manifest = manifest
        self._held = held
        replace_private(folder / ReleaseFile.MANIFEST, manifest.to_bytes())

    def write(self, part: ReleasePart, data: Laid) -> None:
        """Write one file from what came, answers before labels; raises `ProtocolError` for what cannot be read."""
        match part:
            case ReleasePart.SCREEN:
                self._write_values(
                    ReleaseFile.SCREEN, read_screen(self._manifest, data, held=self._held), data
                )
            case ReleasePart.ANSWERS:
                self._write_values(
                    ReleaseFile.ANSWERS, read_answers(self._manifest, data, held=self._held), data
                )
            case ReleasePart.LABELS:
                answers = map_file(self._folder / ReleaseFile.ANSWERS)
                pieces = read_labels(data, answers.values, held=self._held)
                replace_streamed(self._folder / ReleaseFile.LABELS, self._sparing(pieces, data, answers.maps))
            case ReleasePart.FILTER:
                replace_private(self._folder / ReleaseFile.FILTER, bytes(data))

    def answers(self) -> U64Array:
        """Its answers alone; raises `ProtocolError` where they are not those of its manifest."""
        answers = map_file(self._folder / ReleaseFile.ANSWERS)
        check_answers(self._manifest, sparing(blocks_of(answers.values), answers.maps))
        return answers.values

    def load(self) -> MappedRelease:
        """The release that was written; raises as `load_release`."""
        return load_release(self._folder, self._version)

    def _write_values(self, name: str, blocks: Iterable[U64Array], data: Laid) -> None:
        pieces = (block.astype("<u8").tobytes() for block in self._sparing(blocks, data))
        replace_streamed(self._folder / name, pieces)

    def _sparing(
        self, blocks: Iterable[_Block], data: Laid, maps: Sequence[mmap.mmap] = ()
    ) -> Iterator[_Block]:
        """Blocks made of what came, of what is held, and of `maps`."""
        return sparing(blocks, [*maps_of(data), *maps, *(self._held.maps if self._held else ())])


def load_release(folder: Path, version: int) -> MappedRelease:
    """The release in a folder.

    Raises:
        OSError: a file is missing.
        ValueError: one is cut.
        ProtocolError: one is not the manifest's.
    """
    manifest = Manifest.from_bytes((folder / ReleaseFile.MANIFEST).read_bytes())
    screen, answers = map_file(folder / ReleaseFile.SCREEN), map_file(folder / ReleaseFile.ANSWERS)
    labels = map_file(folder / ReleaseFile.LABELS) if manifest.labels_root else None
    check_screen(manifest, sparing(blocks_of(screen.values), screen.maps))
    check_answers(manifest, sparing(blocks_of(answers.values), answers.maps))
    check_labels(manifest, None if labels is None else sparing(pieces_of(labels.octets), labels.maps))
    release = Release(
        manifest=manifest,
        screen=screen.values,
        answers=answers.values,
        labels=None if labels is None else labels.octets,
        filter=read_filter(manifest, (folder / ReleaseFile.FILTER).read_bytes())
        if (folder / ReleaseFile.FILTER).exists()
        else None,
    )
    return MappedRelease(version, release, screen.maps + answers.maps + (labels.maps if labels else ()))


def map_file(path: Path) -> MappedFile:
    """A file, mapped; raises `OSError`."""
    octets = mapped(path)
    return MappedFile(octets, maps_of(octets))
