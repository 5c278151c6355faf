"""Where people reach the console, and which requests claim to come from there.

A name that an attacker makes resolve to this machine (DNS rebinding) is not the console's, so another `Host` is
refused; a form that another site posts bears that site's `Origin`, or none, and is refused too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """The public address of the console."""

    origin: str
    """Scheme, host and port, as a browser sends it."""
    authority: str
    """Host and port, as the `Host` header has them."""
    host: str
    """Without the port: what passkeys are bound to."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """The address in `http://localhost:8444/` or `https://console.example/`."""
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
        usual = {"http": 80, "https": 443}.get(scheme)
        shown = f"[{host}]" if ":" in host else host
        authority = shown if parts.port in {None, usual} else f"{shown}:{parts.port}"
        return cls(f"{scheme}://{authority}", authority, host)

    @property
    def secure(self) -> bool:
        """Whether it is reached by TLS."""
        return self.origin.startswith("https:")

    def is_asked_for(self, headers: Mapping[str, str]) -> bool:
        """Whether a request means this address."""
        return headers.get("Host", "").lower() == self.authority

    def is_origin_of(self, headers: Mapping[str, str]) -> bool:
        """Whether a request was sent by a page of this address; browsers send both headers and no page can set them."""
        if headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return False
        return headers.get("Origin", "").lower() == self.origin
