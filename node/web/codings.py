"""Bodies are taken as they are: what is packed on its way has other hashes, and a small one that inflates is a bomb."""

from collections.abc import Mapping
from typing import Final

from multidict import CIMultiDictProxy

_PLAIN: Final[Mapping[str, tuple[str, ...]]] = {
    "Content-Encoding": ("identity",),
    "Transfer-Encoding": ("chunked",),
}


def is_coded(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a message, or a part of a form, says that its body is packed: in any of its fields, and anywhere in them.

    Whoever says so twice is read by the first word here, and by the last elsewhere.
    """
    return any(
        tuple(value.strip().lower() for value in headers.getall(name)) != plain
        for name, plain in _PLAIN.items()
        if name in headers
    )
