"""Names of nodes and of what belongs to them.

A node is named like a host, `fr.example`, in lower case; its lists and subsets are `fr.example/lists/NAME` and
`fr.example/subsets/NAME`, and what was done at it is in `fr.example/audit/main`. Names go into signed texts and into
URLs, so none may need quoting in either.
Spec: docs/spec/trust.md, "Names".
"""

import re
from typing import Final

_NODE: Final = re.compile(
    r"(?=.{1,128}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)
_LOG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


def is_node_name(text: str) -> bool:
    """Whether `text` is a DNS-like name in lower case, at most 128 characters."""
    return _NODE.fullmatch(text) is not None


def is_log_name(text: str) -> bool:
    """Whether `text` can name a list or subset: lower-case letters, digits, hyphens; at most 64 characters."""
    return _LOG.fullmatch(text) is not None


def is_origin_of(text: str, node: str) -> bool:
    """Whether `text` is the origin of a list, release log or audit log of `node`."""
    owner, _, rest = text.partition("/")
    kind, _, name = rest.partition("/")
    return owner == node and kind in {"lists", "subsets", "audit"} and is_log_name(name)
