"""What anyone may fetch: the trust files of a node and of the members of its register, and its TUF repository."""

from typing import Final

from protocol import limits
from protocol.endpoints.endpoint import JSON, Endpoint

TRUST: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        name="root",
        method="GET",
        path="/trust/1.root.json",
        scope=None,
        media_type=JSON,
        max_reply_bytes=limits.MAX_ROOT_BYTES,
        summary="The root of trust, pinned by its fingerprint",
    ),
    Endpoint(
        name="node_document",
        method="GET",
        path="/trust/node.json",
        scope=None,
        media_type=JSON,
        max_reply_bytes=limits.MAX_TRUST_BYTES,
        summary="Keys, endpoints, logs and subsets of this node",
    ),
    Endpoint(
        name="members",
        method="GET",
        path="/trust/members.json",
        scope=None,
        media_type=JSON,
        max_reply_bytes=limits.MAX_TRUST_BYTES,
        summary="The members register",
    ),
    Endpoint(
        name="member_root",
        method="GET",
        path="/trust/members/{node}/{version:[0-9]+}.root.json",
        scope=None,
        media_type=JSON,
        max_reply_bytes=limits.MAX_ROOT_BYTES,
        summary="A version of the root of a member of the register, as this node holds it",
    ),
    Endpoint(
        name="member_document",
        method="GET",
        path="/trust/members/{node}/node.json",
        scope=None,
        media_type=JSON,
        max_reply_bytes=limits.MAX_TRUST_BYTES,
        summary="The newest node document of a member that this node holds",
    ),
    Endpoint(
        name="tuf_metadata",
        method="GET",
        path="/tuf/{metadata}",
        scope=None,
        media_type=JSON,
        max_reply_bytes=limits.MAX_TRUST_BYTES,
        summary="TUF metadata: N.root.json, N.targets.json, N.snapshot.json, timestamp.json",
    ),
    Endpoint(
        name="tuf_target",
        method="GET",
        path="/tuf/targets/trust/{target}",
        scope=None,
        media_type=JSON,
        max_reply_bytes=limits.MAX_TRUST_BYTES,
        summary="A trust file that TUF targets metadata lists, by its hash and name",
    ),
)
"""The root, the node document, the register; of members too, and as TUF."""
