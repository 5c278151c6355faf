"""Logging: `event key=value`, one line each, to standard error.

Nothing that identifies a file or opens a door is ever logged: no digest, key, token, passphrase or query string.
Callers pass counts, names and sizes; a value that is bytes is a programming mistake and refused.
"""

import logging
import sys

_ROOT = "sigfed"


def configure(*, level: str) -> None:
    """Send the journal of this process to standard error at `level` (`DEBUG`, `INFO`, `WARNING`)."""
    logger = logging.getLogger(_ROOT)
    logger.setLevel(level)
    logger.handlers.clear()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger.addHandler(handler)


class Journal:
    """The journal of one part of the node."""

    def __init__(self, part: str) -> None:
        self._logger = logging.getLogger(f"{_ROOT}.{part}")

    def debug(self, event: str, **facts: str | float) -> None:
        """Something only a developer wants to read."""
        self._write(logging.DEBUG, event, facts)

    def info(self, event: str, **facts: str | float) -> None:
        """Something an operator may want to know later."""
        self._write(logging.INFO, event, facts)

    def warning(self, event: str, **facts: str | float) -> None:
        """Something an operator should look at."""
        self._write(logging.WARNING, event, facts)

    def error(self, event: str, **facts: str | float) -> None:
        """Something that stopped a job."""
        self._write(logging.ERROR, event, facts)

    def _write(self, level: int, event: str, facts: dict[str, str | float]) -> None:
        for name, value in facts.items():
            assert isinstance(value, (str, int, float)), f"journal: {name} is not a plain fact"
        if self._logger.isEnabledFor(level):  # a node that says little writes no line of each request
            self._logger.log(level, "%s", _line(event, facts))


def _line(event: str, facts: dict[str, str | float]) -> str:
    return " ".join([event, *(f"{name}={_shown(value)}" for name, value in facts.items())])


def _shown(value: str | float) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)
