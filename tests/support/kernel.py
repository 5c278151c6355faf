"""The kernel, compiled for tests from the sources that stand in the repository, with what options a test wants.

Each library is a file of its own: a process that loads two of them has two choices of a path.
"""

import atexit
import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, cast
from unittest.mock import patch

import pytest

from node.group import build_hook
from node.group.build_hook import FLAGS, compile_kernel, sources_digest
from node.group.load import load_kernel
from node.group.sodium import load_sodium
from protocol.oprf.group import Group
from protocol.oprf.kernel import PATHS, KernelGroup
from protocol.oprf.sodium import SodiumGroup
from support.foreign_kernel import ForeignKernel
from support.machine import made_once
from support.programs import needed
from support.sizes import THOROUGH

SOURCES: Final = Path(build_hook.__file__).parent / "kernel"
INSTALLED: Final = SOURCES / "kernel.so"
NATIVE: Final = Path(__file__).parent / "native"
"""Programs in C around the kernel, and the eight lanes in plain C."""
EMULATED: Final = ("-DSF_EMULATE_IFMA", f"-I{NATIVE}", "-Wno-psabi")
EMULATED_LANES: Final = "kernel-emulated"
"""The eight lanes in plain C, for processors that have none."""
BY_CLANG: Final = tuple(f"{path} by clang" for path in PATHS)
ON_AARCH64: Final = "kernel-portable on AArch64"
KERNELS: Final = (*PATHS, EMULATED_LANES, *((*BY_CLANG, ON_AARCH64) if THOROUGH else ()))
"""Every kernel that tests can have here; what another compiler or machine makes of it, in thorough runs alone."""
GROUPS: Final = ("libsodium", *KERNELS)
"""Everything that may stand behind the protocol."""

CALLED: Final = "-Dalways_inline=unused"
"""Functions are called, not copied to each of their calls, which is what takes seconds to compile."""
UNOPTIMISED: Final = ("-O0", CALLED)
"""For what runs once, or is watched access by access."""

_PATHS: Final = {0: ("portable.c",), 1: ("ifma.c",)}
"""What includes the headers."""
_CROSS: Final = "aarch64-linux-gnu-gcc"

_COMPILING: Final = 1200


def compiled(name: str, flags: Sequence[str] = FLAGS, *, compiler: str = "cc") -> Path:
    """A library of this name, made once; the test is skipped where there is no such compiler.

    What the installation made in the same way, of the sources as they are now, is not made again.
    """
    command, failure = str(needed(compiler)), ""
    with made_once(f"{name}.so") as target, patch.dict(os.environ, CC=command):
        if not target.exists() and (compiler, flags) == ("cc", FLAGS) and is_installed():
            shutil.copy(INSTALLED, target)
        elif not target.exists():
            failure = compile_kernel(SOURCES, target, flags)
    assert not failure, failure
    return target


def is_installed() -> bool:
    """Whether the installation made a library of the sources as they are now."""
    return INSTALLED.is_file() and sources_digest(SOURCES).encode() in INSTALLED.read_bytes()


@cache
def sodium() -> SodiumGroup:
    """What every other group must equal."""
    return load_sodium()


@cache
def group_named(name: str) -> Group:
    """One of `GROUPS`; the test is skipped where it cannot be."""
    if name == "libsodium":
        return sodium()
    if name == EMULATED_LANES:
        return load_kernel(compiled(name, (*EMULATED, CALLED, "-O1", *FLAGS[1:])), sodium())
    if name == ON_AARCH64:
        return KernelGroup(cast("ctypes.CDLL", _answering()))
    if name in BY_CLANG:
        return kernel_on(BY_CLANG.index(name), compiled("kernel-by-clang", compiler="clang"))
    return kernel_on(PATHS.index(name), compiled("kernel"))


def _answering() -> ForeignKernel:
    kernel = ForeignKernel((emulator(), foreign_program("answer")))
    atexit.register(kernel.close)
    return kernel


def kernel_on(path: int, library: Path) -> KernelGroup:
    """The group of a copy of the library that takes this path, or a skip on a processor without it."""
    with made_once(f"{library.stem}-{path}.so") as own:
        if not own.exists():
            shutil.copy(library, own)
    group = KernelGroup(ctypes.CDLL(str(own)), path)
    if group.name != PATHS[path]:
        pytest.skip("needs a processor with AVX-512 IFMA")
    return group


def sabotaged(file: str, number: str) -> Path:
    """A library in whose sources one hexadecimal constant, named by its digits, has one bit flipped."""
    return mutant(file, number, f"{int(number, 16) ^ 2:#x}")


def mutant(file: str, before: str, after: str, path: int = -1) -> Path:
    """A library in whose sources one expression, which stands there once, is another; the rest is compiled once.

    In a header it is another for one path, or for both.
    """
    changed = _PATHS.get(path, ("portable.c", "ifma.c")) if file.endswith(".h") else (file,)
    name = f"mutant-{_named((file, before, after, *changed))}"
    with made_once(f"{name}-sources") as place:
        if not place.exists():
            text = (SOURCES / file).read_text(encoding="utf-8")
            assert text.count(before) == 1, before
            shutil.copytree(SOURCES, place, ignore=shutil.ignore_patterns("*.so"))
            (place / file).write_text(text.replace(before, after), encoding="utf-8")
    command = (str(needed("cc")), *UNOPTIMISED, *FLAGS[1:])
    others = [_object(command, SOURCES / source) for source in build_hook.SOURCES if source not in changed]
    with made_once(f"{name}.so") as target:
        if not target.exists():
            _run(*command, "-o", target, *(place / each for each in changed), *others)
    return target


def program(name: str, flags: tuple[str, ...], compiler: str = "cc") -> Path:
    """A program of `NATIVE`, linked with the kernel's sources; the test is skipped where there is no such compiler."""
    command = (str(needed(compiler)), *flags)
    objects = _objects(command)
    with made_once(f"{name}-{_named(command)}") as target:
        if not target.exists():
            _run(*command, "-o", target, NATIVE / f"{name}.c", *objects)
    return target


def foreign_program(name: str) -> Path:
    """The same for AArch64, whole in one file, for an emulator to run."""
    return program(name, (FLAGS[0], "-static"), _CROSS)


def emulator() -> Path:
    """What runs such a program."""
    return needed("qemu-aarch64")


def _objects(command: tuple[str, ...]) -> list[Path]:
    """The kernel, each source compiled once for all programs that want this compiler and these flags of it."""
    return [_object(command, SOURCES / source) for source in build_hook.SOURCES]


def _object(command: tuple[str, ...], source: Path) -> Path:
    if EMULATED[0].removeprefix("-D") not in source.read_text(encoding="utf-8"):
        command = tuple(word for word in command if word not in EMULATED)
    with made_once(f"{source.stem}-{_named(command)}.o") as target:
        if not target.exists():
            _run(*command, "-c", "-o", target, source)
    return target


def _named(words: Sequence[str]) -> str:
    return sha256(repr(words).encode()).hexdigest()[:16]


def _run(*words: str | Path) -> None:
    command = [*map(str, words), f"-I{SOURCES}", f"-I{NATIVE}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILING, check=False)
    assert done.returncode == 0, done.stderr
