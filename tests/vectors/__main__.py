"""Rewrites files of vectors as their scripts make them: `python tests/vectors NAME…`, by the names of the files.

A test compares all of them. A change of any byte of a frozen one is a change of the format.
"""

import json
import runpy
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def written(name: str) -> str:
    """The file as its script makes it."""
    made = runpy.run_path(str(FOLDER / f"regenerate_{name}.py"))["vectors"]()
    return json.dumps(made, indent=1) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parent))
    for wanted in sys.argv[1:]:
        FOLDER.joinpath(f"{wanted}.json").write_text(written(wanted), "utf-8")
