"""A connection to a peer, as syncing needs it."""

from typing import TypeAlias

from protocol.api import PeerApi

PeerLink: TypeAlias = PeerApi
