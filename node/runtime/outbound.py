"""What connections go out with: the proxy that the node's configuration or the partner's folder names, a kept token."""

from node import config
from node.config import Outbound
from node.errors import ConfigError
from node.files import read_private
from node.remote.kept_tokens import TokenFile
from node.remote.proxying import Proxy
from node.runtime.home import Home


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
        raise ConfigError(f"{outbound.credentials_file} is not one line USER:PASSWORD")
    return Proxy(outbound.proxy, user, password)


def partner_tokens(home: Home) -> TokenFile:
    """Where the access token of a partner's client is kept between its commands."""
    return TokenFile(home.partner / "access.token")


def partner_proxy(home: Home) -> Proxy | None:
    """The proxy of a partner's client; one that an agency has inside its node goes out as the node does."""
    outbound = config.load_outbound(home.folder)
    if outbound is not None:
        return proxy_of(outbound)
    node = home.agency
    return None if node is None else proxy_of(config.load(node).outbound)
