"""TUF clients: python-tuf's `ngclient`, npm `tuf-js` in one Node process, and our own.

Each keeps its state in a folder, as a client that comes again. `SIGFED_TUF_JS` names the folder that tuf-js is
installed in; without it the tests that need it are skipped with what to type.
"""

import atexit
import json
import subprocess
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater

from keys.errors import KeysError
from keys.trust.follow import Following, Wanted
from keys.trust.held_trust import HeldTrust
from support.programs import needed, npm_folder

VARIABLE = "SIGFED_TUF_JS"
PACKAGE = "tuf-js@4.1.0"
_SCRIPT = Path(__file__).parents[1] / "interop" / "tuf_js_peer.mjs"
_PATIENCE_SECONDS = 60.0

Follow = Callable[[Path, bytes, str, Sequence[str]], Mapping[str, bytes]]
"""Refresh from a URL with the state in a folder, which begins at a root, and fetch these targets."""


class TufRefusedError(Exception):
    """A client followed no further; the text is its own reason."""


def python_tuf(state: Path, root: bytes, url: str, names: Sequence[str]) -> Mapping[str, bytes]:
    """What python-tuf takes from the repository; raises `TufRefusedError`."""
    for folder in ("metadata", "targets"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    begun = (state / "metadata" / "root.json").exists()
    updater = Updater(
        str(state / "metadata"),
        url,
        target_dir=str(state / "targets"),
        target_base_url=f"{url}/targets",
        bootstrap=None if begun else root,
    )
    try:
        updater.refresh()
        return {name: _download(updater, name) for name in names}
    except (RepositoryError, DownloadError) as exc:
        raise TufRefusedError(f"{type(exc).__name__}: {exc}") from exc


def _download(updater: Updater, name: str) -> bytes:
    info = updater.get_targetinfo(name)
    assert info is not None, f"{name} is not listed"
    return Path(updater.download_target(info)).read_bytes()


def tuf_js(state: Path, root: bytes, url: str, names: Sequence[str]) -> Mapping[str, bytes]:
    """What tuf-js takes from the repository; raises `TufRefusedError`. Skips the test when it is not installed."""
    process = _node(needed("node"), npm_folder(PACKAGE, VARIABLE))
    start = state / "metadata" / "root.json"
    if not start.exists():
        start.parent.mkdir(parents=True)
        start.write_bytes(root)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"state": str(state), "url": url, "names": names}) + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    if "refused" in answer:
        raise TufRefusedError(f"{answer['refused']}: {answer['reason']}")
    return {name: b64decode(text) for name, text in answer["files"].items()}


@cache
def _node(program: Path, folder: Path) -> "subprocess.Popen[str]":
    """One process for all that is asked: starting it takes longer than an answer."""
    process = subprocess.Popen(
        [program, str(_SCRIPT), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(process.communicate)
    return process


def sigfed(state: Path, root: bytes, url: str, names: Sequence[str]) -> Mapping[str, bytes]:
    """What this project's own reader takes from the repository; raises `TufRefusedError`."""
    held = HeldTrust(roots=(root,))
    if state.joinpath("1.root.json").exists():
        held = HeldTrust.from_files({path.name: path.read_bytes() for path in state.iterdir()})
    run = Following(held, datetime.now(UTC))
    try:
        while run.wanted is not None:
            run.take(_fetch(url, run.wanted))
    except KeysError as exc:
        raise TufRefusedError(f"{type(exc).__name__}: {exc}") from exc
    finally:
        for path in state.iterdir():
            path.unlink()
        for name, data in run.held.to_files().items():
            state.joinpath(name).write_bytes(data)
    return {name: run.held.files[name.removeprefix("trust/")] for name in names}


def _fetch(url: str, wanted: Wanted) -> bytes | None:
    place = f"targets/trust/{wanted.name}" if wanted.is_target else wanted.name
    try:
        with urlopen(f"{url}/{place}", timeout=_PATIENCE_SECONDS) as reply:
            data = bytes(reply.read(wanted.max_bytes + 1))
    except HTTPError as exc:
        if exc.code == HTTPStatus.NOT_FOUND and wanted.may_be_missing:
            return None
        raise TufRefusedError(f"{wanted.name}: {exc}") from exc
    if len(data) > wanted.max_bytes:
        raise TufRefusedError(f"{wanted.name}: longer than {wanted.max_bytes} bytes")
    return data


CLIENTS: Mapping[str, Follow] = {"python-tuf": python_tuf, "tuf-js": tuf_js, "sigfed": sigfed}
