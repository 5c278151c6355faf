"""What accredited recipients call: raw digests."""

from typing import Final

from protocol import limits
from protocol.endpoints.endpoint import Endpoint

RECIPIENTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        name="recipient_digests",
        path="/recipients/digests",
        scope=None,
        media_type="application/x-ndjson",
        max_reply_bytes=limits.MAX_RELEASE_FILE_BYTES,
        summary="Raw digests for an accredited recipient, with its own key; off by default",
    ),
)
"""With the recipient's own key; off by default."""
