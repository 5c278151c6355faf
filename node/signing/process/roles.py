"""Which keys the signer process has; the others stay with the node."""

from typing import Final

from keys.roles import Role

SIGNED_HERE: Final = (
    Role.SNAPSHOT,
    Role.TIMESTAMP,
    Role.LOG,
    Role.WITNESS,
    Role.AUTH,
    Role.TOKEN,
    Role.STATEMENT,
)
"""Roles whose private keys the signer process has."""
