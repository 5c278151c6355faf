"""Keys in an ssh-agent: of a hardware token behind it, of `ssh-add -c`, or of a machine that forwards its agent.

Ed25519 only; the agent signs the message itself, as we do. One connection a signature: an agent that was restarted, or
locked for a while, is found again by the next one. Source: draft-ietf-sshm-ssh-agent, RFC 4253 section 6.6, RFC 8709.
"""

import socket
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from struct import Struct
from struct import error as StructError  # noqa: N812 - a module's error, named as an error
from typing import Final

from keys.key import KEY_BYTES, SIGNATURE_BYTES
from node.errors import MissingKeyError, SignerDownError

_LENGTH: Final = Struct(">I")
_FAILURE: Final = 5
_REQUEST_IDENTITIES: Final = 11
_IDENTITIES: Final = 12
_SIGN_REQUEST: Final = 13
_SIGNATURE: Final = 14
_MAX_REPLY: Final = 256 * 1024
_ALGORITHM: Final = b"ssh-ed25519"
_PATIENCE_SECONDS: Final = 60
"""A person may have to confirm, or to touch a token."""


@dataclass(frozen=True, slots=True)
class AgentKey:
    """An Ed25519 identity of an agent."""

    blob: bytes
    """The public key as SSH writes it."""
    raw: bytes
    """Its 32 bytes, which nobody has admitted yet."""

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as `ssh-add -l` shows it."""
        return "SHA256:" + b64encode(sha256(self.blob).digest()).rstrip(b"=").decode()

    @property
    def base64(self) -> str:
        """The public key as it stands in a `.pub` file."""
        return b64encode(self.blob).decode()


class SshAgent:
    """The agent that listens at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keys(self) -> Sequence[AgentKey]:
        """The Ed25519 keys that it holds; raises `SignerDownError`."""
        reply = self._ask(bytes([_REQUEST_IDENTITIES]), _IDENTITIES)
        parts = _Parts(reply)
        return list(_ed25519_keys(parts))

    def get(self, name: str) -> AgentKey:
        """The key with this fingerprint, or this public key in base64.

        Raises:
            MissingKeyError: the agent does not hold it.
            SignerDownError: there is no agent.
        """
        for key in self.keys():
            if name in {key.fingerprint, key.base64}:
                return key
        raise MissingKeyError(
            "the ssh-agent holds no Ed25519 key {name}",
            name,
            hint="see ssh-add -l; unlock the agent, plug the token in, or load the key: ssh-add FILE",
        )

    def sign(self, key: AgentKey, message: bytes) -> bytes:
        """The 64-byte signature of `message`, not verified; raises `SignerDownError`."""
        request = bytes([_SIGN_REQUEST]) + _string(key.blob) + _string(message) + _LENGTH.pack(0)
        parts = _Parts(_Parts(self._ask(request, _SIGNATURE)).string())
        if parts.string() != _ALGORITHM or len(signature := parts.string()) != SIGNATURE_BYTES:
            raise _misunderstood()
        return signature

    def _ask(self, request: bytes, wanted: int) -> bytes:
        """The body of the agent's reply."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(_PATIENCE_SECONDS)
                link.connect(str(self._path))
                link.sendall(_LENGTH.pack(len(request)) + request)
                (length,) = _LENGTH.unpack(_receive(link, _LENGTH.size))
                if not 0 < length <= _MAX_REPLY:
                    raise _misunderstood()
                reply = _receive(link, length)
        except OSError as exc:
            raise SignerDownError(
                "the ssh-agent cannot be reached: {reason}",
                exc.strerror or "no answer",
                hint="is it running, and does SSH_AUTH_SOCK name its socket? then ask again",
            ) from exc
        if reply[0] == _FAILURE:
            raise SignerDownError(
                "the ssh-agent refused",
                hint="it is locked (ssh-add -X), the key was taken out, or nobody confirmed; then ask again",
            )
        if reply[0] != wanted:
            raise _misunderstood()
        return reply[1:]


class _Parts:
    """The fields of an SSH message, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self) -> int:
        try:
            (value,) = _LENGTH.unpack_from(self._data, self._at)
        except StructError:
            raise _misunderstood() from None
        self._at += _LENGTH.size
        return int(value)

    def string(self) -> bytes:
        length = self.number()
        value = self._data[self._at : self._at + length]
        if len(value) != length:
            raise _misunderstood()
        self._at += length
        return value


def _ed25519_keys(parts: _Parts) -> Iterator[AgentKey]:
    for _ in range(parts.number()):
        blob, _comment = parts.string(), parts.string()
        inner = _Parts(blob)
        if inner.string() == _ALGORITHM and len(raw := inner.string()) == KEY_BYTES:
            yield AgentKey(blob, raw)


def _string(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def _receive(link: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = link.recv(size - len(data))
        if not part:
            raise ConnectionResetError(None, "it closed the connection")
        data += part
    return bytes(data)


def _misunderstood() -> SignerDownError:
    return SignerDownError(
        "the ssh-agent gave an answer that cannot be read", hint="does SSH_AUTH_SOCK name an ssh-agent?"
    )
