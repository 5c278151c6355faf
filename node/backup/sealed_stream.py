"""A stream that is encrypted in frames, written and read once from front to back, however long it is.

Each frame is AES-256-GCM under one key of this stream alone; its nonce is its number and whether it is the last, its
associated data the stream's header. So frames cannot be altered, dropped, repeated or put in another order, and a
stream that was cut off does not read to its end. Source: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015), as age and Tink use it.
"""

import io
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from typing_extensions import Buffer, override

from node.errors import VerificationError

FRAME_BYTES: Final = 1 << 20
_TAG_BYTES: Final = 16
_COUNTER_BYTES: Final = 11
_DAMAGED: Final = "the backup was altered or cut off, or the passphrase is wrong"


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNTER_BYTES, "big") + bytes([last])


class SealedWriter:
    """What is written, sealed into `out`; `close` writes the last frame and leaves `out` open."""

    def __init__(self, out: BinaryIO, key: bytes, header: bytes) -> None:
        self._out = out
        self._cipher = AESGCM(key)
        self._header = header
        self._held = bytearray()
        self._number = 0

    def write(self, data: bytes) -> int:
        """Take more bytes."""
        self._held += data
        while len(self._held) > FRAME_BYTES:  # the last frame is known only at the end
            self._seal(bytes(self._held[:FRAME_BYTES]), last=False)
            del self._held[:FRAME_BYTES]
        return len(data)

    def close(self) -> None:
        """Write what is left as the last frame."""
        self._seal(bytes(self._held), last=True)
        self._held.clear()

    def _seal(self, data: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last=last), data, self._header))
        self._number += 1


class SealedReader(io.RawIOBase):
    """What was sealed, read from `source`; raises `VerificationError` where it is not as it was written."""

    def __init__(self, source: BinaryIO, key: bytes, header: bytes) -> None:
        super().__init__()
        self._source = source
        self._cipher = AESGCM(key)
        self._header = header
        self._ahead = source.read(FRAME_BYTES + _TAG_BYTES)
        self._held = memoryview(b"")
        self._number = 0
        self._ended = False

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer)
        while not self._held and not self._ended:
            self._open()
        count = min(len(target), len(self._held))
        target[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def _open(self) -> None:
        frame = self._ahead
        self._ahead = self._source.read(FRAME_BYTES + _TAG_BYTES)
        self._ended = not self._ahead
        try:
            data = self._cipher.decrypt(_nonce(self._number, last=self._ended), frame, self._header)
        except InvalidTag:
            raise VerificationError(_DAMAGED, hint="take another copy of it, or another backup") from None
        self._held = memoryview(data)
        self._number += 1
