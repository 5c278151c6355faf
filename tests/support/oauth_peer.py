"""A client that speaks OAuth 2.0 with another maker's code: npm `oauth4webapi`, in a Node process.

It is no Python package, so it is not among this project's dependencies. `SIGFED_OAUTH` names the folder that it is
installed in; without it the tests that need it are skipped with what to type.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "SIGFED_OAUTH"
PACKAGE = "oauth4webapi@3.8.8"
_HINT = (
    f"install Node.js 20 or later with npm, then set {VARIABLE}=DIR after: npm install --prefix DIR {PACKAGE}"
)
_SCRIPT = Path(__file__).parents[1] / "interop" / "oauth_peer.mjs"
_PATIENCE_SECONDS = 60.0


def token_by_metadata(request: Mapping[str, Any]) -> Any:
    """Metadata and token reply, as the client read them; skips the test when it is not installed."""
    folder, program = os.environ.get(VARIABLE, ""), shutil.which("node")
    if not folder or program is None or not Path(folder, "node_modules", "oauth4webapi").is_dir():
        pytest.skip(f"{PACKAGE} is not installed: {_HINT}")
    done = subprocess.run(
        [program, str(_SCRIPT), str(Path(folder).absolute())],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
