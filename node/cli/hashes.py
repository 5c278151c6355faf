"""Hashes as the command line takes them: from a file, standard input or a hidden prompt, never as arguments.

Arguments are visible to every user of a machine and stay in the shell's history.
"""

import io
import sys
from pathlib import Path

from node.cli.prompts import ask_hidden
from node.errors import InputRefusedError
from node.formats.hash_queries import HashQuery, read_hash_queries


def read_hashes(source: str) -> list[HashQuery]:
    """The files asked about: `source` is a path, `-` for standard input, or empty for a prompt."""
    if source == "-":
        return read_hash_queries(sys.stdin.buffer)
    if not source:
        typed = ask_hidden("Hash (hex)")
        return read_hash_queries(io.BytesIO(typed.encode()))
    try:
        with Path(source).open("rb") as stream:
            return read_hash_queries(stream)
    except OSError as exc:
        raise InputRefusedError("{source} cannot be read: {reason}", source, exc.strerror) from exc
