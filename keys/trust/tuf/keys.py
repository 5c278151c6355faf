"""Keys, their ids and thresholds of signatures in TUF's terms, counted under stricter rules than TUF's.

A key is Ed25519, admitted, and named by the hash of its canonical JSON; signatures are checked by libsodium and counted
by key. Which role must have signed what is for the modules of the single files to say.
Spec: docs/spec/trust.md. Source: TUF specification 1.0.34, section 4.2.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Final, TypeVar

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Key, Signature, SSlibKey

from keys.errors import BadSignatureError, MalformedTrustError, ThresholdError
from keys.key import PublicKey

_KEY_TYPE: Final = "ed25519"
_REMEMBERED: Final = 4096
"""Key ids that are not computed anew: every look at a trust file asks for those of its signers."""

KeyT = TypeVar("KeyT", bound=PublicKey)


def tuf_key_id(key: PublicKey) -> str:
    """TUF's name of a key: SHA-256 of its canonical JSON, in hex (TUF specification section 4.2)."""
    return _key_id(key.raw)


@lru_cache(_REMEMBERED)
def _key_id(raw: bytes) -> str:
    content = {"keytype": _KEY_TYPE, "keyval": {"public": raw.hex()}, "scheme": _KEY_TYPE}
    canonical = encode_canonical(content)
    assert canonical is not None, "only an output function makes it None"
    return sha256(canonical.encode("ascii")).hexdigest()


def to_tuf(key: PublicKey) -> Key:
    """The key as TUF's metadata writes it."""
    return SSlibKey(tuf_key_id(key), _KEY_TYPE, _KEY_TYPE, {"public": key.raw.hex()})


def from_tuf(key: Key | None, keyid: str, kind: type[KeyT]) -> KeyT:
    """The key of a role that metadata lists under `keyid`.

    Raises `MalformedTrustError` for one that is missing, of another type or misnamed, `MalformedKeyError` for one that
    is not admissible.
    """
    if key is None or key.keytype != _KEY_TYPE or key.scheme != _KEY_TYPE:
        raise MalformedTrustError("root: a {role} key is missing or not {name}", kind.role, _KEY_TYPE)
    try:
        admitted = kind.from_bytes(bytes.fromhex(key.keyval["public"]))
    except (ValueError, TypeError, KeyError):
        raise MalformedTrustError("root: a {role} key is not hex", kind.role) from None
    # One key under two ids would count twice in a client that counts ids.
    if tuf_key_id(admitted) != keyid:
        raise MalformedTrustError("root: a {role} key has an id that is not its own", kind.role)
    return admitted


def read_signatures(found: Mapping[str, Signature]) -> dict[str, bytes]:
    """The signatures of metadata by key id; raises `MalformedTrustError` for one that is not hex."""
    try:
        return {keyid: bytes.fromhex(signature.signature) for keyid, signature in found.items()}
    except (ValueError, TypeError):
        raise MalformedTrustError("metadata: a signature is not hex") from None


def require_threshold(
    keys: Iterable[PublicKey], threshold: int, message: bytes, signatures: Mapping[str, bytes]
) -> None:
    """Returns if `threshold` of the keys, all of one role, signed `message`, else raises `ThresholdError`.

    `signatures` maps TUF key ids to 64 bytes. Signatures of unknown keys, and invalid ones, count for nothing,
    as in TUF: to stock clients and to us the same set of files is valid.
    """
    asked = tuple(keys)
    signed = sum(_signed(key, message, signatures.get(tuf_key_id(key))) for key in asked)
    if signed < threshold:
        raise ThresholdError(asked[0].role, signed=signed, threshold=threshold)


def _signed(key: PublicKey, message: bytes, signature: bytes | None) -> bool:
    if signature is None:
        return False
    try:
        key.verify(message, signature)
    except BadSignatureError:
        return False
    return True
