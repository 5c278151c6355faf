"""Pictures of the consoles for README and manuals: chosen from those that the tests take, and made small.

SIGFED_SHOTS=/tmp/shots pytest tests/console/test_pages.py tests/console/test_hoster_pages.py
python tests/support/console_pictures.py /tmp/shots
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

PICTURES: Final = Path(__file__).parents[2] / "docs" / "pictures"


@dataclass(frozen=True, slots=True)
class Chosen:
    """One that is shown somewhere."""

    taken: str
    """The name that a test gives it."""
    kept: str
    """The name in the manuals."""
    highest: int
    """Pixels from its top that are kept: what is below says nothing new, and costs bytes."""


CHOSEN: Final = (
    Chosen("overview-desk-light", "console-overview", 1090),
    Chosen("entry-desk-light", "console-entry", 1500),
    Chosen("rotate-desk-light", "console-rotation", 1500),
    Chosen("hits-phone-dark", "console-telephone", 1045),
    Chosen("partner-console-overview-desk-light", "partner-console-overview", 1090),
)


def keep(folder: Path) -> None:
    """Put the chosen ones in place of those that are there."""
    for one in CHOSEN:
        with Image.open(folder / f"{one.taken}.png") as picture:
            cut = picture.convert("RGB").crop((0, 0, picture.width, min(picture.height, one.highest)))
            cut.quantize(256, Image.Quantize.FASTOCTREE).save(PICTURES / f"{one.kept}.png", optimize=True)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
