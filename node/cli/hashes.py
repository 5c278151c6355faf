"""Hashes as the command line takes them: from a file, standard input or a hidden prompt, never as arguments.

Arguments are visible to every user of a machine and stay in the shell's history.
"""

from pathlib import Path

from node.cli.prompts import ask_hidden
from node.formats.hash_queries import HashQuery, read_hash_queries_in, typed_hash_queries


def read_hashes(source: str) -> list[HashQuery]:
    """The files asked about: `source` is a path, `-` for standard input, or empty for a prompt."""
    if not source:
        return typed_hash_queries(ask_hidden("Hash (hex)"))
    return read_hash_queries_in(source)


def file_name(source: str) -> str:
    """What the record calls the file that they came from; empty: there was none."""
    return "" if source == "-" else Path(source).name
