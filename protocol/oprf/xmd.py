"""Uniform bytes from messages: `expand_message_xmd` of RFC 9380, section 5.3.1, with SHA-512."""

import struct
from hashlib import sha512
from typing import Final

from protocol.errors import OprfError

UNIFORM_BYTES: Final = 64
MAX_INPUT_BYTES: Final = 2**16 - 1
MAX_TAG_BYTES: Final = 255

_BLOCK: Final = bytes(128)  # Z_pad: one input block of SHA-512
_LENGTH: Final = struct.pack(">HB", UNIFORM_BYTES, 0)  # l_i_b_str and the separator I2OSP(0, 1)


def prefixed(data: bytes) -> bytes:
    """`I2OSP(len(data), 2) || data`; raises OprfError above 65 535 bytes (RFC 9497: InvalidInputError)."""
    if len(data) > MAX_INPUT_BYTES:
        raise OprfError("an input has at most {most} bytes", MAX_INPUT_BYTES)
    return len(data).to_bytes(2, "big") + data


def expand(message: bytes, dst: bytes) -> bytes:
    """64 uniform bytes of a message; a tag has at most 255 bytes."""
    dst_prime = dst + bytes([len(dst)])
    first = sha512(_BLOCK + message + _LENGTH + dst_prime).digest()
    return sha512(first + b"\x01" + dst_prime).digest()
