"""Pictures of the console for the manuals: chosen from those that the tests take, and made small.

SIGFED_SHOTS=/tmp/shots pytest tests/console/test_looking.py
python tests/support/console_pictures.py /tmp/shots
"""

import sys
from pathlib import Path

from PIL import Image

CHOSEN = {
    "overview-desk-light": "console-overview",
    "entry-desk-light": "console-entry",
    "rotate-desk-light": "console-rotation",
}
"""By the name that a test gives it, the name in the manuals."""
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_HIGHEST = 1500


def keep(folder: Path) -> None:
    """Put the chosen ones in place of those that are there."""
    for taken, kept in CHOSEN.items():
        with Image.open(folder / f"{taken}.png") as picture:
            cut = picture.convert("RGB").crop((0, 0, picture.width, min(picture.height, _HIGHEST)))
            cut.quantize(256, Image.Quantize.FASTOCTREE).save(PICTURES / f"{kept}.png", optimize=True)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
