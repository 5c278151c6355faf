"""Enrolment by one string: what an invitation says, and the strings that both sides bind a partner's keys to.

An invitation is the node's address and a code: the first half of its root's fingerprint and a secret. The partner
needs nothing else to be sure whom it talks to, and proves that it holds the secret without sending it. Drawing the
secret, and using an invitation up exactly once, is the node's matter. Spec: docs/spec/enrolment.md.
"""

import binascii
import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from protocol.encoding import encode_cbor
from protocol.errors import MalformedError, TooLargeError, UntrustedError
from protocol.messages import EnrolmentRequest

SECRET_BYTES: Final = 16
PIN_BYTES: Final = 16
MAX_INVITATION_CHARS: Final = 600

_INVITE: Final = b"sigfed/invite/v1\0"
_ENROL: Final = b"sigfed/enrol/v1\0"
_RENEW: Final = b"sigfed/renew/v1\0"
_CODE_CHARS: Final = 52  # 32 bytes in base32 without padding
_URL: Final = re.compile(
    r"https://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?/([A-Za-z0-9._~-]+/)*", re.ASCII
)
_AUTH: Final = 1
"""CBOR key of the authentication key in the map of a partner's keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Where the node is, the first 16 bytes of SHA-256 of its root, and the secret that enrols once."""

    url: str
    pin: bytes
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _URL.fullmatch(self.url):
            raise MalformedError("invitation: the address is not https://HOST[:PORT]/[PATH/]")
        if len(self.pin) != PIN_BYTES or len(self.secret) != SECRET_BYTES:
            raise MalformedError("invitation: the code has another length")

    @property
    def invite_id(self) -> bytes:
        """What names the invitation without telling its secret, 16 bytes."""
        return invite_id(self.secret)

    def to_text(self) -> str:
        """`URL#CODE`, the one string that is handed over."""
        return f"{self.url}#{b32encode(self.pin + self.secret).decode('ascii').rstrip('=')}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The invitation in a pasted string: case of the code and surrounding space do not matter.

        Raises:
            MalformedError: it is not an invitation.
        """
        if len(text) > MAX_INVITATION_CHARS:
            raise TooLargeError("invitation: too long")
        url, _, code = text.strip().partition("#")
        if len(code) != _CODE_CHARS:
            raise MalformedError("invitation: the code has another length; was it pasted whole?")
        try:
            value = b32decode(code.upper() + "=" * (-len(code) % 8))
        except (binascii.Error, ValueError):
            raise MalformedError("invitation: the code has other characters than A-Z and 2-7") from None
        invitation = cls(url=url, pin=value[:PIN_BYTES], secret=value[PIN_BYTES:])
        if invitation.to_text().partition("#")[2] != code.upper():
            raise MalformedError("invitation: the code is mistyped")
        return invitation


def invite_id(secret: bytes) -> bytes:
    """SHA-256("sigfed/invite/v1" 00 ‖ secret)[:16]."""
    return sha256(_INVITE + secret).digest()[:16]


def enrolment_string(*, root_sha256: bytes, spki_sha256: bytes, auth_key: bytes) -> bytes:
    """What is authenticated: the node's root, the TLS key the partner talks to, and all keys of the partner.

    The TLS key is in it so that whoever stands in between with another certificate gets nothing it can pass on.
    """
    return _ENROL + root_sha256 + spki_sha256 + _keys_sha256({_AUTH: auth_key})


def renewal_string(*, root_sha256: bytes, partner: str, old_key: bytes, auth_key: bytes) -> bytes:
    """What both keys sign when one follows the other: the node's root, the partner's name, the keys in their order.

    The old key must sign: whoever only has an access token of the partner could take its place for good otherwise.
    """
    name = partner.encode()
    keys = _keys_sha256({_AUTH: old_key}) + _keys_sha256({_AUTH: auth_key})
    return _RENEW + root_sha256 + len(name).to_bytes(2) + name + keys


def _keys_sha256(keys: Mapping[int, bytes]) -> bytes:
    return sha256(encode_cbor(dict(keys))).digest()


def enrolment_mac(secret: bytes, string: bytes) -> bytes:
    """HMAC-SHA-256 of the enrolment string under the invitation's secret, 32 bytes."""
    return hmac.digest(secret, string, "sha256")


def check_mac(secret: bytes, string: bytes, request: EnrolmentRequest) -> None:
    """Returns if the request was made with the secret and for this string, else raises `UntrustedError`."""
    if not hmac.compare_digest(enrolment_mac(secret, string), request.mac):
        raise UntrustedError(
            "enrolment: it was not made with this invitation, or for another node or connection"
        )
