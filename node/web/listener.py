"""The certificate that a node listens with, changed while connections stand.

Each handshake gets the certificate of that moment; a connection under way keeps its own and ends in its own time. The
context that the socket was opened with has no key, so that one that was replaced is not kept for the life of the
process. See docs/spec/http.md, "Connections".
"""

import ssl

from node.clock import Entropy
from node.tls import TlsIdentity, listening_context, server_context


class Listener:
    """Presents one identity at a time. `context` is what the socket is opened with."""

    def __init__(self, identity: TlsIdentity, *, entropy: Entropy) -> None:
        self._entropy = entropy
        self._identity = identity
        self._current = server_context(identity, entropy=entropy)
        self.context = listening_context()
        self.context.sni_callback = self._choose

    def present(self, identity: TlsIdentity) -> bool:
        """Show `identity` from the next handshake on, and say whether it is another than before.

        One that cannot be loaded leaves what was there.
        """
        if identity == self._identity:
            return False
        self._current = server_context(identity, entropy=self._entropy)
        self._identity = identity
        return True

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called in every handshake, also when the client names no server (as with an IP address)."""
        connection.context = self._current
