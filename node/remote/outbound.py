"""The proxy that connections go out through, with its credentials, as settings name it."""

from node.config import Outbound
from node.errors import ConfigError
from node.files import read_private
from node.remote.proxy import Proxy


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
