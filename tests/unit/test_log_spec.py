"""The examples of docs/spec/log.md and encoding.md are what the code writes: changing a format changes its page."""

import re
from pathlib import Path

from protocol.encoding import CborValue, decode_cbor, encode_cbor
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint
from protocol.tlog.merkle import CompactRange
from protocol.tlog.note import VerifierKey
from support.logs import ORIGIN, signed_note
from support.trees import leaves

SPEC = Path(__file__).parents[2] / "docs" / "spec"


def blocks(page: str) -> list[str]:
    text = (SPEC / page).read_text("utf-8")
    found: list[str] = re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return found


def test_checkpoint_of_the_page() -> None:
    note, keys, frontier = blocks("log.md")[:3]
    log, witness = map(VerifierKey.from_text, keys.splitlines())
    opened = open_checkpoint(note.encode(), origin=ORIGIN, log_keys=[log], witnesses=[witness])
    assert [(c.witness, c.time_s) for c in opened.cosignatures] == [(witness, 1803902400)]
    tree = CompactRange.from_bytes(bytes.fromhex(frontier))
    again = CompactRange()
    again.extend(leaves(7))
    assert opened.checkpoint == Checkpoint(ORIGIN, 7, tree.root())
    assert tree.to_bytes() == again.to_bytes()
    assert signed_note(opened.checkpoint, {"a": 1803902400}) == note.encode()


def test_cbor_of_the_page() -> None:
    lines = blocks("encoding.md")[0].split("\nbytes")[1].splitlines()
    data = bytes.fromhex(" ".join(re.sub(r" {3,}\S.*", "", line.strip()) for line in lines))
    value: dict[int, CborValue] = {1: b"\x01\x02", 3: "pdq/1/full", 24: [1, -1, None, True]}
    assert decode_cbor(data, max_bytes=100) == value
    assert encode_cbor(value) == data
