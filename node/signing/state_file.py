"""State files of a signer: a JSON object each, replaced whole and durable before what it allows leaves the process."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path

from node.errors import NotFoundError, StoreError
from node.files import decode_state, encode_state, locked, read_private, replace_private

State = Mapping[str, str | int]


class LogStates:
    """What is remembered of each log: a state file a log in `folder`, which says of which."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, origin: str) -> State | None:
        """The fields of a log; None when nothing was ever written of it. Raises as `read_state` does."""
        fields = read_state(self._path(origin), origin)
        if fields is not None and fields.get("origin") != origin:
            raise damaged(origin)
        return fields

    def write(self, origin: str, fields: State) -> None:
        """Put `fields` in the place of what was there."""
        write_state(self._path(origin), {"v": 1, "origin": origin, **fields})

    def lost_at(self, origin: str) -> int | None:
        """The size at which the log was given up; None for one that can go on. Raises as `read_state` does."""
        size = (self.read(origin) or {}).get("lost_at")
        return None if size is None else int(size)

    def alone(self, origin: str) -> AbstractContextManager[None]:
        """Keep others who change the state of this log out."""
        return locked(self._path(origin).with_suffix(".lock"))

    def paths(self) -> Sequence[Path]:
        """The files of all logs."""
        return sorted(self._folder.glob("*.json"))

    def origin_of(self, path: Path) -> str:
        """Which log one of these files is of; raises `StoreError` for one that cannot be read, or is another's."""
        origin = str((read_state(path, path.name) or {}).get("origin"))
        if self._path(origin) != path:
            raise damaged(path.name)
        return origin

    def _path(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()}.json"


def read_state(path: Path, what: str) -> State | None:
    """The fields in `path`; None when nothing was ever written there. `what` names the state in errors.

    Raises:
        StoreError: it is damaged: nothing is signed on the word of a state that cannot be read.
    """
    try:
        return decode_state(read_private(path))
    except NotFoundError:
        return None
    except ValueError:
        raise damaged(what) from None


def write_state(path: Path, fields: State) -> None:
    """Put `fields` in the place of what was there."""
    replace_private(path, encode_state(fields))


def damaged(what: str) -> StoreError:
    """The error for a state that cannot be read."""
    return StoreError(
        "the signer's state of {what} is damaged", what, hint="restore the signer's folder from a backup"
    )
