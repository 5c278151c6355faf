"""The header in which a proxy in TCP mode says whose connection it passes on: PROXY protocol, version 2.

Read strictly, as bytes in and an address out: it is believed, so only proxies that are configured are asked for it, and
what such a one sends in any other form ends the connection. Version 1 is text without a length, and is not read.
Source: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.2.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from protocol.errors import MalformedError

HEAD_BYTES: Final = 16
MAX_REST_BYTES: Final = 1024
"""Two addresses, and what a proxy tells about the connection besides."""
_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_VERSION: Final = 2
_LOCAL, _PROXY = 0, 1
_ADDRESS_BYTES: Final = {0x11: 4, 0x21: 16}
"""Of TCP over IPv4 and over IPv6: each with a source, a destination and two ports."""


def rest_bytes(head: bytes) -> int:
    """How many bytes follow the first `HEAD_BYTES`.

    Raises:
        MalformedError: it is no header of version 2, or longer than `MAX_REST_BYTES`.
    """
    if len(head) != HEAD_BYTES or not head.startswith(_SIGNATURE) or head[12] >> 4 != _VERSION:
        raise MalformedError("PROXY header: not one of version 2")
    length = int.from_bytes(head[14:16])
    if length > MAX_REST_BYTES:
        raise MalformedError("PROXY header: too long")
    return length


def client_address(head: bytes, rest: bytes) -> str | None:
    """The address of whoever connected to the proxy; None when the proxy speaks for itself, as to ask for our health.

    Raises:
        MalformedError: it says anything else.
    """
    if rest_bytes(head) != len(rest):
        raise MalformedError("PROXY header: another length than it says")
    command = head[12] & 0x0F
    if command == _LOCAL:
        return None
    size = _ADDRESS_BYTES.get(head[13])
    if command != _PROXY or size is None:
        raise MalformedError("PROXY header: not about a TCP connection")
    addresses = 2 * size + 4
    if len(rest) < addresses:
        raise MalformedError("PROXY header: addresses are missing")
    _require_fields(rest[addresses:])
    source = rest[:size]
    return str(IPv4Address(source) if size == 4 else IPv6Address(source))


def _require_fields(data: bytes) -> None:
    """What follows the addresses are fields of a type, a length and that many bytes; none is of use here."""
    while data:
        end = 3 + int.from_bytes(data[1:3])
        if len(data) < end:
            raise MalformedError("PROXY header: a field is cut off")
        data = data[end:]
