"""Writes disclosed.json from docs/spec/disclosed.md alone, without this project's own encoders.

Run it as a script to rewrite the file; a test compares the two. A change of any byte is a change of the format.
"""

import json
from hashlib import shake_256
from pathlib import Path
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


if __name__ == "__main__":
    text = json.dumps(vectors(), indent=1) + "\n"
    Path(__file__).with_name("disclosed.json").write_text(text, "utf-8")
