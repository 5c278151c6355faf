"""What other agencies call: a node's lists and what it holds of theirs, and what witnesses and gossip exchange."""

from typing import Final

from protocol import limits
from protocol.endpoints.endpoint import BIN, JSON, TEXT, TILE_BYTES, Endpoint, Scope

LISTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        name="list_checkpoint",
        path="/lists/{list}/checkpoint",
        scope=Scope.LOG_READ,
        media_type=TEXT,
        max_reply_bytes=limits.MAX_NOTE_BYTES,
        summary="The signed head of a list",
    ),
    Endpoint(
        name="list_entries",
        path="/lists/{list}/tile/entries/{tile:.+}",
        scope=Scope.LOG_READ,
        media_type=BIN,
        max_reply_bytes=limits.MAX_BUNDLE_BYTES,
        summary="An entry bundle of a list, whole or from an entry on (?first=N)",
    ),
    Endpoint(
        name="list_tile",
        path="/lists/{list}/tile/{level:[0-9]+}/{tile:.+}",
        scope=Scope.LOG_READ,
        media_type=BIN,
        max_reply_bytes=TILE_BYTES,
        summary="A hash tile of a list",
    ),
    Endpoint(
        name="openings",
        path="/lists/{list}/openings/{tile:.+}",
        scope=Scope.OPEN,
        media_type=BIN,
        max_reply_bytes=limits.MAX_OPENINGS_BYTES,
        summary="The openings of a bundle that the caller's grant covers, whole or from one on (?first=N)",
    ),
    Endpoint(
        name="grant",
        path="/grant",
        scope=Scope.LOG_READ,
        media_type=JSON,
        max_reply_bytes=limits.MAX_GRANT_BYTES,
        summary="What the caller may read of the lists",
    ),
    Endpoint(
        name="acknowledge",
        method="POST",
        path="/lists/{list}/acknowledgements",
        scope=Scope.LOG_READ,
        media_type=JSON,
        max_reply_bytes=1024,
        summary="Say, signed, how far the caller holds a list and how far its releases follow it",
    ),
    Endpoint(
        name="acknowledge_trust",
        method="POST",
        path="/trust/acknowledgements",
        scope=Scope.LOG_READ,
        media_type=JSON,
        max_reply_bytes=1024,
        summary="Say, signed, which root and node document of this node the caller holds",
    ),
    Endpoint(
        name="held_checkpoint",
        path="/held/{list}/checkpoint",
        scope=Scope.LOG_READ,
        media_type=TEXT,
        max_reply_bytes=limits.MAX_NOTE_BYTES,
        summary="The head of the caller's own list, as this node holds it",
    ),
    Endpoint(
        name="held_entries",
        path="/held/{list}/tile/entries/{tile:.+}",
        scope=Scope.LOG_READ,
        media_type=BIN,
        max_reply_bytes=limits.MAX_BUNDLE_BYTES,
        summary="An entry bundle of the caller's own list",
    ),
    Endpoint(
        name="held_openings",
        path="/held/{list}/openings/{tile:.+}",
        scope=Scope.LOG_READ,
        media_type=BIN,
        max_reply_bytes=limits.MAX_OPENINGS_BYTES,
        summary="The openings of a bundle of the caller's own list, as far as they are held",
    ),
)
"""The lists of the node, and the caller's own as it holds them."""

WATCHING: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        name="add_checkpoint",
        method="POST",
        path="/witness/add-checkpoint",
        scope=None,
        media_type=TEXT,
        max_reply_bytes=4096,
        summary="Cosign a checkpoint that is consistent with the last one cosigned (C2SP tlog-witness)",
    ),
    Endpoint(
        name="witnessed_checkpoint",
        path="/witness/{origin_sha256:[0-9a-f]+}/checkpoint",
        scope=None,
        media_type=TEXT,
        max_reply_bytes=limits.MAX_NOTE_BYTES,
        summary="The last checkpoint of a log that this node cosigned",
    ),
    Endpoint(
        name="gossip",
        path="/gossip",
        scope=Scope.LOG_READ,
        media_type=BIN,
        max_reply_bytes=limits.MAX_GOSSIP_BYTES,
        summary="What this node holds: heads, trust files, names of evidence",
    ),
    Endpoint(
        name="evidence",
        path="/evidence/{sha256:[0-9a-f]+}",
        scope=Scope.LOG_READ,
        media_type=BIN,
        max_reply_bytes=limits.MAX_TRUST_EVIDENCE_BYTES,
        summary="Evidence or a trust file that this node's gossip names",
    ),
)
"""What keeps logs honest: witnesses, gossip, evidence."""
