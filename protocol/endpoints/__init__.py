"""The table of the HTTP endpoints: path, scope, form and size of each; what a call means is `protocol.api`'s matter.

Server, client and the OpenAPI description are made from it; each module below has those of one kind of caller.
Spec: docs/spec/http.md.
"""

from typing import Final

from protocol.endpoints.endpoint import Endpoint, Scope
from protocol.endpoints.partners import SUBSETS
from protocol.endpoints.peers import LISTS, WATCHING
from protocol.endpoints.recipients import RECIPIENTS
from protocol.endpoints.service import SERVICE
from protocol.endpoints.trust import TRUST

ENDPOINTS: Final[tuple[Endpoint, ...]] = (*TRUST, *LISTS, *SUBSETS, *RECIPIENTS, *WATCHING, *SERVICE)
"""Every endpoint, in the order in which the router tries them."""

__all__ = ["ENDPOINTS", "Endpoint", "Scope"]
