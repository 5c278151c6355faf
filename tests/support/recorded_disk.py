"""The command line, with what it asks of the disk written down in order, as lines of JSON.

    python -m support.recorded_disk FILE --home HOME COMMAND…

`["written", PATH]` when a disk was asked to have written a file or folder; `["made", FOLDER]` when a folder was;
`["named", FROM, TO]` when a file was renamed or linked; `["synchronous", NUMBER]` what a database waits for when it is
opened.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from node.cli.main import main
from node.store import driver


def record(file: int) -> None:
    """From now on."""
    written, prepare = os.fsync, driver._prepare_sqlite

    def tell(*event: Any) -> None:
        os.write(file, json.dumps(event).encode() + b"\n")

    def fsync(handle: int) -> None:
        written(handle)
        tell("written", str(Path(f"/proc/self/fd/{handle}").readlink()))

    def prepared(connection: Any, opened: object) -> None:
        prepare(connection, opened)
        tell("synchronous", *connection.execute("PRAGMA synchronous").fetchone())

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"os.rename", "os.link"}:
            tell("named", *map(os.fsdecode, arguments[:2]))
        if event == "os.mkdir":
            tell("made", os.fsdecode(arguments[0]))

    os.fsync, driver._prepare_sqlite = fsync, prepared  # type: ignore[assignment]
    sys.addaudithook(audit)


if __name__ == "__main__":
    record(os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    main()
