"""Passphrases: what a guess costs, and where they come from: a file, a credential, a prompt; never an argument."""

import getpass
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from keys.keyfile import OFFLINE, ONLINE, KdfProfile
from node.errors import ConfigError, UsageError
from node.files import read_private

MIN_BYTES = 8
CREDENTIAL = "sigfed-passphrase"
ROOT_CREDENTIAL = f"{CREDENTIAL}-root"
OF_BACKUP: Final = "passphrase of this backup"
_PROFILES: Final = {"offline": OFFLINE, "online": ONLINE}


def kdf_profile(name: str, *, option: str = "--kdf") -> KdfProfile:
    """What a guess costs: 2 GiB and seconds, or 64 MiB and a tenth of one; raises `UsageError` for another name."""
    if name not in _PROFILES:
        raise UsageError("{option} is one of: {names}", option, ", ".join(_PROFILES))
    return _PROFILES[name]


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


def of_backup(file: Path | None) -> bytes:
    """The passphrase of a backup that is there."""
    return from_sources(what=OF_BACKUP, file=file, credential=f"{CREDENTIAL}-backup")()


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
