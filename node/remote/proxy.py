"""The proxy that connections go out through, where a network lets nothing out directly.

It is asked for a tunnel (HTTP `CONNECT`) and sees the other side's name, and how much goes through; TLS and its pins
are checked through it as without it. Which proxy there is, the configuration alone says: variables of the environment
(`HTTPS_PROXY`) are not looked at, because whoever starts a process would decide where it connects.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from node.config import Outbound
from node.errors import ConfigError
from node.files import read_private

_HINTS: Final = {
    407: "it wants credentials: name a file with USER:PASSWORD as credentials_file in [outbound]",
    403: "have its operators allow CONNECT to the node's address and port",
}
_HINT: Final = "ask its operators what is wrong with it"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, and how it knows us."""

    url: str
    """`http://HOST:PORT`."""
    user: str = ""
    """Empty: it asks nobody."""
    password: str = field(default="", repr=False)

    @property
    def headers(self) -> Mapping[str, str]:
        """What it alone is shown: the credentials, where it wants any (RFC 7617)."""
        if not self.user:
            return {}
        shown = b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")
        return {"Proxy-Authorization": f"Basic {shown}"}


def refusal_hint(status: int) -> str:
    """What to do about a proxy that refuses a tunnel."""
    return _HINTS.get(status, _HINT)


def proxy_of(outbound: Outbound) -> Proxy | None:
    """The proxy that is configured, with its credentials; None when there is none.

    Raises:
        ConfigError: the file of credentials is not private, or is not USER:PASSWORD.
        NotFoundError: it is not there.
    """
    if not outbound.proxy:
        return None
    if outbound.credentials_file is None:
        return Proxy(outbound.proxy)
    line = read_private(outbound.credentials_file).decode("utf-8", "replace").rstrip("\r\n")
    user, colon, password = line.partition(":")
    if not user or not colon or not line.isprintable():
        raise ConfigError("{path} is not one line USER:PASSWORD", outbound.credentials_file)
    return Proxy(outbound.proxy, user, password)
