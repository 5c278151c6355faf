"""A plain socket as a client of something that may hang up at any time."""

import socket
from contextlib import suppress


def heard(link: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    said = bytearray()
    with suppress(ConnectionResetError):  # an end as well: what was sent and not read resets the connection
        while part := link.recv(65536):
            said += part
    return bytes(said)
