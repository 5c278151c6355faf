"""An open state, made of its runs, its files and what was concluded of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from node.files import require_own
from node.hoster.scan.state.database import connected, lock, prepare, write_anew
from node.hoster.scan.state.files import Files
from node.hoster.scan.state.runs import Runs
from node.hoster.scan.state.seal import Sealing
from node.hoster.scan.state.verdicts import Verdicts


class ScanState:
    """An open state; of one thread. `open_state` gives the first one, `again` further ones of the same process."""

    def __init__(self, path: Path, connection: sqlite3.Connection, sealing: Sealing) -> None:
        self.path = path
        self.runs = Runs(connection)
        self.files = Files(connection, sealing)
        self.verdicts = Verdicts(connection, sealing)
        self._db = connection
        self._sealing = sealing

    def scrub(self) -> None:
        """Write the file anew where files were forgotten since it was; raises `StoreError` where that fails."""
        if self.runs.any_forgotten() and write_anew(self.path, self._db):
            self.runs.drop_forgotten()

    @contextmanager
    def again(self) -> Iterator["ScanState"]:
        """Another connection, for another thread."""
        with connected(self.path) as connection:
            yield ScanState(self.path, connection, self._sealing)


@contextmanager
def open_state(path: Path, key: bytes, *, patience_seconds: float = 0.0) -> Iterator[ScanState]:
    """The state in the file `path`, its hashes sealed with `key`; made where there is none, nobody else's meanwhile.

    Somebody who only looks at it for a moment is waited for with some patience.

    Raises:
        StoreLockedError: another scan uses it.
        ConfigError: it is a link, somebody else's, or readable by others.
        StoreError: it is no state of a scan, of another version, or damaged.
    """
    with ExitStack() as stack:
        lock(stack, path, patience_seconds)
        require_own(path)
        with connected(path) as connection:
            prepare(path, connection)
            sealing = Sealing(path, key)
            sealing.require_key(connection)
            yield ScanState(path, connection, sealing)
