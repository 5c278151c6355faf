"""What peers and recipients may read, as it is stored, and how long what this node gives them lasts."""

import json
from datetime import datetime, timedelta
from typing import Final

from node.clock import moment_of
from node.store.partners.records import RecipientRecord
from node.store.peers.records import PeerRecord
from protocol.lists.grant import Grant, read_grant

LONGEST_GRANT: Final = timedelta(days=366)
"""Of a recipient."""
KEY_LIFE: Final = timedelta(days=366)
"""Of a recipient's key."""
INVITATION_DAYS: Final = 7


def stored_grant(record: PeerRecord | RecipientRecord) -> Grant:
    """What somebody may read; nothing when it cannot be read itself."""
    try:
        value = json.loads(record.grant)
    except (ValueError, RecursionError):
        value = None
    return read_grant(value)


def key_end(record: RecipientRecord) -> datetime:
    """When the key of a recipient ends."""
    return moment_of(record.keyed_ms) + KEY_LIFE
