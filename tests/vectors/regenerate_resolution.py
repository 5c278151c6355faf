"""Writes resolution.json from docs/spec/statement.md, "Resolution", without this project's own encoders."""

import runpy
from pathlib import Path
from typing import Any

MESSAGES = runpy.run_path(str(Path(__file__).with_name("regenerate_messages.py")))
TIME_MS, NODE, PARTNER, REPORT_ID = (MESSAGES[name] for name in ("TIME_MS", "NODE", "PARTNER", "REPORT_ID"))


def vectors() -> dict[str, Any]:
    """The content of resolution.json."""
    cbor, statement, public = (MESSAGES[name] for name in ("cbor", "statement", "public"))
    told = {0: 1, 1: NODE, 2: PARTNER, 3: REPORT_ID, 4: 4, 5: TIME_MS, 6: TIME_MS + 7}
    messages = {
        "resolution": cbor({0: 1, 1: REPORT_ID, 2: 4, 3: TIME_MS}),
        "receipt": statement("resolution-receipt", cbor(told)),
    }
    return {
        "source": "docs/spec/statement.md; written by regenerate_resolution.py as messages.json is",
        "keys": {"statement": public("statement").hex()},
        "messages": {name: data.hex() for name, data in messages.items()},
    }
