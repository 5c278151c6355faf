"""The releases in a partner's folder, of which one is in force."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from node.files import make_private_folder, replace_private, sync_folder
from node.hoster.folder import Cursor, Enrolment, PartnerFolder
from node.hoster.lookup.summary import damaged, releases_path
from node.hoster.store.kinds import ReleaseFile
from node.hoster.store.release import MappedRelease, NewRelease, load_release, map_file
from protocol.errors import ProtocolError
from protocol.subset.deltas.removals import NOTHING_GONE, without_answers
from protocol.subset.files import Held
from protocol.subset.manifest import Manifest
from protocol.subset.rice import U64Array


class HeldReleases:
    """The releases in one folder; one that this process has `verified` is not read again."""

    def __init__(self, folder: PartnerFolder, verified: MappedRelease | None = None) -> None:
        self._folder = folder
        self._releases = releases_path(folder)
        self._arriving = self._releases / "arriving"
        self._verified = verified

    def in_force(self) -> tuple[Enrolment, Held | None]:
        """The enrolment and the release in force, also while an update replaces it; raises as `load`.

        What a head without witnesses took away is not in it.
        """
        return self._folder.in_force(self._at)

    def _at(self, cursor: Cursor) -> Held:
        held = self.load(cursor.version)
        try:
            return Held(held.version, without_answers(held.release, self.gone(cursor)))
        except ProtocolError as exc:
            raise damaged(self._path(cursor.version)) from exc

    def load(self, version: int) -> MappedRelease:
        """The release of that version.

        Raises:
            StoreError: its files are missing or damaged.
        """
        if self._verified is not None and self._verified.version == version:
            return self._verified
        try:
            return load_release(self._path(version), version)
        except (OSError, ValueError, ProtocolError) as exc:
            raise damaged(self._path(version)) from exc

    def gone(self, cursor: Cursor) -> U64Array:
        """Places of the answers of the release at `cursor` that a head without witnesses took away.

        Raises:
            StoreError: the file that says so is missing or damaged.
        """
        if cursor.ahead is None:
            return NOTHING_GONE
        held = self._path(cursor.version)
        try:  # opened once: an update may put a longer one in its place
            values = map_file(held / ReleaseFile.GONE).values
        except (OSError, ValueError) as exc:
            raise damaged(held) from exc
        if len(values) == 0 or int(values[0]) != len(values) - 1:  # cut off, and what was gone would be back
            raise damaged(held)
        return values[1:]

    def keep_gone(self, version: int, places: U64Array) -> None:
        """Write which answers are gone, durably; it is in force once `save` names what is ahead."""
        counted = np.concatenate([np.array([len(places)]), places]).astype("<u8")
        replace_private(self._path(version) / ReleaseFile.GONE, counted.tobytes())

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """Have room for a new release; what was not put in place is gone afterwards."""
        shutil.rmtree(self._arriving, ignore_errors=True)  # of an update that was killed
        make_private_folder(self._arriving)
        try:
            yield
        finally:
            shutil.rmtree(self._arriving, ignore_errors=True)

    def new(self, version: int, manifest: Manifest, held: MappedRelease | None) -> NewRelease:
        """A release to be written into the room for it, from what is `held`."""
        return NewRelease(self._arriving, version, manifest, held)

    def put_in_place(self, version: int) -> None:
        """Give the release that was written its place, durably; it is in force once `save` names its version."""
        shutil.rmtree(self._path(version), ignore_errors=True)
        self._arriving.rename(self._path(version))
        sync_folder(self._releases)

    def forget(self, *, but: int) -> None:
        """Remove the releases that are not in force any more."""
        for folder in self._releases.glob("*"):
            if folder.name != str(but):
                shutil.rmtree(folder, ignore_errors=True)

    def _path(self, version: int) -> Path:
        return self._releases / str(version)
