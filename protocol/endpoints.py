"""The table of the HTTP endpoints: path, scope, form and size of each; what a call means is `protocol.api`'s matter.

Server, client and the OpenAPI description are made from it. Spec: docs/spec/http.md.
"""

from dataclasses import dataclass
from enum import StrEnum

from protocol import limits


class Scope(StrEnum):
    """Kinds of access token scope; `OPEN` and `QUERY` take an argument (`open:1`, `query:NAME`)."""

    LOG_READ = "log:read"
    OPEN = "open"
    QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One line of the HTTP API."""

    name: str
    method: str
    path: str
    scope: Scope | None
    """None: public."""
    media_type: str
    max_reply_bytes: int
    summary: str


_BIN = "application/octet-stream"
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_TILE_BYTES = limits.BUNDLE_WIDTH * 32

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        name="root",
        method="GET",
        path="/trust/1.root.json",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=limits.MAX_ROOT_BYTES,
        summary="The root of trust, pinned by its fingerprint",
    ),
    Endpoint(
        name="node_document",
        method="GET",
        path="/trust/node.json",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=limits.MAX_TRUST_BYTES,
        summary="Keys, endpoints, logs and subsets of this node",
    ),
    Endpoint(
        name="members",
        method="GET",
        path="/trust/members.json",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=limits.MAX_TRUST_BYTES,
        summary="The members register",
    ),
    Endpoint(
        name="member_root",
        method="GET",
        path="/trust/members/{node}/{version:[0-9]+}.root.json",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=limits.MAX_ROOT_BYTES,
        summary="A version of the root of a member of the register, as this node holds it",
    ),
    Endpoint(
        name="member_document",
        method="GET",
        path="/trust/members/{node}/node.json",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=limits.MAX_TRUST_BYTES,
        summary="The newest node document of a member that this node holds",
    ),
    Endpoint(
        name="tuf_metadata",
        method="GET",
        path="/tuf/{metadata}",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=limits.MAX_TRUST_BYTES,
        summary="TUF metadata: N.root.json, N.targets.json, N.snapshot.json, timestamp.json",
    ),
    Endpoint(
        name="tuf_target",
        method="GET",
        path="/tuf/targets/trust/{target}",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=limits.MAX_TRUST_BYTES,
        summary="A trust file that TUF targets metadata lists, by its hash and name",
    ),
    Endpoint(
        name="list_checkpoint",
        method="GET",
        path="/lists/{list}/checkpoint",
        scope=Scope.LOG_READ,
        media_type=_TEXT,
        max_reply_bytes=limits.MAX_NOTE_BYTES,
        summary="The signed head of a list",
    ),
    Endpoint(
        name="list_entries",
        method="GET",
        path="/lists/{list}/tile/entries/{tile:.+}",
        scope=Scope.LOG_READ,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_BUNDLE_BYTES,
        summary="An entry bundle of a list, whole or from an entry on (?first=N)",
    ),
    Endpoint(
        name="list_tile",
        method="GET",
        path="/lists/{list}/tile/{level:[0-9]+}/{tile:.+}",
        scope=Scope.LOG_READ,
        media_type=_BIN,
        max_reply_bytes=_TILE_BYTES,
        summary="A hash tile of a list",
    ),
    Endpoint(
        name="openings",
        method="GET",
        path="/lists/{list}/openings/{tile:.+}",
        scope=Scope.OPEN,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_OPENINGS_BYTES,
        summary="The openings of a bundle that the caller's grant covers, whole or from one on (?first=N)",
    ),
    Endpoint(
        name="grant",
        method="GET",
        path="/grant",
        scope=Scope.LOG_READ,
        media_type=_JSON,
        max_reply_bytes=limits.MAX_GRANT_BYTES,
        summary="What the caller may read of the lists",
    ),
    Endpoint(
        name="acknowledge",
        method="POST",
        path="/lists/{list}/acknowledgements",
        scope=Scope.LOG_READ,
        media_type=_JSON,
        max_reply_bytes=1024,
        summary="Say, signed, how far the caller holds a list and how far its releases follow it",
    ),
    Endpoint(
        name="acknowledge_trust",
        method="POST",
        path="/trust/acknowledgements",
        scope=Scope.LOG_READ,
        media_type=_JSON,
        max_reply_bytes=1024,
        summary="Say, signed, which root and node document of this node the caller holds",
    ),
    Endpoint(
        name="held_checkpoint",
        method="GET",
        path="/held/{list}/checkpoint",
        scope=Scope.LOG_READ,
        media_type=_TEXT,
        max_reply_bytes=limits.MAX_NOTE_BYTES,
        summary="The head of the caller's own list, as this node holds it",
    ),
    Endpoint(
        name="held_entries",
        method="GET",
        path="/held/{list}/tile/entries/{tile:.+}",
        scope=Scope.LOG_READ,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_BUNDLE_BYTES,
        summary="An entry bundle of the caller's own list",
    ),
    Endpoint(
        name="held_openings",
        method="GET",
        path="/held/{list}/openings/{tile:.+}",
        scope=Scope.LOG_READ,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_OPENINGS_BYTES,
        summary="The openings of a bundle of the caller's own list, as far as they are held",
    ),
    Endpoint(
        name="subset_checkpoint",
        method="GET",
        path="/subsets/{subset}/checkpoint",
        scope=Scope.QUERY,
        media_type=_TEXT,
        max_reply_bytes=limits.MAX_NOTE_BYTES,
        summary="The signed head of a release log",
    ),
    Endpoint(
        name="subset_entries",
        method="GET",
        path="/subsets/{subset}/tile/entries/{tile:.+}",
        scope=Scope.QUERY,
        media_type=_BIN,
        max_reply_bytes=limits.BUNDLE_WIDTH * (2 + limits.MAX_MANIFEST_BYTES),
        summary="A bundle of release manifests, whole or from one on (?first=N)",
    ),
    Endpoint(
        name="subset_tile",
        method="GET",
        path="/subsets/{subset}/tile/{level:[0-9]+}/{tile:.+}",
        scope=Scope.QUERY,
        media_type=_BIN,
        max_reply_bytes=_TILE_BYTES,
        summary="A hash tile of a release log",
    ),
    Endpoint(
        name="release_part",
        method="GET",
        path="/subsets/{subset}/releases/{version:[0-9]+}/{part:screen|answers|labels}",
        scope=Scope.QUERY,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_RELEASE_FILE_BYTES,
        summary="A release file, whole or as a delta (?since=VERSION); Range requests are supported",
    ),
    Endpoint(
        name="evaluate",
        method="POST",
        path="/subsets/{subset}/evaluate",
        scope=Scope.QUERY,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_REQUEST_BODY,
        summary="Evaluate blinded elements; the node does not learn what was looked up",
    ),
    Endpoint(
        name="report_hit",
        method="POST",
        path="/subsets/{subset}/hits",
        scope=Scope.QUERY,
        media_type=_JSON,
        max_reply_bytes=limits.MAX_CASE_BYTES,
        summary="Report a hit that was evaluated; the reply is the signed receipt",
    ),
    Endpoint(
        name="hit_evidence",
        method="GET",
        path="/subsets/{subset}/hits/{report_id:[0-9a-f]+}/evidence",
        scope=Scope.QUERY,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_HIT_EVIDENCE_BYTES,
        summary="Evidence that the rule held for a hit that the caller reported",
    ),
    Endpoint(
        name="resolve_hit",
        method="POST",
        path="/subsets/{subset}/resolutions",
        scope=Scope.QUERY,
        media_type=_JSON,
        max_reply_bytes=4 * 1024,
        summary="Say what became of the file of a reported hit; the reply is a signed receipt",
    ),
    Endpoint(
        name="open_case",
        method="POST",
        path="/subsets/{subset}/cases",
        scope=Scope.QUERY,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_CASE_BYTES,
        summary="Dispute a reported hit",
    ),
    Endpoint(
        name="case",
        method="GET",
        path="/subsets/{subset}/cases/{report_id:[0-9a-f]+}",
        scope=Scope.QUERY,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_CASE_BYTES,
        summary="The state of a case, with the signed answer once there is one",
    ),
    Endpoint(
        name="propose",
        method="POST",
        path="/subsets/{subset}/proposals",
        scope=Scope.QUERY,
        media_type=_JSON,
        max_reply_bytes=limits.MAX_PROPOSAL_RECEIPT_BYTES,
        summary="Propose hashes for the agency's review; the reply is the signed receipt",
    ),
    Endpoint(
        name="proposal",
        method="GET",
        path="/subsets/{subset}/proposals/{proposal_id:[0-9a-f]+}",
        scope=Scope.QUERY,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_PROPOSAL_STATE_BYTES,
        summary="What became of the files of a proposal of the caller",
    ),
    Endpoint(
        name="withdraw_proposal",
        method="POST",
        path="/subsets/{subset}/proposals/{proposal_id:[0-9a-f]+}/withdrawal",
        scope=Scope.QUERY,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_PROPOSAL_STATE_BYTES,
        summary="Take back what nobody decided yet of a proposal of the caller",
    ),
    Endpoint(
        name="disclosed_lookup",
        method="POST",
        path="/subsets/{subset}/disclosed-lookups",
        scope=Scope.QUERY,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_DISCLOSED_REPLY_BYTES,
        summary="Show PDQ values in the clear; the reply says which are near an entry",
    ),
    Endpoint(
        name="renew_key",
        method="POST",
        path="/subsets/{subset}/key",
        scope=Scope.QUERY,
        media_type=_JSON,
        max_reply_bytes=4 * 1024,
        summary="Replace the caller's key by its next one",
    ),
    Endpoint(
        name="recipient_digests",
        method="GET",
        path="/recipients/digests",
        scope=None,
        media_type="application/x-ndjson",
        max_reply_bytes=limits.MAX_RELEASE_FILE_BYTES,
        summary="Raw digests for an accredited recipient, with its own key; off by default",
    ),
    Endpoint(
        name="add_checkpoint",
        method="POST",
        path="/witness/add-checkpoint",
        scope=None,
        media_type=_TEXT,
        max_reply_bytes=4096,
        summary="Cosign a checkpoint that is consistent with the last one cosigned (C2SP tlog-witness)",
    ),
    Endpoint(
        name="witnessed_checkpoint",
        method="GET",
        path="/witness/{origin_sha256:[0-9a-f]+}/checkpoint",
        scope=None,
        media_type=_TEXT,
        max_reply_bytes=limits.MAX_NOTE_BYTES,
        summary="The last checkpoint of a log that this node cosigned",
    ),
    Endpoint(
        name="gossip",
        method="GET",
        path="/gossip",
        scope=Scope.LOG_READ,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_GOSSIP_BYTES,
        summary="What this node holds: heads, trust files, names of evidence",
    ),
    Endpoint(
        name="evidence",
        method="GET",
        path="/evidence/{sha256:[0-9a-f]+}",
        scope=Scope.LOG_READ,
        media_type=_BIN,
        max_reply_bytes=limits.MAX_TRUST_EVIDENCE_BYTES,
        summary="Evidence or a trust file that this node's gossip names",
    ),
    Endpoint(
        name="enrol",
        method="POST",
        path="/enrol",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=64 * 1024,
        summary="Register a partner that holds an invitation",
    ),
    Endpoint(
        name="token",
        method="POST",
        path="/oauth2/token",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=64 * 1024,
        summary="Exchange a signed assertion for an access token",
    ),
    Endpoint(
        name="authorization_server",
        method="GET",
        path="/.well-known/oauth-authorization-server",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=64 * 1024,
        summary="Where and how access tokens are had (RFC 8414)",
    ),
    Endpoint(
        name="openapi",
        method="GET",
        path="/openapi.json",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=1024 * 1024,
        summary="This API, described",
    ),
    Endpoint(
        name="health",
        method="GET",
        path="/health",
        scope=None,
        media_type=_JSON,
        max_reply_bytes=64 * 1024,
        summary="Whether the node is serving",
    ),
)
"""Every endpoint, in the order in which the router tries them."""
