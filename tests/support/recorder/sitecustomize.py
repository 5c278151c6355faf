"""Loaded by every Python process that has this folder on its path: keeps each byte above TLS, and every log line.

The leak test puts it there for real processes of the product, which know nothing of it. Each connection has a file for
each direction, named `HOME-COMMAND-PID-NUMBER-server.in` and so on; one log a process takes all loggers at DEBUG, those
of libraries too, and the command line.
"""

import logging
import os
import ssl
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

_numbers = count()
_Method = Callable[..., Any]


def process_name(command_line: list[str]) -> str:
    """`HOME-COMMAND` of a process of the product."""
    if "--home" not in command_line:
        return "other"
    words = command_line[command_line.index("--home") + 1 :]
    commands = [word for word in words[1:] if not word.startswith("-")]
    return f"{Path(words[0]).name}-{commands[0] if commands else 'none'}"


class _Recorder:
    def __init__(self, folder: Path) -> None:
        self._stem = f"{process_name(sys.orig_argv)}-{os.getpid()}"
        self._folder = folder

    def install(self) -> None:
        plain_read: _Method = ssl.SSLObject.read
        plain_write: _Method = ssl.SSLObject.write

        def read(connection: ssl.SSLObject, *args: Any) -> Any:
            result = plain_read(connection, *args)
            self._keep(
                connection, "in", result if isinstance(result, bytes) else memoryview(args[1])[:result]
            )
            return result

        def write(connection: ssl.SSLObject, data: Any) -> int:
            written: int = plain_write(connection, data)
            self._keep(connection, "out", memoryview(data)[:written])
            return written

        for name, method in (("read", read), ("write", write)):
            setattr(ssl.SSLObject, name, method)

    def log(self) -> None:
        path = self._folder / f"{self._stem}.log"
        handler = logging.FileHandler(path, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(logging.DEBUG)
        logging.getLogger("recorder").debug("started as %s", sys.orig_argv)

    def _keep(self, connection: Any, direction: str, data: Any) -> None:
        number = connection.__dict__.setdefault("_recorded_as", next(_numbers))
        side = "server" if connection.server_side else "client"
        path = self._folder / f"{self._stem}-{number}-{side}.{direction}"
        with path.open("ab") as file:
            file.write(data)


if "RECORDER_FOLDER" in os.environ:
    _recorder = _Recorder(Path(os.environ["RECORDER_FOLDER"]))
    _recorder.install()
    _recorder.log()
