"""Free TCP ports on the loopback interface.

They are drawn below the range from which the system gives ports to outgoing connections, so that a node that is
stopped and started again finds its port still free.
"""

import errno
import socket
from typing import Final

from keys.message import Message
from node.clock import Entropy
from node.errors import NodeError

HOST: Final = "127.0.0.1"
_FIRST, _COUNT, _TRIES = 20_000, 12_000, 100


class NoPortError(NodeError):
    """No free port was found."""


def free_ports(count: int, entropy: Entropy) -> list[int]:
    """`count` different ports that nobody listens on; raises `NoPortError`."""
    found: list[int] = []
    for _ in range(_TRIES):
        port = _FIRST + int.from_bytes(entropy(4)) % _COUNT
        if port not in found and _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise NoPortError(
        "no free ports were found", hint=Message("something occupies {host} from {first} on", HOST, _FIRST)
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            if exc.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True
