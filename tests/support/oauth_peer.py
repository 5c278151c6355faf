"""A client that speaks OAuth 2.0 with another maker's code: npm `oauth4webapi`, in a Node process.

It is no Python package, so it is not among this project's dependencies. `SIGFED_OAUTH` names the folder that it is
installed in; without it the tests that need it are skipped with what to type.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.programs import needed, npm_folder

VARIABLE = "SIGFED_OAUTH"
PACKAGE = "oauth4webapi@3.8.8"
_SCRIPT = Path(__file__).parents[1] / "interop" / "oauth_peer.mjs"
_PATIENCE_SECONDS = 60.0


def token_by_metadata(request: Mapping[str, Any]) -> Any:
    """Metadata and token reply, as the client read them; skips the test when it is not installed."""
    program = needed("node")
    folder = npm_folder(PACKAGE, VARIABLE)
    done = subprocess.run(
        [program, str(_SCRIPT), str(folder)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
