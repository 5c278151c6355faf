"""The command line as a process has it that has run commands, so that each fork begins where that one is."""

import gc
from contextlib import redirect_stderr, redirect_stdout
from hashlib import md5, sha256
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from node.cli.command_tree import Loaded
from node.cli.main import command_line, run
from node.group.load import load_group
from support.compiled_once import share_statements
from support.moving_time import changed

_SECRETS = "--root-kdf online --passphrase-file {0} --root-passphrase-file {0}"
_FIRST_DAY = (
    f"init --node fr.example --country FR --url https://fr.example/ {_SECRETS}",
    "list create csam",
    "entry import {1} --list csam --basis own",
    "publish",
    "entry withdraw --list csam --hash-from {1} --now --yes",
    "subset create baseline",
    "subset release baseline",
    "witness ask",
    "peer sync",
    "status",
)
"""Of an agency: what is done here, forks do for the second time, with SQL compiled and options read."""
_HASHES = f"sha256,md5,collection\n{sha256(b'a file').hexdigest()},{md5(b'a file').hexdigest()},baseline\n"


def _live(folder: Path) -> None:
    words, hashes = folder / "words", folder / "hashes.csv"
    words.touch(mode=0o600)
    words.write_text("a made-up passphrase\n")
    hashes.write_text(_HASHES)
    for command in _FIRST_DAY:
        said = StringIO()
        with changed({"CHEAP_KEYS": "1"}), redirect_stdout(said), redirect_stderr(said):
            code = run(["--home", str(folder / "fr"), "--json", *command.format(words, hashes).split()])
        assert code == 0, f"{command}: {said.getvalue()}"


command_line()
dict(Loaded())
load_group()  # a fork knows that its kernel passed the self-test
share_statements()
with TemporaryDirectory() as name:
    _live(Path(name))
gc.freeze()  # no fork looks through what is loaded by now
