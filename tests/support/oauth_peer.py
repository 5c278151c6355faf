"""A client that speaks OAuth 2.0 with another maker's code: npm `oauth4webapi`, in a Node process.

It is no Python package, so it is not among this project's dependencies. `SIGFED_OAUTH` names the folder that it is
installed in; without it the tests that need it are skipped with what to type.
"""

import json
from collections.abc import Mapping
from typing import Any

from support.programs import node_answers

VARIABLE = "SIGFED_OAUTH"
PACKAGE = "oauth4webapi@3.8.8"


def token_by_metadata(request: Mapping[str, Any]) -> Any:
    """Metadata and token reply, as the client read them; skips the test when it is not installed."""
    return json.loads(node_answers("oauth_peer.mjs", PACKAGE, VARIABLE, asked=json.dumps(request)))
