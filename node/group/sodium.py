"""Find libsodium and check it: the group where there is no kernel, and the judge of the kernel where there is.

Decides which library is used: the system's when it has ristretto255 (1.0.18 or later), else the one that
the package `rbcl` carries as text. Importing `rbcl` would leave another copy of it in the temporary folder
each time, so its text is read without importing it, and written once to a cache folder that nobody else can
write to. The rule it keeps: no library is used that fails the self-test. See docs/spec/oprf.md.
"""

import ctypes
import ctypes.util
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from node.errors import LibraryError
from node.group.self_test import check_group
from protocol.oprf.sodium import SodiumGroup

_NAMES: Final = {
    "linux": ("libsodium.so.26", "libsodium.so.23"),
    "darwin": ("libsodium.dylib", "/opt/homebrew/lib/libsodium.dylib", "/usr/local/lib/libsodium.dylib"),
    "win32": ("libsodium.dll",),
}
_CARRIED: Final = re.compile(rb"bytes\.fromhex\('([0-9a-f]+)'\)")


def load_sodium(*, cache: Path | None = None) -> SodiumGroup:
    """The group behind the first usable libsodium.

    `cache` is the folder for the carried library, by default this user's cache folder.

    Raises:
        LibraryError: no library passes the self-test.
    """
    for name in _system_names():
        group = _try(name)
        if group is not None:
            return group
    return load_carried(cache=cache)


def load_carried(*, cache: Path | None = None) -> SodiumGroup:
    """The group behind the library that `rbcl` carries, written to `cache` if it is not there yet.

    Raises:
        LibraryError: `rbcl` is missing or of an unknown form, the folder is not private, or the self-test
            fails.
    """
    folder = cache or user_cache_path("sigfed")
    try:
        path = _unpack(folder)
    except OSError as error:
        raise LibraryError(
            "libsodium cannot be written to {folder}: {reason}", folder, error.strerror
        ) from error
    group = _try(str(path))
    if group is None:
        raise LibraryError("{path} cannot be loaded or fails its self-test", path)
    return group


def _system_names() -> Iterator[str]:
    yield from _NAMES.get(sys.platform, ())
    found = ctypes.util.find_library("sodium")  # last: it may start a compiler
    if found is not None:
        yield found


def _try(name: str) -> SodiumGroup | None:
    try:
        lib = ctypes.CDLL(name)
        if lib.sodium_init() < 0:
            return None
        group = SodiumGroup(lib)
        check_group(group)
    except Exception:  # noqa: BLE001 - not there, without ristretto255, or wrong in whatever way
        return None
    return group


# ---------------------------------------------------------------------- the carried library


def _unpack(folder: Path) -> Path:
    data = _carried_library()
    _make_private(folder)
    path = folder / f"libsodium-{sha256(data).hexdigest()[:16]}{'.dll' if sys.platform == 'win32' else '.so'}"
    if not path.is_file() or path.read_bytes() != data:
        _write_atomically(path, data)
    return path


def _carried_library() -> bytes:
    spec = find_spec("rbcl")  # finds the package without running it
    if spec is None or not spec.submodule_search_locations:
        raise LibraryError("there is no libsodium on this system, and the package rbcl is not installed")
    source = Path(spec.submodule_search_locations[0]) / "_sodium.py"
    match = _CARRIED.search(source.read_bytes()) if source.is_file() else None
    if match is None:
        raise LibraryError("the installed rbcl does not carry libsodium in the form known here")
    return bytes.fromhex(match[1].decode("ascii"))


def _make_private(folder: Path) -> None:
    """Create the folder for this user alone; refuse one where another user could put a library of his own."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        return  # the profile folder's access list already keeps others out
    status = folder.stat()
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise LibraryError("others can write to {folder}, so no library is loaded from there", folder)


def _write_atomically(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)  # created with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
