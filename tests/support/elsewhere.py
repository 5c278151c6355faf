"""Somebody who was not there: a process without a node that judges evidence.

It has what was handed on, the files of whom it is about, and the words that two people compared.
"""

from pathlib import Path

from keys.trust.fingerprint import to_words
from support.federation import FoundedNode
from support.preloaded import run_forked
from support.processes import Finished, environment

_PATIENCE = 60.0


def hand_on(evidence: bytes, about: FoundedNode, folder: Path) -> Path:
    """Put evidence into a folder, and the files of whom it is about."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: about.files.get(name) for name in ("1.root.json", "node.json")}
    for name, data in {**files, "evidence.cbor": evidence}.items():
        (folder / name).write_bytes(data)
    return folder


def judged(folder: Path, about: FoundedNode) -> Finished:
    """What the process says of what lies in a folder."""
    options = ["--root", str(folder / "1.root.json"), "--document", str(folder / "node.json")]
    words = ["--words", to_words(about.founded.root_sha256)]
    code, out, err = run_forked(
        ["evidence", "verify", str(folder / "evidence.cbor"), *options, *words],
        typed=b"",
        variables=environment(),
        folder=folder,
        patience=_PATIENCE,
    )
    return Finished(code, out.decode(), err.decode())
