"""A signed document: a DSSE envelope whose signatures are by the root's targets keys.

The bytes that were signed travel inside, so nothing is re-serialised to be verified, and the kind is signed with them,
so no document passes for one of another kind. What the payload means is its own module's matter; a register and
a node document get their version numbers and their place in TUF's targets there.
Spec: docs/spec/trust.md, "Envelope". Source: DSSE 1.0.2 (protocol.md, envelope.md).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from keys.encoding import Fields, b64, dump, load, unb64
from keys.errors import MalformedTrustError
from keys.signer import Signer
from keys.trust.tuf.keys import require_threshold, tuf_key_id
from keys.trust.tuf.root import RootContent

MAX_ENVELOPE_BYTES: Final = 1_000_000

_KIND: Final = re.compile(r"[a-z]+(-[a-z]+)*")
_WHERE: Final = "envelope"


def seal(kind: str, payload: bytes, signers: Sequence[Signer]) -> bytes:
    """The envelope of `payload`, signed by each of `signers`, in the order of their key ids."""
    message = envelope_message(kind, payload)
    return assemble_envelope(
        kind, payload, {tuf_key_id(signer.public): signer.sign(message) for signer in signers}
    )


def read_payload(data: bytes) -> bytes:
    """The payload of an envelope, whoever signed it; raises `MalformedTrustError`."""
    fields = load(data, max_bytes=MAX_ENVELOPE_BYTES, where=_WHERE, error=MalformedTrustError)
    return fields.base64("payload", longest=MAX_ENVELOPE_BYTES)


def envelope_message(kind: str, payload: bytes) -> bytes:
    """What is signed when `payload` is signed as a `kind`."""
    return pre_authentication(_payload_type(kind), payload)


def assemble_envelope(kind: str, payload: bytes, signatures: Mapping[str, bytes]) -> bytes:
    """The envelope with the signatures of its `envelope_message`, by key id; nothing is verified here."""
    written = [{"keyid": keyid, "sig": b64(signature)} for keyid, signature in sorted(signatures.items())]
    return dump({"payload": b64(payload), "payloadType": _payload_type(kind), "signatures": written})


def open_envelope(data: bytes, kind: str, root: RootContent) -> bytes:
    """The payload, signed as a `kind` by a threshold of the root's targets keys.

    Raises `MalformedTrustError` for another form or kind, `ThresholdError` for too few valid signatures.
    """
    fields = load(data, max_bytes=MAX_ENVELOPE_BYTES, where=_WHERE, error=MalformedTrustError)
    if fields.text("payloadType") != _payload_type(kind):
        raise fields.refuse("payloadType", f"is not that of a {kind}")
    payload = fields.base64("payload", longest=MAX_ENVELOPE_BYTES)
    message = pre_authentication(_payload_type(kind), payload)
    require_threshold(root.targets_keys, root.targets_threshold, message, _signatures(fields))
    return payload


def claimed_signers(data: bytes) -> frozenset[str]:
    """The key ids that an envelope says signed it, unproven: what a refusal can be explained with.

    Raises `MalformedTrustError`.
    """
    return frozenset(
        _signatures(load(data, max_bytes=MAX_ENVELOPE_BYTES, where=_WHERE, error=MalformedTrustError))
    )


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """DSSE's PAE: the bytes that are signed, in which type and payload cannot run into each other."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _payload_type(kind: str) -> str:
    assert _KIND.fullmatch(kind), "a kind is words of lower-case letters joined by hyphens"
    return f"application/vnd.sigfed.{kind}.v1+json"


def _signatures(fields: Fields) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for item in fields.nested_list("signatures"):
        keyid = item.text("keyid")
        if keyid in found:
            raise fields.refuse("signatures", "has two by one key")
        found[keyid] = unb64(item.text("sig"), error=MalformedTrustError)
    return found
