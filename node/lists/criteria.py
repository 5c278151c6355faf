"""Criteria documents among the trust files: one text a collection, named by its number."""

import re
from typing import Final

from keys.trust.proposals.sign import MAX_TEXT_BYTES
from node.errors import InputRefusedError

_NAME: Final = re.compile(r"criteria-([1-9][0-9]{0,2})\.md", re.ASCII)


def criteria_name(collection: int) -> str:
    """The trust file with the criteria of a collection."""
    return f"criteria-{collection}.md"


def criteria_number(name: str) -> int | None:
    """The collection whose criteria a trust file holds; None for another file."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def checked_text(data: bytes) -> bytes:
    """The text as it is signed; raises `InputRefusedError` for one that is empty, too long or not UTF-8."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputRefusedError("criteria are a text in UTF-8") from None
    if not text.strip() or len(data) > MAX_TEXT_BYTES:
        raise InputRefusedError(
            "criteria are a text of at most {most} bytes, and not empty", f"{MAX_TEXT_BYTES:,}"
        )
    return data
