"""The files that pages load: own and vendored ones, read once, named by what is in them.

Nothing is loaded from anywhere else. A name holds the hash of the file, so that a browser keeps it for ever and gets
another the moment it changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Final

from node.pages.style import STYLE

_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_COMMON: Final = "console.css"
"""Begins with the style that reports have too."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    content_type: str

    @property
    def tag(self) -> str:
        """Changes when the file does."""
        return sha256(self.body).hexdigest()[:16]


def load_assets() -> Mapping[str, Asset]:
    """All files by name."""
    found = {}
    for file in files("node.console").joinpath("static").iterdir():
        kind = _TYPES.get(file.name[file.name.rfind(".") :])
        if kind is not None:
            body = file.read_bytes()
            found[file.name] = Asset(STYLE.encode() + body if file.name == _COMMON else body, kind)
    return found
