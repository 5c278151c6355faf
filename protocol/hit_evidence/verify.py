"""Judging a hit's evidence, offline: did enough countries list this digest when the release was made?

The judge trusts one thing: the fingerprint of the node's first root. That leads to the newest root in the file, whose
targets keys sign the document, as those of the day signed the register. The register pins each member's first root,
that leads to the member's document, the document names the list's key, and the key signed a checkpoint that the entry
is in. Windows of keys are not applied: a retired key's signature is still its owner's. A stolen one's is nobody's, as
far as revocations are known. One node signs the register that names all others, and could invent them: the judge may
know a member's root himself, and is told of whom he does not. That no withdrawal or dispute stood against the entry,
and no later amendment, is the release's own, logged claim. Spec: docs/spec/hit.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from keys.key import StatementPublicKey
from keys.trust.members import Member, Members, open_earlier_members
from keys.trust.names import is_origin_of
from keys.trust.node_document import NodeDocument
from keys.trust.statement import open_statement
from protocol.digest import Digest
from protocol.errors import ProofError
from protocol.hit_evidence.bundle import SEAL_KIND, HitEvidence, LoggedEvent, SourceProof, read_bundle
from protocol.hit_evidence.trust import Believed, believe
from protocol.lists.event import Event, Op
from protocol.lists.ext import Basis
from protocol.lists.opening import Opening, check_opening, commitment, origin_hash
from protocol.statement.receipt import Receipt, open_receipt
from protocol.statement.report import HitReport
from protocol.subset.identity import subset_id
from protocol.subset.label import Label
from protocol.subset.manifest import Manifest
from protocol.subset.sources import SourceCheckpoint
from protocol.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from protocol.tlog.log_keys import log_keys
from protocol.tlog.merkle import leaf_hash, verify_consistency, verify_inclusion
from protocol.tlog.note import VerifierKey
from protocol.tlog.policy import NO_QUORUM, Policy
from protocol.tlog.proof import TlogProof, verify_proof

NOT_PROVEN: Final = (
    "that nothing withdrew, disputed or amended these entries since: the release claims it, and members can check it",
    "that the file is what the list says: that is the word of the agencies named",
)
"""What no evidence of a hit shows; whoever presents a finding says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """One entry that made the digest effective."""

    node: str
    country: str | None
    authority: bool
    """Whether the register names the member an authority for the collection."""
    origin: str
    index: int
    basis: Basis
    since_ms: int
    """When the entry was added, by the list's own dating."""
    root_sha256: bytes
    """Fingerprint of the member's first root, 32 bytes."""
    pinned: bool
    """Whether the judge knows that root himself; else the register has it so."""
    revocations_known: bool
    """Whether the keys that the member took back are known, and none of them is behind this."""
    revocations_until: datetime | None
    """End of the timestamp that lists them; None: of a file that was given beside, or not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HitFinding:
    """What verified evidence shows: by whose word the digest was on the list of a release."""

    node: str
    subset: str
    """Origin of the release log."""
    version: int
    partner: str
    report_id: bytes
    received_ms: int
    digest: Digest
    collection: int
    k: int
    """Countries that must agree, by the register."""
    backings: tuple[Backing, ...]
    cosigned_by: tuple[str, ...]
    """Witnesses, of the members in the evidence, that cosigned the release log's checkpoint."""
    existed_ms: int
    """When the first of them did: the release, and what it lists, is no younger; 0: none did."""
    revocations_known: bool
    """Whether the keys that the node took back are known, and none of them is behind this."""
    revocations_until: datetime | None
    """As of a `Backing`."""


class _Named(NamedTuple):
    """Whom a source of the label means: its member, its checkpoint in the manifest, what the member signed."""

    member: Member
    source: SourceCheckpoint
    files: Believed
    pinned: bool


def verify_hit(
    data: bytes, pinned: bytes, *, members: Mapping[str, bytes] | None = None, revoked: Sequence[bytes] = ()
) -> HitFinding:
    """What the evidence in a file shows, from the fingerprint of the node's root (32 bytes, or its first 16).

    `members` are fingerprints of members' roots that the judge knows, by node name; `revoked` files of revocations that
    are newer than those in the evidence.

    Raises:
        MalformedError: not such a file.
        KeysError: a trust file or statement that its signers did not sign.
        UntrustedError: a checkpoint that its log did not sign.
        ProofError: parts that do not prove what they should.
        SubsetError, OpeningError: the same, of a manifest or an opening.
    """
    evidence, seal = read_bundle(data)
    own = believe(evidence.roots, evidence.document, evidence.current, pinned=pinned, newer=revoked)
    node = own.document.node
    keys = tuple(dated.key for dated in own.document.statement_keys)
    _require(open_statement(seal, SEAL_KIND, keys) == evidence.seal_payload(), "the seal is of another file")
    register = open_earlier_members(evidence.members, own.roots)
    report, receipt = _receipt(evidence, keys, node)
    manifest = Manifest.from_bytes(evidence.manifest)
    _check_manifest(evidence, manifest, receipt, node, register)
    own.require_undoubted(evidence.origin, receipt.version - 1)
    named = _named(
        evidence,
        receipt.label,
        manifest,
        _Judge(register, {node: own.root_sha256, **(members or {})}, revoked),
    )
    head = _release(evidence, manifest, receipt, own.document, [each.files.document for each in named])
    backings = tuple(
        _backing(proof, each, collection=receipt.label.collection, digest=report.digest)
        for proof, each in zip(evidence.sources, named, strict=True)
    )
    _check_rule(backings, register)
    return HitFinding(
        node=node,
        subset=evidence.origin,
        version=receipt.version,
        partner=report.partner,
        report_id=report.report_id,
        received_ms=receipt.received_ms,
        digest=report.digest,
        collection=receipt.label.collection,
        k=register.k,
        backings=backings,
        cosigned_by=tuple(sorted({found.witness.name for found in head.cosignatures})),
        existed_ms=1000 * min((found.time_s for found in head.cosignatures), default=0),
        revocations_known=own.revocations is not None,
        revocations_until=own.known_until,
    )


def _require(holds: bool, reason: str) -> None:  # noqa: FBT001 - reads as the sentence it is
    if not holds:
        raise ProofError("hit evidence: {reason}", reason)


def _receipt(
    evidence: HitEvidence, keys: tuple[StatementPublicKey, ...], node: str
) -> tuple[HitReport, Receipt]:
    report = HitReport.from_bytes(evidence.report)
    receipt = open_receipt(evidence.receipt, report, keys)
    _require(receipt.node == node, "the receipt is another node's")
    return report, receipt


def _check_manifest(
    evidence: HitEvidence, manifest: Manifest, receipt: Receipt, node: str, members: Members
) -> None:
    _require(is_origin_of(evidence.origin, node), "the release log is another node's")
    ids = (manifest.subset_id, receipt.subset_id)
    _require(ids == (subset_id(evidence.origin),) * 2, "the release is of another subset")
    _require(manifest.epoch == receipt.epoch, "the release is of another epoch")
    _require(manifest.rules.members == members.sha256, "the release was made with another register")


class _Judge(NamedTuple):
    """By what the other members are judged: the register, and what the judge knows himself."""

    register: Members
    pins: Mapping[str, bytes]
    revoked: Sequence[bytes]

    def member(self, origin: str) -> tuple[Member, bool]:
        """Whose log it is, and whether its root is pinned by more than the register."""
        member = _member(self.register, origin)
        pin = self.pins.get(member.node)
        known = pin is None or member.root_sha256.startswith(pin)
        _require(known, f"the register has another root of {member.node} than the one that you know")
        return member, pin is not None


def _named(evidence: HitEvidence, label: Label, manifest: Manifest, judge: _Judge) -> tuple[_Named, ...]:
    """Whom each source of the label means."""
    _require(len(evidence.sources) == len(label.sources) > 0, "not one proof for each source")
    found = []
    for proof, named in zip(evidence.sources, label.sources, strict=True):
        _require(proof.add.index == named.index, "the proof of another entry")
        source = manifest.source(named.number)
        member, pinned = judge.member(source.origin)
        files = believe(
            proof.roots, proof.document, proof.current, pinned=member.root_sha256, newer=judge.revoked
        )
        _require(files.document.node == member.node, "the document of another member")
        found.append(_Named(member, source, files, pinned))
    return tuple(found)


def _member(members: Members, origin: str) -> Member:
    for member in members.members:
        if is_origin_of(origin, member.node):
            return member
    raise ProofError("hit evidence: a list of no member")


def _release(
    evidence: HitEvidence,
    manifest: Manifest,
    receipt: Receipt,
    document: NodeDocument,
    others: Iterable[NodeDocument],
) -> SignedCheckpoint:
    """The cosigned head under which the manifest is logged at the receipt's version."""
    proof = TlogProof.from_bytes(evidence.release)
    _require(proof.index + 1 == receipt.version, "the manifest of another release")
    witnesses = _witnesses(other for other in others if other.node != document.node)
    policy = Policy(
        logs=(),
        witnesses={b"w%d" % place: key for place, key in enumerate(witnesses)},
        groups={},
        quorum=NO_QUORUM,
    )
    return verify_proof(
        proof,
        leaf_hash(manifest.to_bytes()),
        origin=evidence.origin,
        log_keys=log_keys(document, evidence.origin),
        policy=policy,
    )


def _witnesses(documents: Iterable[NodeDocument]) -> list[VerifierKey]:
    """The witness keys of members, but those that two could mean: such a key is nobody's."""
    keys: dict[tuple[str, bytes], set[VerifierKey]] = {}
    for document in documents:
        for dated in document.witness.vkeys if document.witness else ():
            key = VerifierKey.from_text(dated.vkey)
            keys.setdefault((key.name, key.key_hash), set()).add(key)
    return [found.pop() for found in keys.values() if len(found) == 1]


def _backing(proof: SourceProof, named: _Named, *, collection: int, digest: Digest) -> Backing:
    member, source, files, pinned = named
    for logged in (proof.add, proof.amend):
        if logged is not None:
            files.require_undoubted(source.origin, logged.index)
    _check_signed(proof, source, files.document)
    event, opening = _open(proof.add, source)
    _require(event.header.op == Op.ADD and event.header.known, "a source that adds nothing")
    _require(event.header.collection == collection, "a source in another collection")
    _require(opening.digest == digest, "a source that lists another digest")
    ext = opening.ext if proof.amend is None else _amended(proof.amend, proof.add.index, source).ext
    _require(ext.counts and ext.basis is not None, "a source whose basis does not count")
    return Backing(
        node=member.node,
        country=member.country,
        authority=collection in member.authority_for,
        origin=source.origin,
        index=proof.add.index,
        basis=Basis(ext.basis or 0),
        since_ms=event.header.time_ms,
        root_sha256=files.root_sha256,
        pinned=pinned,
        revocations_known=files.revocations is not None,
        revocations_until=files.known_until,
    )


def _check_signed(proof: SourceProof, source: SourceCheckpoint, document: NodeDocument) -> None:
    """The member itself signed a list that begins with what the release read."""
    signed = open_checkpoint(
        proof.note, origin=source.origin, log_keys=log_keys(document, source.origin)
    ).checkpoint
    verify_consistency(
        old_size=source.size,
        old_root=source.root,
        new_size=signed.size,
        new_root=signed.root,
        proof=proof.consistency,
    )


def _open(logged: LoggedEvent, source: SourceCheckpoint) -> tuple[Event, Opening]:
    """An event of the source, and what its commitment hides."""
    verify_inclusion(
        index=logged.index,
        size=source.size,
        leaf=leaf_hash(logged.event),
        proof=logged.inclusion,
        root=source.root,
    )
    event = Event.from_bytes(logged.event)
    hidden = commitment(origin_hash(source.origin), event.header.to_bytes(), logged.opening)
    _require(hidden == event.commitment, "an opening that its event does not commit to")
    _require(event.header.known, "an event that this version does not know")
    opening = Opening.from_bytes(logged.opening)
    check_opening(event.header, opening)
    return event, opening


def _amended(amend: LoggedEvent, index: int, source: SourceCheckpoint) -> Opening:
    event, opening = _open(amend, source)
    _require(event.header.op == Op.AMEND and event.header.ref == index, "an amendment of another entry")
    return opening


def _check_rule(backings: tuple[Backing, ...], members: Members) -> None:
    countries = {backing.country for backing in backings} - {None}
    if len(countries) < members.k and not any(backing.authority for backing in backings):
        raise ProofError("hit evidence: {count} of {k} countries list the digest", len(countries), members.k)
