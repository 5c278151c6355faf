"""Who acts where no person is named, as the audit log calls them."""

from typing import Final

OPERATOR: Final = "operator"
"""Whoever has the node's passphrase."""
NODE: Final = "node"
"""The running node, by itself."""
ROOT: Final = "root"
"""Whoever has a root key."""
