"""The product, with the head of each log that it signs written down before anybody has its signature.

    python -m support.signed_heads FILE --home HOME signer run

A line of FILE is a log, a size and a root. Whatever left a process that was killed is in it: a database, or who asks it
now and then, knows only the heads that were kept.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

from keys.signer import Signer
from node.cli.main import main
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint

Roots = Mapping[tuple[str, int], set[str]]
"""By log and size."""


def signing(file: int) -> Callable[[Checkpoint, Sequence[Signer]], bytes]:
    """What signs heads, and writes them down."""

    def sign(head: Checkpoint, signers: Sequence[Signer]) -> bytes:
        note = sign_checkpoint(head, signers)
        os.write(file, f"{head.origin} {head.size} {head.root.hex()}\n".encode())
        return note

    return sign


def signed_heads(file: Path) -> Roots:
    """The roots that were signed."""
    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    for line in file.read_text().splitlines():
        origin, size, root = line.split()
        found[origin, int(size)].add(root)
    return found


if __name__ == "__main__":
    heads = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with patch("node.signing.log_signer.sign_checkpoint", signing(heads)):
        main()
