"""TUF clients of other makers: python-tuf's `ngclient`, and npm `tuf-js` in a Node process.

Each keeps its state in a folder, as a client that comes again. `SIGFED_TUF_JS` names the folder that tuf-js is
installed in; without it the tests that need it are skipped with what to type.
"""

import json
import os
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater

VARIABLE = "SIGFED_TUF_JS"
PACKAGE = "tuf-js@4.1.0"
_HINT = (
    f"install Node.js 20 or later with npm, then set {VARIABLE}=DIR after: npm install --prefix DIR {PACKAGE}"
)
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
    folder, program = os.environ.get(VARIABLE, ""), shutil.which("node")
    if not folder or program is None or not Path(folder, "node_modules", "tuf-js").is_dir():
        pytest.skip(f"{PACKAGE} is not installed: {_HINT}")
    start = state / "metadata" / "root.json"
    if not start.exists():
        start.parent.mkdir(parents=True)
        start.write_bytes(root)
    done = subprocess.run(
        [program, str(_SCRIPT), str(Path(folder).absolute()), str(state), url],
        input="\n".join(names),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    assert done.returncode == 0, f"node ended with {done.returncode}: {done.stderr}"
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise TufRefusedError(f"{answer['refused']}: {answer['reason']}")
    return {name: b64decode(text) for name, text in answer["files"].items()}


CLIENTS: Mapping[str, Follow] = {"python-tuf": python_tuf, "tuf-js": tuf_js}
