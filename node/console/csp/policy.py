"""The headers of every reply: nothing runs, loads, frames or is sent but what is this console's own."""

from typing import Final

CSP_REPORTS: Final = "/console/csp-report"

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        f"report-uri {CSP_REPORTS}",
    )
)

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
    # Not `no-referrer`: browsers then send `Origin: null` with forms, and a forged form looks like an own one.
    "Referrer-Policy": "same-origin",
    "Server": "sigfed",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

SECURE_HEADERS: Final = {"Strict-Transport-Security": "max-age=31536000"}
"""Where the console is reached by TLS."""
