"""What a release that a partner holds says of itself: as quick for a list of ten million as for one of ten."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.errors import StoreError
from node.hoster.folder import Cursor, PartnerFolder
from node.hoster.store.kinds import ReleaseFile
from protocol.errors import ProtocolError
from protocol.subset.canary import LISTED
from protocol.subset.filter import SubsetFilter
from protocol.subset.label import LABEL_BYTES
from protocol.subset.manifest import Manifest, read_filter

WORD: Final = 8
"""Bytes of a value."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A release, without its values."""

    cursor: Cursor
    """Where it stands in the release log."""
    manifest: Manifest
    made_by: SubsetFilter | None
    """None where the node serves no filter."""
    gone: int
    """Answers that a head without witnesses took away."""

    @property
    def entries(self) -> int:
        """Answers to what somebody listed."""
        return self.manifest.answers_count - len(LISTED) - self.gone


def summary_of(folder: PartnerFolder, cursor: Cursor) -> Summary:
    """The summary of the release at `cursor`; raises `StoreError` where a file is missing, cut or damaged.

    Of values and labels, which may be many, only the number is compared. Whatever looks up reads them.
    """
    held = releases_path(folder) / str(cursor.version)
    try:
        manifest = Manifest.from_bytes((held / ReleaseFile.MANIFEST).read_bytes())
        made_by = held / ReleaseFile.FILTER
        found = Summary(
            cursor,
            manifest,
            made_by=read_filter(manifest, made_by.read_bytes()) if made_by.exists() else None,
            gone=_count_gone(held) if cursor.ahead else 0,
        )
        sizes = {name: (held / name).stat().st_size for name in _sizes(manifest)}
    except (OSError, ProtocolError) as exc:
        raise damaged(held) from exc
    if sizes != _sizes(manifest):
        raise damaged(held)
    return found


def _sizes(manifest: Manifest) -> dict[ReleaseFile, int]:
    labels = (
        {} if manifest.labels_root is None else {ReleaseFile.LABELS: manifest.answers_count * LABEL_BYTES}
    )
    return {
        ReleaseFile.SCREEN: manifest.screen_count * WORD,
        ReleaseFile.ANSWERS: manifest.answers_count * WORD,
        **labels,
    }


def _count_gone(held: Path) -> int:
    """How many answers of the release in this folder are gone; raises `StoreError` where that is not whole.

    Cut off, what was gone would be back.
    """
    try:
        with (held / ReleaseFile.GONE).open("rb") as file:
            count = int.from_bytes(file.read(WORD), "little")
            size = os.fstat(file.fileno()).st_size  # of this one: an update may put another in its place
        if size == WORD * (1 + count):
            return count
    except OSError as exc:
        raise damaged(held) from exc
    raise damaged(held)


def releases_path(folder: PartnerFolder) -> Path:
    """Where releases are, each in a folder named after its version."""
    return folder.folder / "releases"


def damaged(held: Path) -> StoreError:
    """What is said of a release whose files are not those of its manifest."""
    return StoreError(
        "the release in {version} is damaged", held, hint="fetch it again with: sigfed update --whole"
    )
