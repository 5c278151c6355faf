"""From an endpoint's name to the request for it: the endpoint table read from the client's side."""

import re
from typing import Final
from urllib.parse import quote

from node.remote.exchange import Ask
from protocol.endpoints import ENDPOINTS

_ENDPOINTS: Final = {endpoint.name: endpoint for endpoint in ENDPOINTS}
_PLACEHOLDER: Final = re.compile(r"\{(\w+)(?::[^}]+)?\}")
_TILE: Final = "tile"  # the one value that has slashes


def ask_for(name: str, /, **values: str) -> Ask:
    """The request for an endpoint of `protocol.endpoints.ENDPOINTS`, its placeholders filled."""
    endpoint = _ENDPOINTS[name]

    def fill(found: re.Match[str]) -> str:
        return quote(values[found[1]], safe="/" if found[1] == _TILE else "")

    return Ask(
        method=endpoint.method,
        path=_PLACEHOLDER.sub(fill, endpoint.path),
        max_bytes=endpoint.max_reply_bytes,
        authenticated=endpoint.scope is not None,
    )
