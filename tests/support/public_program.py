"""The interpreter and this program where every user of the machine can read them, as an installation has them.

Tests may run from folders that are their owner's alone. What is copied are names, not contents, where that is possible.
"""

import os
import shutil
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from support.processes import ROOT

_NOT_NEEDED = shutil.ignore_patterns("site-packages", "dist-packages", "test", "idlelib", "ensurepip")
_OURS = ("keys", "protocol", "node", "tests/support")


def publish_program(folder: Path) -> Sequence[str]:
    """Put them into `folder`; gives the beginning of a command line that runs them, up to the interpreter."""
    version = f"python{sysconfig.get_python_version()}"
    stdlib = Path(sysconfig.get_path("stdlib"))
    _copy(stdlib, folder / "python/lib" / version)
    for library in (stdlib.parent).glob(f"lib{version}*.so*"):
        _link(library, folder / "python/lib" / library.name)
    interpreter = folder / "python/bin" / version
    interpreter.parent.mkdir()
    _link(Path(sysconfig.get_config_var("BINDIR"), version), interpreter)
    packages = sorted({sysconfig.get_path(name) for name in ("purelib", "platlib")})
    for number, path in enumerate(packages):
        _copy(Path(path), folder / f"packages{number}")
    for name in _OURS:
        _copy(ROOT / name, folder / "ours" / name)
    paths = [folder / "ours", folder / "ours/tests", *sorted(folder.glob("packages*"))]
    return (
        "env",
        # What measures this process would write beside what only its owner may write beside.
        *(f"--unset={name}" for name in os.environ if name.startswith("COVERAGE_")),
        f"PYTHONPATH={':'.join(map(str, paths))}",
        f"LD_LIBRARY_PATH={folder / 'python/lib'}",
        str(interpreter),
    )


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=_NOT_NEEDED, copy_function=_link)


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
