"""What people see instead of a file that is on a list: that it was blocked, and how to object. No hash, no picture."""

from html import escape
from typing import Final

BLOCKED_UPLOAD: Final = "403 Forbidden"
BLOCKED_DOWNLOAD: Final = "451 Unavailable For Legal Reasons"
NOT_CHECKED: Final = "503 Service Unavailable"

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="robots" content="noindex"><title>{title}</title>
<h1>{title}</h1>
<p>{words}</p>
<p>Reference: <strong>{reference}</strong></p>
<p>{complaint}</p>
</html>
"""
_LISTED: Final = (
    "This file is on a list of known illegal material that police agencies maintain. It was not transferred."
)
_UNCHECKED: Final = "This file could not be checked, and is not transferred unchecked. Try again later."


def page(status: str, reference: str, contact: str) -> tuple[bytes, bytes]:
    """An HTTP head and the body behind it; `contact` says where to object, in the operator's words."""
    listed = status != NOT_CHECKED
    complaint = (
        f"If you think that this is a mistake, say so, with the reference: {contact}"
        if contact
        else ("If you think that this is a mistake, tell the operator of this service, with the reference.")
    )
    body = _PAGE.format(
        title="Blocked" if listed else "Not checked",
        words=_LISTED if listed else _UNCHECKED,
        reference=escape(reference),
        complaint=escape(complaint),
    ).encode()
    head = [
        f"HTTP/1.1 {status}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Content-Security-Policy: default-src 'none'",
        "X-Content-Type-Options: nosniff",
        "",
        "",
    ]
    return "\r\n".join(head).encode(), body
