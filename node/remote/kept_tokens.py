"""An access token that the next command of the same home uses again: a node gives so many, and each costs a signature.

It lies in a private file beside the key that buys it, and opens nothing that this key does not, for ten minutes. It is
used with the node, the client's name and the key that it was bought with and with no other, and only while it should be
good. Whatever is wrong with the file, another token is bought: no command fails because of it.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from keys.key import PublicKey
from node.errors import NodeError
from node.files import read_private, remove_private, replace_private

MAX_LIFE: Final = timedelta(hours=1)
"""No token lives longer; one that would was written by another clock."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a token was bought with."""

    node: str
    client: str
    key: PublicKey

    def fields(self) -> dict[str, str]:
        """As they are kept."""
        return {"node": self.node, "client": self.client, "key": self.key.raw.hex()}


@dataclass(frozen=True, slots=True)
class Held:
    """A token."""

    token: str
    renew_at: datetime
    scopes: frozenset[str]


class TokenFile:
    """Keeps one token."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, bound: Bound, now: datetime) -> Held | None:
        """The token that was bought with these, if it is still good."""
        try:
            fields = json.loads(read_private(self._path))
            if {name: fields[name] for name in ("node", "client", "key")} != bound.fields():
                return None
            renew_at = datetime.fromtimestamp(fields["renew_at"], UTC)
            held = Held(str(fields["token"]), renew_at, frozenset(map(str, fields["scopes"])))
        except (NodeError, OSError, ValueError, KeyError, TypeError, OverflowError):
            return None
        return held if now < held.renew_at <= now + MAX_LIFE else None

    def write(self, bound: Bound, held: Held) -> None:
        """Keep a token in place of the one before."""
        fields = {
            **bound.fields(),
            "token": held.token,
            "renew_at": held.renew_at.timestamp(),
            "scopes": sorted(held.scopes),
        }
        with suppress(OSError):  # a full disk costs the next command a token of its own
            replace_private(self._path, json.dumps(fields).encode())

    def drop(self) -> None:
        """Keep none: it was refused, or its key is another now."""
        with suppress(OSError):
            remove_private(self._path)
