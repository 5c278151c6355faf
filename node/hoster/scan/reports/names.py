"""How files are called in a report: by their names, or by tokens that tell nobody the names.

Names of files are often names of customers. A token is an HMAC under a key that stays in the partner's folder: the same
file has the same token in every report of this partner, so reports can be compared, and nobody else can test a guess.
A hash of the name without a key would not do: names are short and can be guessed. What tokens do not hide is how many
files there are, their sizes, and which of two reports name the same one.
"""

import errno
import hmac
import os
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from node.hoster.scan.results import without_part
from node.hoster.store.database import PartnerStore

_KEY: Final = "report-names"
_TOKEN_BYTES: Final = 16
_FRAME: Final = re.compile(r"#[0-9]+", re.ASCII)
_WORDS: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ,;:()%'-]*", re.ASCII)
"""What words alone are made of: a path has dots and slashes."""
_OF_THE_SYSTEM: Final = frozenset(map(os.strerror, errno.errorcode))
"""What the operating system says when a file cannot be read."""


class Names(Protocol):
    """What a report calls things."""

    @property
    def redacted(self) -> bool:
        """Whether names are hidden."""
        ...

    def source(self, text: str) -> str:
        """Where files are from."""
        ...

    def path(self, text: str) -> str:
        """The path of a file."""
        ...

    def part(self, text: str) -> str:
        """A part of a file; empty for the file itself."""
        ...

    def reason(self, text: str) -> str:
        """Why something was not looked at."""
        ...


@dataclass(frozen=True, slots=True)
class TrueNames:
    """Names as they are: nothing is hidden."""

    redacted: bool = False

    def source(self, text: str) -> str:
        """The same text."""
        return text

    path = part = reason = source


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens in place of names."""

    key: bytes = field(repr=False)
    redacted: bool = True

    def source(self, text: str) -> str:
        """`source-` and a token."""
        return self._token("source", text)

    def path(self, text: str) -> str:
        """`file-` and a token."""
        return self._token("file", text)

    def part(self, text: str) -> str:
        """`part-` and a token; the number of a frame hides nothing and stays."""
        return text if not text or _FRAME.fullmatch(text) else self._token("part", text)

    def reason(self, text: str) -> str:
        """Its words without the name of a part; what could hold a name is left out."""
        words = without_part(text)
        told = words in _OF_THE_SYSTEM or _WORDS.fullmatch(words)
        return words if told else "not told in a report without names"

    def _token(self, kind: str, text: str) -> str:
        data = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        return f"{kind}-{hmac.digest(self.key, data, sha256)[:_TOKEN_BYTES].hex()}"


def tokens_of(folder: Path) -> Tokens:
    """The tokens of the partner in `folder`; its key is made when it is first needed.

    Raises:
        ConfigError: others could have read the key.
    """
    return Tokens(PartnerStore(folder).key(_KEY))
