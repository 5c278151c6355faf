"""A rotation that was begun: the name of its new key, kept from before the key is made until all is done.

Whoever types the same command again after it was killed goes on with that key. Without it nobody could tell a rotation
that was cut off after its key was listed from one that was done, and the same command would make a second successor.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from keys.trust.lifecycle import Lineage
from node.clock import milliseconds
from node.errors import NodeError
from node.files import locked, read_private, replace_private
from node.identity.identity import Identity

_LOCK: Final = "rotation.lock"
_FRESH: Final = timedelta(days=1)
"""Who comes later means another rotation: the key that was begun is in the ring by then, if it was listed."""


@dataclass(slots=True)
class Begun:
    """The rotation of one lineage that is under way."""

    path: Path
    now: datetime
    name: str
    """Of the key that an earlier try made or was about to make; empty: this is the first."""

    def note(self, name: str) -> None:
        """Remember what the new key is called, durably, before it is made."""
        self.name = name
        replace_private(self.path, json.dumps({"key": name, "time_ms": milliseconds(self.now)}).encode())


@contextmanager
def rotation(identity: Identity, lineage: Lineage) -> Iterator[Begun]:
    """Rotate inside of the block, one rotation of the home at a time; when it ends well, it is forgotten."""
    home, now = identity.home, identity.clock.now()
    of = sha256(lineage.of.encode()).hexdigest()[:16]
    path = home.folder / f"rotation-{lineage.role}-{of}.json"
    with locked(home.folder / _LOCK):
        yield Begun(path, now, _name(path, now))
        path.unlink(missing_ok=True)


def _name(path: Path, now: datetime) -> str:
    try:
        fields = json.loads(read_private(path))
        age = milliseconds(now) - int(fields["time_ms"])
        return str(fields["key"]) if 0 <= age < _FRESH // timedelta(milliseconds=1) else ""
    except (NodeError, ValueError, KeyError, TypeError):
        return ""
