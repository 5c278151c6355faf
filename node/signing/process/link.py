"""The node's end of the socket: one connection a request, so a signer that was started anew is found by the next one.

Blocking; whoever is in an event loop asks from a thread. A request that got no answer may have been carried out: each
kind can be asked again, and gives what it gave, or says where the signer stands.
"""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from keys.encoding import Fields
from keys.errors import KeysError
from node.errors import SignerDownError
from node.signing.process.frames import Request, read_reply

_PATIENCE_SECONDS: Final = 60
"""The largest batch takes some seconds."""


class SignerLink:
    """Asks the signer process that listens at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, request: Request) -> tuple[Fields, bytes]:
        """The header and the body of the reply.

        Raises:
            SignerDownError: it does not run, or cannot be reached by this user.
            ConflictError, NotFoundError, AlreadyExistsError, SignerRefusedError, StoreError: as it says.
        """
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(_PATIENCE_SECONDS)
                link.connect(str(self._path))
                return _exchange(link, request)
        except (OSError, KeysError) as exc:
            reason = (exc.strerror if isinstance(exc, OSError) else "") or "it gave no answer"
            raise SignerDownError(
                "the signer process cannot be reached: {reason}",
                reason,
                hint="start it: sigfed signer run; nothing was lost, and the node goes on by itself",
            ) from exc


def _exchange(link: socket.socket, request: Request) -> tuple[Fields, bytes]:
    data = request.to_bytes()
    with suppress(BrokenPipeError):  # it refused before it had read everything, and says why
        link.sendall(data)

    def source(count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            part = link.recv(min(count - len(found), 1 << 20))
            if not part:
                raise ConnectionResetError(None, "it closed the connection")
            found += part
        return bytes(found)

    return read_reply(source)
