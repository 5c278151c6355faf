"""What anyone may fetch: the trust files of a node and of the members of its register, and its TUF repository."""

from typing import Final

from protocol import limits
from protocol.endpoints.endpoint import JSON, Endpoint


def _file(name: str, path: str, most: int, summary: str) -> Endpoint:
    return Endpoint(name=name, path=path, scope=None, media_type=JSON, max_reply_bytes=most, summary=summary)


TRUST: Final[tuple[Endpoint, ...]] = (
    _file(
        "root", "/trust/1.root.json", limits.MAX_ROOT_BYTES, "The root of trust, pinned by its fingerprint"
    ),
    _file(
        "node_document",
        "/trust/node.json",
        limits.MAX_TRUST_BYTES,
        "Keys, endpoints, logs and subsets of this node",
    ),
    _file("members", "/trust/members.json", limits.MAX_TRUST_BYTES, "The members register"),
    _file(
        "member_root",
        "/trust/members/{node}/{version:[0-9]+}.root.json",
        limits.MAX_ROOT_BYTES,
        "A version of the root of a member of the register, as this node holds it",
    ),
    _file(
        "member_document",
        "/trust/members/{node}/node.json",
        limits.MAX_TRUST_BYTES,
        "The newest node document of a member that this node holds",
    ),
    _file(
        "tuf_metadata",
        "/tuf/{metadata}",
        limits.MAX_TRUST_BYTES,
        "TUF metadata: N.root.json, N.targets.json, N.snapshot.json, timestamp.json",
    ),
    _file(
        "tuf_target",
        "/tuf/targets/trust/{target}",
        limits.MAX_TRUST_BYTES,
        "A trust file that TUF targets metadata lists, by its hash and name",
    ),
)
"""The root, the node document, the register; of members too, and as TUF."""
