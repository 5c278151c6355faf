"""How long, how much and how slowly another node may answer. All of it is ours to decide, none of it theirs."""

from dataclasses import dataclass

from protocol import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteLimits:
    """Seconds, bytes and counts; the defaults suit a slow line and a busy node."""

    connect_seconds: float = 10.0
    """Connection and TLS handshake."""
    reply_seconds: float = 60.0
    """From the request to the head of its reply."""
    window_seconds: float = 15.0
    """In every window of this length …"""
    window_bytes: int = 16 * 1024
    """… that many bytes of a body must arrive, or the body must end: about 1 kB/s, the rate of a bad modem."""
    attempts: int = 4
    """For requests that may be repeated; an interrupted release file is resumed and counts anew while it grows."""
    max_resumes: int = 32
    """Resumptions of one release file: somebody who sends a byte and hangs up does not hold us forever."""
    backoff_seconds: float = 0.5
    """Upper bound of the first pause; each next one is twice as long, and the pause is drawn evenly below it."""
    max_pause_seconds: float = 20.0
    """Longest pause, also when the node asks for one (`Retry-After`); a longer one is reported, not waited for."""
    max_release_bytes: int = min(limits.MAX_RELEASE_FILE_BYTES, 1024 * 1024 * 1024)
    """One release file or delta."""
