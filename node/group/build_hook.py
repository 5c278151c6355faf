"""Compile the kernel when sigfed is installed, if a C compiler is there; its absence is a remark and no error.

Hatchling runs this file by its path, before anything of sigfed is installed, so it imports nothing of sigfed.
`SIGFED_KERNEL=no` leaves the kernel out, `SIGFED_KERNEL=require` makes a failure an error, `CC` names the compiler.
No option asks for the instructions of the machine that compiles: the library runs wherever its platform tag says, and
looks at the processor when it is loaded.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

LIBRARY: Final = "kernel/kernel.so"
"""Where the library lies, beside its sources; git leaves it out."""
SOURCES: Final = ("kernel.c", "hash.c", "sha256.c", "scalar.c", "portable.c", "ifma.c")
FLAGS: Final = ("-O3", "-fPIC", "-shared", "-fvisibility=hidden")
_STRIP: Final = ("-Wl,-s",) if sys.platform == "linux" else ()
_SECONDS: Final = 300
_LOAD: Final = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).sf_interface()"
"""In a process of its own: a library that was linked wrongly can end the one that loads it."""
_WISHES: Final = ("", "no", "require")


def compile_kernel(folder: Path, target: Path, flags: Sequence[str] = (*FLAGS, *_STRIP)) -> str:
    """Compile the sources in `folder`; empty, or in words why there is no library."""
    try:
        compiler = _compiler()
    except ValueError as error:
        return f"CC cannot be understood: {error}"
    if compiler is None:
        return "there is no C compiler"
    part = target.with_suffix(".part")  # a library that a process has mapped must not be written into
    try:
        origin = f'-DSF_SOURCES="{sources_digest(folder)}"'
        failure = _run(*compiler, *flags, origin, "-o", str(part), *(str(folder / name) for name in SOURCES))
        if failure or not part.is_file():
            return f"{compiler[0]} failed: {failure}"
        failure = _run(sys.executable, "-I", "-c", _LOAD, str(part.resolve()))
        if failure:
            return f"what {compiler[0]} made cannot be loaded: {failure}"
        part.replace(target)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no library can be made: {error}"
    finally:
        with suppress(OSError):  # read-only
            part.unlink(missing_ok=True)
    return ""


def sources_digest(folder: Path) -> str:
    """SHA-256, in hexadecimal, of the sources in a folder; a library holds that of those it was compiled from."""
    digest = sha256()
    for source in sorted(folder.glob("*.[ch]")):
        content = source.read_bytes()
        digest.update(f"{source.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _run(*command: str) -> str:
    """Run a program; empty, or the end of what it says, whatever its encoding is, when it fails."""
    done = subprocess.run(  # noqa: S603 - the compiler that the operator has, and this Python
        command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
    )
    return (done.stderr.strip()[-500:] or f"status {done.returncode}") if done.returncode else ""


def _compiler() -> list[str] | None:
    named = shlex.split(os.environ.get("CC", ""))
    candidates = [named] if named else [["cc"], ["gcc"], ["clang"]]
    return next((each for each in candidates if shutil.which(each[0])), None)


def _remove(library: Path) -> str:
    """Remove a library of older sources; empty, or in words why it is still there."""
    try:
        if library.exists():
            library.unlink()
    except OSError as error:
        return f"the one that was compiled before cannot be removed: {error}"
    return ""


def get_build_hook() -> type[Any]:
    """What hatchling asks for."""
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # noqa: PLC0415 - only while building

    class KernelHook(BuildHookInterface):  # type: ignore[misc]
        """Adds the library to a wheel and names the platform in its tag."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Compile into a folder of its own, or beside the sources when they are used where they are."""
            wish = os.environ.get("SIGFED_KERNEL", "")
            if wish not in _WISHES:
                raise ValueError(f"SIGFED_KERNEL is `no`, `require` or nothing, and not `{wish}`")
            here = Path(self.root, "node", "group")
            editable = version == "editable"
            failure = _remove(here / LIBRARY) if editable else ""
            if wish == "no":
                if failure:
                    self.app.display_warning(f"the kernel is not left out: {failure}")
                return
            self._folder = TemporaryDirectory()
            target = here / LIBRARY if editable else Path(self._folder.name, "kernel.so")
            failure = failure or compile_kernel(here / "kernel", target)
            if failure and wish == "require":
                raise RuntimeError(failure)
            if failure:
                self.app.display_warning(f"without its kernel, sigfed computes with libsodium: {failure}")
                return
            if not editable:
                build_data["force_include"][str(target)] = f"node/group/{LIBRARY}"
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{_platform()}"

        def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
            """Remove the folder."""
            if hasattr(self, "_folder"):
                self._folder.cleanup()

    return KernelHook


def _platform() -> str:
    from packaging.tags import platform_tags  # noqa: PLC0415 - comes with hatchling

    # The first ones promise an old C library too, and which they are depends on the version of `packaging`.
    return next(tag for tag in platform_tags() if "manylinux" not in tag and "musllinux" not in tag)
