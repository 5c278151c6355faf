"""Decide which group this process computes with, test it, and say why it is that one.

The kernel is used where it was compiled and passes the self-test, which asks libsodium too; libsodium is used
otherwise, and where the configuration says so. A kernel that computes one bit differently is never used, and nothing
stops for it: `Found.remark` tells whoever examines the node.
"""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.clock import system_entropy
from node.group.build_hook import LIBRARY, SOURCES, sources_digest
from node.group.self_test import check_group, compare_groups, compare_hashers
from node.group.sodium import load_sodium
from node.names import GroupChoice
from protocol.errors import OprfError
from protocol.oprf.group import Group
from protocol.oprf.kernel import KernelGroup
from protocol.oprf.sodium import SodiumGroup
from protocol.tlog.hasher import HASHLIB, Hasher, KernelHasher

KERNEL: Final = Path(__file__).parent / LIBRARY
"""Where the build hook leaves the kernel."""
_PASSED: Final[set[tuple[Path, int, int, bool]]] = set()
"""Files that passed the self-test in this process, by path, inode and time of change, and whether against libsodium."""


@dataclass(frozen=True, slots=True)
class Found:
    """A group, and how it came to be this one."""

    group: Group
    remark: str
    """In words, for people."""
    refused: bool = False
    """Whether there is a kernel, and it failed."""


def load_group(choice: GroupChoice = "fastest") -> Group:
    """The group to compute with; call it once in a process and keep the result.

    Raises:
        LibraryError: there is no usable libsodium, which a kernel needs as its judge.
    """
    return find_group(choice).group


def group_name(choice: GroupChoice = "fastest") -> str:
    """That of the group to compute with, for who computes nothing: a kernel is tried with the RFCs' vectors alone."""
    return find_group(choice, compare=False).group.name


def find_group(choice: GroupChoice = "fastest", *, kernel: Path = KERNEL, compare: bool = True) -> Found:
    """The group to compute with, and why it is that one; raises as `load_group`.

    Without `compare` a kernel is not compared with libsodium, which takes most of its self-test.
    """
    sodium = load_sodium()
    if choice == "libsodium":
        return Found(sodium, "libsodium, as the configuration says")
    if not kernel.is_file():
        return Found(sodium, "libsodium; the faster kernel was not compiled when sigfed was installed")
    try:
        group = load_kernel(kernel, sodium if compare else None)
    except OprfError as error:
        return Found(sodium, f"libsodium, because the kernel is not used: {error}", refused=True)
    return Found(group, f"{group.name}; its self-test passed")


def load_hasher(choice: GroupChoice = "fastest", *, kernel: Path = KERNEL) -> Hasher:
    """What hashes a log: the kernel where it is faster and gives the same as `hashlib`, and `hashlib` otherwise."""
    if choice == "libsodium" or not kernel.is_file():
        return HASHLIB
    try:
        hasher = KernelHasher(_library(kernel))
        compare_hashers(hasher, HASHLIB, system_entropy)
    except Exception:  # noqa: BLE001 - whatever is wrong with it: `doctor` examines the kernel
        return HASHLIB
    return hasher


def load_kernel(path: Path, oracle: SodiumGroup | None) -> KernelGroup:
    """The group behind a compiled kernel; raises OprfError for one that cannot be loaded or fails its self-test.

    What passed is not tested again in this process: the library stays mapped, and another file is another one.
    """
    try:
        found = path.stat()
        group, file = KernelGroup(_library(path)), (path, found.st_ino, found.st_mtime_ns, oracle is not None)
        if file in _PASSED:
            return group
        check_group(group)
        if oracle is not None:
            compare_groups(group, oracle, system_entropy)
        _PASSED.add(file)
    except OprfError:
        raise
    except (OSError, AttributeError) as error:  # not a library, or one without the functions
        raise OprfError("it cannot be loaded: {reason}", error) from error
    except Exception as error:  # a broken kernel leads anywhere, and nothing stops for it
        raise OprfError("it fails its self-test: {reason}", repr(error)) from error
    return group


def _library(path: Path) -> ctypes.CDLL:
    library = path.read_bytes()
    _require_whole(library)
    _require_same_sources(library, path.parent)
    return ctypes.CDLL(str(path))


def _require_whole(library: bytes) -> None:
    """Refuse an ELF file of 64 bits that ends before its section headers do, which are its last part.

    The system maps such a file, and the process ends where it is read.
    """
    if library[:5] != b"\x7fELF\x02":
        return
    start = int.from_bytes(library[40:48], "little")
    each, count = (int.from_bytes(library[at : at + 2], "little") for at in (58, 60))
    if len(library) < start + each * count:
        raise OprfError("its file is cut off")


def _require_same_sources(library: bytes, folder: Path) -> None:
    """Refuse what was compiled from other sources than those beside it: in an editable installation they change."""
    if (folder / SOURCES[0]).is_file() and sources_digest(folder).encode() not in library:
        raise OprfError("it was compiled from other sources than those beside it; install the program again")
