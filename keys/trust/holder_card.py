"""The public half of a holder's keys, as he sends it to the node: his name and keys, signed by each of these keys.

That each key signed shows that its holder has it and can open it: a root that names a key which nobody has would be
found out when it is needed. Who sent the card is for people to compare. Spec: docs/spec/trust.md, "Holders".
"""

from collections.abc import Sequence
from typing import Final

from keys.encoding import Fields, Json, b64, dump, load
from keys.errors import MalformedTrustError
from keys.key import PublicKey, RootPublicKey, TargetsPublicKey
from keys.signer import Signer
from keys.trust.tuf.holders import Holder

VERSION: Final = 1
MAX_CARD_BYTES: Final = 4096

_DOMAIN: Final = b"sigfed/holder/v1\0"
_WHERE: Final = "holder card"
_FIELDS: Final = ("v", "node", "name", "root", "targets", "proofs")


def make_card(node: str, holder: Holder, signers: Sequence[Signer]) -> bytes:
    """The card of a holder of `node`, proved by all his keys; raises `MalformedTrustError` where one is missing."""
    message = _message(node, holder)
    proofs = {signer.public: signer.sign(message) for signer in signers}
    card = _encode(node, holder, [proofs.get(key, b"") for key in holder.keys])
    read_card(card, node)
    return card


def read_card(data: bytes, node: str) -> Holder:
    """The holder in a card for `node`.

    Raises `MalformedTrustError` for another form, encoding or node, `BadSignatureError` for a key that its sender does
    not have, `MalformedKeyError` for one that is not admissible.
    """
    fields = load(data, max_bytes=MAX_CARD_BYTES, where=_WHERE, error=MalformedTrustError)
    fields.only(*_FIELDS)
    fields.integer("v", least=VERSION, most=VERSION)
    if fields.text("node") != node:
        raise fields.refuse("node", "is another one")
    holder = Holder(name=fields.text("name"), root=_root(fields), targets=_targets(fields))
    proofs = [item.base64("sig") for item in fields.nested_list("proofs")]
    if _encode(node, holder, proofs) != data or len(proofs) != len(holder.keys):
        raise MalformedTrustError("{where}: not the one encoding of this card", _WHERE)
    for key, proof in zip(holder.keys, proofs, strict=True):
        key.verify(_message(node, holder), proof)
    return holder


def _message(node: str, holder: Holder) -> bytes:
    return _DOMAIN + dump(_contents(node, holder))


def _encode(node: str, holder: Holder, proofs: Sequence[bytes]) -> bytes:
    return dump({**_contents(node, holder), "proofs": [{"sig": b64(proof)} for proof in proofs]}) + b"\n"


def _contents(node: str, holder: Holder) -> dict[str, Json]:
    return {
        "v": VERSION,
        "node": node,
        "name": holder.name,
        "root": _text(holder.root),
        "targets": _text(holder.targets),
    }


def _text(key: PublicKey | None) -> str | None:
    return None if key is None else key.to_text()


def _root(fields: Fields) -> RootPublicKey | None:
    return None if fields.absent("root") else RootPublicKey.from_text(fields.text("root"))


def _targets(fields: Fields) -> TargetsPublicKey | None:
    return None if fields.absent("targets") else TargetsPublicKey.from_text(fields.text("targets"))
