"""Homes as a program of before left them, recorded once (`tests/vectors/record_*.py`)."""

import tarfile
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parents[1] / "vectors"


def lay_out(recorded: str, folder: Path) -> None:
    """Put what was recorded under this name into a folder."""
    with tarfile.open(_FOLDER / f"{recorded}.tar.xz") as archive:
        # As an attribute: Python before 3.11.4 knows no filter, and 3.12 warns of who names none.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
