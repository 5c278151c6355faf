"""Putting agencies back to where they were, so that one federation of many nodes serves many runs."""

from collections.abc import Sequence
from pathlib import Path

from support.federation import Agency
from support.new_stores import MemoryObjects


class Rewinding:
    """Agencies as they are now: their databases, signers and objects, and the time."""

    def __init__(self, folder: Path, agencies: Sequence[Agency]) -> None:
        self._folder, self._agencies = folder, agencies
        self._dispose()
        self._files = {path: path.read_bytes() for path in self._paths()}
        self._objects = [(objects, dict(objects.data)) for one in agencies for objects in _objects_of(one)]
        self._times = [(one.time, one.time.moment) for one in agencies]

    def rewind(self) -> None:
        """Make everything what it was."""
        self._dispose()
        for path in self._paths():
            if path not in self._files:
                path.unlink()
        for path, data in self._files.items():
            path.write_bytes(data)
        for objects, kept in self._objects:
            objects.data = dict(kept)
        for clock, moment in self._times:
            clock.moment = moment

    def _dispose(self) -> None:
        for agency in self._agencies:
            agency.store.dispose()

    def _paths(self) -> list[Path]:
        return [path for path in self._folder.rglob("*") if path.is_file()]


def _objects_of(agency: Agency) -> tuple[MemoryObjects, ...]:
    return agency.objects, agency.files, agency.introductions
