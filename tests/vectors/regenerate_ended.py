"""Writes ended.json from docs/spec/statement.md, "End", without this project's own encoders."""

import runpy
from hashlib import sha256
from pathlib import Path
from typing import Any

MESSAGES = runpy.run_path(str(Path(__file__).with_name("regenerate_messages.py")))
TIME_MS, NODE, PARTNER, REPORT_ID = (MESSAGES[name] for name in ("TIME_MS", "NODE", "PARTNER", "REPORT_ID"))


def vectors() -> dict[str, Any]:
    """The content of ended.json."""
    cbor, statement, public = (MESSAGES[name] for name in ("cbor", "statement", "public"))
    body = sha256(b"the body of a report").digest()
    end = {0: 1, 1: NODE, 2: PARTNER, 3: REPORT_ID, 4: body, 5: b"s" * 16, 6: 8, 7: TIME_MS}
    signed = statement("report-ended", cbor(end))
    messages = {
        "end": signed,
        "reply": cbor({0: 1, 1: [[REPORT_ID, b"the receipt", signed]]}),
        "none": cbor({0: 1, 1: []}),
    }
    return {
        "source": "docs/spec/statement.md; written by regenerate_ended.py as messages.json is",
        "keys": {"statement": public("statement").hex()},
        "messages": {name: data.hex() for name, data in messages.items()},
    }
