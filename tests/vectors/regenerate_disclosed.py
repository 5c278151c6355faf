"""Writes disclosed.json from docs/spec/disclosed.md alone, without this project's own encoders."""

from hashlib import shake_256
from typing import Any

import cbor2

SUBSET_ID = bytes(range(16, 32))
VALUES = sorted(shake_256(name).digest(32) for name in (b"a made-up picture", b"another", b"a third"))


def vectors() -> dict[str, Any]:
    """The content of disclosed.json."""
    messages = {
        "query": cbor2.dumps({0: 1, 1: SUBSET_ID, 2: VALUES}, canonical=True),
        "reply": cbor2.dumps({0: 1, 1: 14, 2: [0, 1, 0]}, canonical=True),
    }
    return {
        "source": "docs/spec/disclosed.md; written by regenerate_disclosed.py with an independent encoder",
        "messages": {name: data.hex() for name, data in messages.items()},
    }
