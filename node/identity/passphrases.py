"""Where passphrases come from: a file, a system credential, or a prompt; never an argument or a variable."""

import getpass
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from node.errors import ConfigError, UsageError
from node.files import read_private

MIN_BYTES = 8
CREDENTIAL = "sigfed-passphrase"
ROOT_CREDENTIAL = f"{CREDENTIAL}-root"


def from_sources(
    *, what: str, file: Path | None, credential: str, least: int = MIN_BYTES
) -> Callable[[], bytes]:
    """A function that finds the passphrase when it is first needed and remembers it.

    The order is: the configured file, a systemd credential of that name, a prompt on the terminal. A file with less
    than `least` characters is refused; the PIN of a token, which locks itself, may be shorter.
    """

    @cache
    def ask() -> bytes:
        if file is not None:
            return _checked(read_private(file).rstrip(b"\r\n"), str(file), least)
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if folder and (path := Path(folder, credential)).exists():
            return _checked(path.read_bytes().rstrip(b"\r\n"), str(path), least)
        return _prompt(what)

    return ask


def available(file: Path | None, credential: str) -> bool:
    """Whether a passphrase can be had without asking anybody."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return file is not None or (bool(folder) and Path(str(folder), credential).exists())


def new_passphrase(*, what: str, file: Path | None) -> Callable[[], bytes]:
    """As `from_sources` for a passphrase that does not exist yet: a prompt asks twice."""

    @cache
    def ask() -> bytes:
        if file is not None:
            return _checked(read_private(file).rstrip(b"\r\n"), str(file))
        first = _checked(_prompt(f"new {what}"), what)
        if _prompt(f"{what} again") != first:
            raise UsageError("the two passphrases differ")
        return first

    return ask


def _prompt(what: str) -> bytes:
    if not sys.stdin.isatty():
        raise ConfigError(
            "the {what} is needed and there is no terminal to ask on",
            what,
            hint="name a file in sigfed.toml: [secrets] passphrase_file, root_passphrase_file",
        )
    return getpass.getpass(f"{what}: ").encode()


def _checked(value: bytes, where: str, least: int = MIN_BYTES) -> bytes:
    if len(value) < least:
        raise ConfigError("{where}: a passphrase has at least {least} characters", where, least)
    return value
