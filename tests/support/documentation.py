"""What of the documentation is made when it is built, as a Sphinx extension.

Pages of commands get what the program says of them (`support.cli_reference`). A block `{threats}` becomes the table of
threats and their tests (`support.threats`), a block `{layers} PACKAGE` the picture of a package (`support.layers`).
"""

import re
from typing import Any

from support.cli_reference import FOLDER, rendered
from support.layers import picture
from support.threats import ROOT, table

_BLOCK = re.compile(r"^```\{(threats|layers)\} ?([\w.]*)\n```$", re.MULTILINE)


def built(name: str, text: str) -> str:
    """A page as it is built: `name` is its path below docs, without suffix."""
    folder, _, noun = name.rpartition("/")
    if folder == FOLDER.name and noun != "index":
        return rendered(noun, text)

    def made(block: re.Match[str]) -> str:
        if block[1] == "threats":
            return table(text, ROOT / "tests")
        return f"```{{raw}} html\n{picture(block[2])}\n```"

    return _BLOCK.sub(made, text)


def setup(sphinx: Any) -> dict[str, bool]:
    """Called by Sphinx, which reads each page as it is built."""

    def read(_: object, name: str, source: list[str]) -> None:
        source[0] = built(name, source[0])

    sphinx.connect("source-read", read)
    return {"parallel_read_safe": True}
