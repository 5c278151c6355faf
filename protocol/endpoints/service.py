"""What any caller needs first: enrolment, access tokens, the description of the API, whether the node is serving."""

from typing import Final

from protocol.endpoints.endpoint import JSON, Endpoint

SERVICE: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        name="enrol",
        method="POST",
        path="/enrol",
        scope=None,
        media_type=JSON,
        max_reply_bytes=64 * 1024,
        summary="Register a partner that holds an invitation",
    ),
    Endpoint(
        name="token",
        method="POST",
        path="/oauth2/token",
        scope=None,
        media_type=JSON,
        max_reply_bytes=64 * 1024,
        summary="Exchange a signed assertion for an access token",
    ),
    Endpoint(
        name="authorization_server",
        path="/.well-known/oauth-authorization-server",
        scope=None,
        media_type=JSON,
        max_reply_bytes=64 * 1024,
        summary="Where and how access tokens are had (RFC 8414)",
    ),
    Endpoint(
        name="openapi",
        path="/openapi.json",
        scope=None,
        media_type=JSON,
        max_reply_bytes=1024 * 1024,
        summary="This API, described",
    ),
    Endpoint(
        name="health",
        path="/health",
        scope=None,
        media_type=JSON,
        max_reply_bytes=64 * 1024,
        summary="Whether the node is serving",
    ),
    Endpoint(
        name="ready",
        path="/health/ready",
        scope=None,
        media_type=JSON,
        max_reply_bytes=64 * 1024,
        summary="Whether the node can answer (503 while its database cannot be used), and whether additions wait",
    ),
)
"""None asks for a token."""
