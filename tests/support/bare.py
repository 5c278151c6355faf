"""What every Debian has, and no more, as a folder for PATH: links to the programs of its required packages, and awk.

    python tests/support/bare.py FOLDER     for `.ci/bare`

Shells of pages have it in front of them always, so what they type leans on nothing else.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_ASKED = "-f=${Package}\t${Priority}\t${Essential}\n"


def link_programs(folder: Path) -> None:
    """Fill a folder, which is made; with everything in PATH where there is no Debian."""
    folder.mkdir(exist_ok=True)
    for program in _required() if shutil.which("dpkg-query") else _all():
        link = folder / program.name
        if not link.is_symlink():
            link.symlink_to(program)


def _required() -> Iterator[Path]:
    rows = [line.split("\t") for line in _said("-W", _ASKED)]
    names = [name for name, priority, essential in rows if priority == "required" or essential == "yes"]
    folders = {Path(root, name) for root in ("/", "/usr") for name in ("bin", "sbin")}
    yield from (path for path in map(Path, _said("-L", *names)) if path.parent in folders)
    awk = shutil.which("awk")  # an alternative, which no package lists
    if awk is not None:
        yield Path(awk)


def _said(*arguments: str) -> list[str]:
    done = subprocess.run(["dpkg-query", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _all() -> Iterator[Path]:
    for folder in os.get_exec_path():
        yield from Path(folder).glob("*")


if __name__ == "__main__":
    link_programs(Path(sys.argv[1]))
