"""Writing roots: the first one, and each next one, which the holders of the one before it sign as well.

Written with python-tuf's own types, so stock TUF clients accept them; what would not open is not written. Who holds
which key, and how holders meet to sign, are the node's matter.
Spec: docs/spec/trust.md, "Root". Source: TUF specification 1.0.34, sections 4.3 and 6.1.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from securesystemslib.signer import Signature
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from keys.signer import Signer
from keys.trust.fingerprint import fingerprint
from keys.trust.tuf.holders import HOLDERS_FIELD, to_field
from keys.trust.tuf.keys import to_tuf, tuf_key_id
from keys.trust.tuf.root import NODE_FIELD, RootContent, check_content, open_root

SignedT = TypeVar("SignedT", Root, Snapshot, Targets, Timestamp)

SPEC_VERSION: Final = "1.0.31"
"""Fixed, so that a newer library does not write other bytes for the same values."""


def author_root(content: RootContent, signers: Sequence[Signer]) -> bytes:
    """The bytes of `1.root.json`: the same values give the same bytes. `content.threshold` of its root keys sign.

    Raises `MalformedTrustError` for what `open_root` would refuse, `ThresholdError` for too few signers.
    """
    data = sign_metadata(_metadata(content, version=1), signers)
    open_root(data, fingerprint(data))
    return data


def root_message(content: RootContent, *, version: int) -> bytes:
    """What holders sign to make `content` that version of the root; raises `MalformedTrustError`."""
    check_content(content)
    return _metadata(content, version=version).signed_bytes


def assemble_root(content: RootContent, *, version: int, signatures: Mapping[str, bytes]) -> bytes:
    """The bytes of a root with the signatures of its `root_message`, by key id; nothing is verified here."""
    return attach(_metadata(content, version=version), signatures)


def sign_metadata(metadata: Metadata[SignedT], signers: Sequence[Signer]) -> bytes:
    """Metadata of any role, signed by each of `signers`, in the order of their key ids."""
    message = metadata.signed_bytes
    return attach(metadata, {tuf_key_id(signer.public): signer.sign(message) for signer in signers})


def attach(metadata: Metadata[SignedT], signatures: Mapping[str, bytes]) -> bytes:
    """Metadata of any role with signatures by key id, in the order of these."""
    for keyid, signature in sorted(signatures.items()):
        metadata.signatures[keyid] = Signature(keyid, signature.hex())
    return metadata.to_bytes(JSONSerializer(compact=True))


def _metadata(content: RootContent, *, version: int) -> Metadata[Root]:
    named = {HOLDERS_FIELD: to_field(content.holders)} if content.holders else {}
    root = Root(
        version=version,
        spec_version=SPEC_VERSION,
        expires=content.expires,
        unrecognized_fields={NODE_FIELD: content.node, **named},
    )
    root.roles["root"].threshold = content.threshold
    root.roles["targets"].threshold = content.targets_threshold
    for key in sorted(content.keys, key=tuf_key_id):
        root.add_key(to_tuf(key), key.role)
    return Metadata(root)
