"""A party that speaks JWT with another maker's code: npm `jose`, in a Node process.

It is no Python package, so it is not among this project's dependencies. `SIGFED_JOSE` names the folder that it is
installed in; without it the tests that need it are skipped with what to type.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from support.programs import node_answers

VARIABLE = "SIGFED_JOSE"
PACKAGE = "jose@6.2.17"

Request = Mapping[str, Any]


class JoseError(Exception):
    """What jose refused; the text is its own code for it."""


def answers(requests: Iterable[Request]) -> list[Any]:
    """What jose makes of each request, or a `JoseError`; skips the test when it is not installed."""
    asked = "".join(json.dumps(request) + "\n" for request in requests)
    said = node_answers("jose_peer.mjs", PACKAGE, VARIABLE, asked=asked)
    found = [json.loads(line) for line in said.splitlines()]
    return [JoseError(each["error"]) if "error" in each else each["result"] for each in found]


def signed(requests: Iterable[Request]) -> list[str]:
    """The tokens that jose makes; all of them, or the test fails."""
    tokens = answers(requests)
    assert all(isinstance(token, str) for token in tokens), tokens
    return tokens


def verified(token: str, **expected: Any) -> Any:
    """Header and claims of a token that jose verifies; raises `JoseError`."""
    [answer] = answers([{"operation": "verify", "token": token, **expected}])
    if isinstance(answer, JoseError):
        raise answer
    return answer
