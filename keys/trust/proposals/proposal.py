"""A proposal: what the holders of a node's root and targets keys are asked to sign, as one file.

It carries what is in force (the chain of roots, the trust files) and what is to come: the content of a next root, of
next trust files, or of both, never the bytes to be signed. Those are made from the content by whoever signs, so that
nothing can be in them that was not read and shown. This is the file alone: what follows from what is judged in
`sign`, what it alters is said in `words`. Spec: docs/spec/trust.md, "Proposals".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from keys.encoding import Fields, Json, b64, dump, format_time, load
from keys.errors import MalformedTrustError
from keys.key import RootPublicKey, SnapshotPublicKey, TargetsPublicKey, TimestampPublicKey
from keys.trust.envelope import MAX_ENVELOPE_BYTES
from keys.trust.tuf.holders import Holder
from keys.trust.tuf.root import MAX_ROOT_BYTES, RootContent
from keys.trust.tuf.target_files import is_target_name

VERSION: Final = 1
MAX_PROPOSAL_BYTES: Final = 8_000_000

Signatures = Mapping[str, bytes]
"""64 bytes by the key's TUF id."""

_WHERE: Final = "proposal"
_FIELDS: Final = (
    "v",
    "node",
    "roots",
    "files",
    "listing",
    "root",
    "changed",
    "expires",
    "handover",
    "signatures",
)
_BASE64: Final = 4 * MAX_ENVELOPE_BYTES // 3 + 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is in force, what is to come, and who signed it so far."""

    node: str
    roots: tuple[bytes, ...]
    """All root files, from the first to the newest."""
    files: Mapping[str, bytes]
    """The trust files in force, by name."""
    listing: bytes
    """The newest targets metadata, which lists them."""
    root: RootContent | None
    """What the next root says; None: there is none."""
    changed: Mapping[str, bytes]
    """By name: the payload of a next envelope (`.json`), or a next plain file."""
    expires: datetime
    """End of the next targets metadata."""
    handover: bool = True
    """Whether the targets keys that a next root replaces sign the files as well; not where they are stolen or lost."""
    signatures: Mapping[str, Signatures] = field(default_factory=dict)
    """By what was signed: `root`, the name of an envelope, or `listing`."""


def to_json(proposal: Proposal) -> bytes:
    """The one encoding of a proposal."""
    return dump(
        {
            "v": VERSION,
            "node": proposal.node,
            "roots": [{"data": b64(data)} for data in proposal.roots],
            "files": _named(proposal.files),
            "listing": b64(proposal.listing),
            "root": None if proposal.root is None else _root_fields(proposal.root),
            "changed": _named(proposal.changed),
            "expires": format_time(proposal.expires),
            "handover": int(proposal.handover),
            "signatures": [
                {"of": of, "keyid": keyid, "sig": b64(signature)}
                for of, signed in sorted(proposal.signatures.items())
                for keyid, signature in sorted(signed.items())
            ],
        }
    )


def from_json(data: bytes) -> Proposal:
    """The proposal that `data` is the one encoding of; raises `MalformedTrustError`, `MalformedKeyError` of a key."""
    fields = load(data, max_bytes=MAX_PROPOSAL_BYTES, where=_WHERE, error=MalformedTrustError)
    fields.only(*_FIELDS)
    fields.integer("v", least=VERSION, most=VERSION)
    node = fields.text("node")
    proposal = Proposal(
        node=node,
        roots=tuple(item.base64("data", longest=2 * MAX_ROOT_BYTES) for item in fields.nested_list("roots")),
        files=_read_named(fields, "files"),
        listing=fields.base64("listing", longest=_BASE64),
        root=None if fields.absent("root") else _read_root(fields.nested("root"), node),
        changed=_read_named(fields, "changed"),
        expires=fields.time("expires"),
        handover=bool(fields.integer("handover", most=1)),
        signatures=_read_signatures(fields),
    )
    # What is shown must be all that there is: no field, order or spelling that no reader sees.
    if to_json(proposal) != data:
        raise MalformedTrustError("{where}: not the one encoding of this proposal", _WHERE)
    return proposal


def _named(files: Mapping[str, bytes]) -> list[Json]:
    return [{"name": name, "data": b64(data)} for name, data in sorted(files.items())]


def _read_named(fields: Fields, name: str) -> dict[str, bytes]:
    items = fields.nested_list(name)
    found = {item.text("name"): item.base64("data", longest=_BASE64) for item in items}
    if not all(map(is_target_name, found)):
        raise fields.refuse(name, "has a name that is no trust file's")
    return found


def _root_fields(content: RootContent) -> Json:
    (snapshot,), (timestamp,) = content.snapshot_keys, content.timestamp_keys
    return {
        "expires": format_time(content.expires),
        "threshold": content.threshold,
        "targets_threshold": content.targets_threshold,
        "holders": [
            {
                "name": holder.name,
                "root": None if holder.root is None else holder.root.to_text(),
                "targets": None if holder.targets is None else holder.targets.to_text(),
            }
            for holder in sorted(content.holders, key=lambda holder: holder.name)
        ],
        "snapshot": snapshot.to_text(),
        "timestamp": timestamp.to_text(),
    }


def _read_root(fields: Fields, node: str) -> RootContent:
    holders = tuple(map(_read_holder, fields.nested_list("holders")))
    if not holders:
        raise fields.refuse("holders", "is empty")
    return RootContent(
        node=node,
        expires=fields.time("expires"),
        root_keys=tuple(holder.root for holder in holders if holder.root is not None),
        threshold=fields.integer("threshold"),
        targets_keys=tuple(holder.targets for holder in holders if holder.targets is not None),
        targets_threshold=fields.integer("targets_threshold"),
        snapshot_keys=(SnapshotPublicKey.from_text(fields.text("snapshot")),),
        timestamp_keys=(TimestampPublicKey.from_text(fields.text("timestamp")),),
        holders=holders,
    )


def _read_holder(fields: Fields) -> Holder:
    return Holder(
        name=fields.text("name"),
        root=None if fields.absent("root") else RootPublicKey.from_text(fields.text("root")),
        targets=None if fields.absent("targets") else TargetsPublicKey.from_text(fields.text("targets")),
    )


def _read_signatures(fields: Fields) -> dict[str, dict[str, bytes]]:
    found: dict[str, dict[str, bytes]] = {}
    for item in fields.nested_list("signatures"):
        found.setdefault(item.text("of"), {})[item.text("keyid")] = item.base64("sig")
    return found
