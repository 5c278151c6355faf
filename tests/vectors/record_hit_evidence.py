"""Records hit_evidence_2.json: evidence of a made-up hit, as a federation of two that exists for a moment gives it out.

Its keys are drawn at random and forgotten, so the file cannot be made again, and need not be: whoever holds evidence of
a hit must be able to have it verified years later. Run it as a script, from `tests`, only for a new version of the
format, and keep the old file beside the new one.
"""

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap

from keys.trust.fingerprint import to_words
from protocol.hit_evidence.bundle import FORMATS
from support.hits import SUBSET, hit_world


async def record() -> dict[str, str | list[str]]:
    """The content of the file."""
    with TemporaryDirectory() as folder:
        async with hit_world(Path(folder), listed=["a file"]) as world:
            sent = await world.reported("a file")
            data = await world.hits().hit_evidence(SUBSET, sent.report.report_id.hex(), version=max(FORMATS))
            pinned = world.fr.founded.root_sha256
    return {
        "source": f"recorded by record_hit_evidence.py for format {max(FORMATS)}",
        "root": to_words(pinned),
        "evidence": wrap(b64encode(data).decode(), 100),
    }


if __name__ == "__main__":
    text = json.dumps(asyncio.run(record()), indent=1) + "\n"
    Path(__file__).with_name(f"hit_evidence_{max(FORMATS)}.json").write_text(text, "utf-8")
