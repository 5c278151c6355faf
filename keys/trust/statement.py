"""A statement: what a node's statement key signs to be shown to others, such as a receipt or an acknowledgement.

It is a DSSE envelope like the trust documents', with one signature, in exactly one encoding: whoever keeps a
statement as proof can have every byte of it checked. The kind is signed with the payload, so a receipt is never taken
for an answer. What a payload says is its own module's matter, and so is whether the key's time had come.
Spec: docs/spec/statement.md. Source: DSSE 1.0.2 (protocol.md, envelope.md).
"""

import re
from collections.abc import Sequence
from typing import Final

from keys.encoding import Fields, b64, dump, load
from keys.errors import BadSignatureError, MalformedTrustError
from keys.key import StatementPublicKey
from keys.signer import Signer
from keys.trust.envelope import pre_authentication

MAX_STATEMENT_BYTES: Final = 65_536

_KIND: Final = re.compile(r"[a-z]+(-[a-z]+)*")
_WHERE: Final = "statement"


def seal_statement(kind: str, payload: bytes, signer: Signer) -> bytes:
    """The envelope of `payload`, signed as a `kind` (lower-case words joined by hyphens) by a statement key."""
    assert isinstance(signer.public, StatementPublicKey), "statements are signed by a statement key"
    signature = signer.sign(pre_authentication(_payload_type(kind), payload))
    return _envelope(kind, payload, signer.public.kid, signature)


def open_statement(data: bytes, kind: str, keys: Sequence[StatementPublicKey]) -> bytes:
    """The payload, signed as a `kind` by one of `keys`.

    Raises `MalformedTrustError` for another form, kind or encoding, `BadSignatureError` for a signature that none of
    the keys made.
    """
    payload, kid, signature = _read(data, kind)
    _key(keys, kid).verify(pre_authentication(_payload_type(kind), payload), signature)
    return payload


def unverified_payload(data: bytes, kind: str) -> bytes:
    """What a statement of a `kind` says, whoever signed it: for who kept it where nobody else could change it.

    Raises `MalformedTrustError` for another form, kind or encoding.
    """
    return _read(data, kind)[0]


def _read(data: bytes, kind: str) -> tuple[bytes, str, bytes]:
    """Payload, key id and signature."""
    fields = load(data, max_bytes=MAX_STATEMENT_BYTES, where=_WHERE, error=MalformedTrustError)
    if fields.text("payloadType") != _payload_type(kind):
        raise fields.refuse("payloadType", f"is not that of a {kind}")
    payload = fields.base64("payload", longest=MAX_STATEMENT_BYTES)
    kid, signature = _signature(fields)
    # One encoding: a copy that differs in a byte which the signature does not cover is not the statement.
    if _envelope(kind, payload, kid, signature) != data:
        raise MalformedTrustError("{where}: not the one encoding of this statement", _WHERE)
    return payload, kid, signature


def _key(keys: Sequence[StatementPublicKey], kid: str) -> StatementPublicKey:
    for key in keys:
        if key.kid == kid:
            return key
    raise BadSignatureError("the statement is signed by a key that is not the node's")


def _envelope(kind: str, payload: bytes, kid: str, signature: bytes) -> bytes:
    return dump(
        {
            "payload": b64(payload),
            "payloadType": _payload_type(kind),
            "signatures": [{"keyid": kid, "sig": b64(signature)}],
        }
    )


def _signature(fields: Fields) -> tuple[str, bytes]:
    found = fields.nested_list("signatures")
    if len(found) != 1:
        raise fields.refuse("signatures", "is not one signature")
    return found[0].text("keyid"), found[0].base64("sig")


def _payload_type(kind: str) -> str:
    assert _KIND.fullmatch(kind), "a kind is words of lower-case letters joined by hyphens"
    return f"application/vnd.sigfed.{kind}.v1+cbor"
