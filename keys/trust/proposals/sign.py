"""Judging a proposal, signing it, and making the files that it leads to.

A proposal follows from what it carries or is refused. Each thing in it is signed by every set of keys that a reader may
go by: a root by a threshold of the root keys before it and of its own, files by the targets keys before and after. The
list of the files (TUF's targets metadata) holds their hashes, and a node document that of the revocations: what names a
file is signed when that file has its signatures, and then it takes no more. Publishing is the node's matter.
Spec: docs/spec/trust.md, "Proposals".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keys.errors import BadSignatureError, MalformedTrustError, ThresholdError
from keys.key import PublicKey
from keys.signer import Signer
from keys.trust import members, node_document, revocations
from keys.trust.envelope import assemble_envelope, envelope_message, open_envelope
from keys.trust.fingerprint import fingerprint
from keys.trust.node_document import NodeDocument
from keys.trust.proposals.proposal import Proposal, Signatures
from keys.trust.tuf.keys import tuf_key_id
from keys.trust.tuf.repository import Listed, TargetsMetadata, assemble_targets, open_targets, targets_message
from keys.trust.tuf.root import RootContent, TrustedRoot, check_content, open_next_root, open_roots
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE, REVOKED_FILE, target_path
from keys.trust.tuf.write_root import assemble_root, root_message

ROOT: Final = "root"
LISTING: Final = "listing"
NOT_YET: Final = bytes(32)
"""Where a node document will name revocations of the same proposal, which are not signed yet."""
MAX_TEXT_BYTES: Final = 256_000

_WHERE: Final = "proposal"


@dataclass(frozen=True, slots=True)
class Quorum:
    """A set of keys of which a threshold must sign."""

    by: str
    """`now`: keys that count today; `next`: keys of the next root; `both` where they are the same."""
    keys: tuple[PublicKey, ...]
    threshold: int

    def signed(self, signatures: Signatures) -> tuple[PublicKey, ...]:
        """Those of the keys that signed."""
        return tuple(key for key in self.keys if tuf_key_id(key) in signatures)

    def is_met(self, signatures: Signatures) -> bool:
        """Whether enough of them signed."""
        return len(self.signed(signatures)) >= self.threshold


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that is signed: the message, by whom, and the signatures so far."""

    of: str
    message: bytes
    quorums: tuple[Quorum, ...]
    signatures: Signatures

    @property
    def is_complete(self) -> bool:
        """Whether every set of keys signed enough."""
        return all(quorum.is_met(self.signatures) for quorum in self.quorums)

    def wants(self, key: PublicKey) -> bool:
        """Whether a signature by `key` is still missing: one more would change a file that is listed already."""
        return tuf_key_id(key) not in self.signatures and any(
            key in quorum.keys and not quorum.is_met(self.signatures) for quorum in self.quorums
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedProposal:
    """A proposal that follows from what it carries, and whose signatures are valid; made by `open_proposal` only."""

    proposal: Proposal
    roots: tuple[TrustedRoot, ...]
    payloads: Mapping[str, bytes]
    """Of the envelopes in force, by name."""
    listing: TargetsMetadata
    """What lists the files in force."""

    @property
    def before(self) -> TrustedRoot:
        """The root in force."""
        return self.roots[-1]

    @property
    def after(self) -> RootContent:
        """What the root says when this is published."""
        return self.proposal.root or self.before

    @property
    def version(self) -> int:
        """Of the next root."""
        return self.before.version + 1

    @property
    def next_listing(self) -> int:
        """Version of the next targets metadata."""
        return self.listing.version + 1

    def acts(self) -> tuple[Act, ...]:
        """What is signed, in the order of signing; what names a file by its hash only when that has its signatures."""
        made = [self._root_act()] if self.proposal.root is not None else []
        files = [self._file_act(name) for name in self._envelopes() if not self._waits(name)]
        waiting = any(not act.is_complete for act in files) or len(files) < len(self._envelopes())
        if not self.proposal.changed or waiting:
            return (*made, *files)
        listing = targets_message(
            self.listed(self.assembled()), version=self.next_listing, expires=self.proposal.expires
        )
        return (*made, *files, self._act(LISTING, listing, self._targets_quorums()))

    def assembled(self) -> dict[str, bytes]:
        """The changed files with the signatures so far."""
        return {
            name: self._assembled(name) if is_envelope(name) else data
            for name, data in self.proposal.changed.items()
        }

    def listed(self, assembled: Mapping[str, bytes]) -> dict[str, bytes]:
        """All trust files after this, by their paths in targets metadata."""
        return {target_path(name): data for name, data in {**self.proposal.files, **assembled}.items()}

    def _envelopes(self) -> list[str]:
        return sorted(name for name in self.proposal.changed if is_envelope(name))

    def _waits(self, name: str) -> bool:
        """Whether what the file names has not all its signatures yet."""
        named = name == NODE_FILE and REVOKED_FILE in self.proposal.changed
        return named and not self._file_act(REVOKED_FILE).is_complete

    def _payload(self, name: str) -> bytes:
        payload = self.proposal.changed[name]
        if name != NODE_FILE or REVOKED_FILE not in self.proposal.changed:
            return payload
        named = revocations.file_name(self._assembled(REVOKED_FILE))
        return node_document.to_json(replace(_document(payload), revoked_sha256=named))

    def _assembled(self, name: str) -> bytes:
        return assemble_envelope(_kind(name), self._payload(name), self.proposal.signatures.get(name, {}))

    def _root_act(self) -> Act:
        assert self.proposal.root is not None, "asked for where there is a next root"
        message = root_message(self.proposal.root, version=self.version)
        return self._act(ROOT, message, _quorums(self.before, self.proposal.root, _root_keys))

    def _file_act(self, name: str) -> Act:
        message = envelope_message(_kind(name), self._payload(name))
        return self._act(name, message, self._targets_quorums())

    def _targets_quorums(self) -> tuple[Quorum, ...]:
        found = _quorums(self.before, self.after, _targets_keys)
        return found if self.proposal.handover else found[-1:]

    def _act(self, of: str, message: bytes, quorums: tuple[Quorum, ...]) -> Act:
        return Act(of, message, quorums, self.proposal.signatures.get(of, {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The files that a proposal with all its signatures leads to."""

    root: bytes | None
    root_version: int
    """Of `root`, or of the one in force."""
    files: Mapping[str, bytes]
    """The changed trust files, by name."""
    targets: bytes | None
    targets_version: int


def open_proposal(proposal: Proposal) -> OpenedProposal:
    """The proposal, judged by itself; whether it is still about what is in force is the node's to compare.

    Raises `MalformedTrustError` for what does not follow, `BadSignatureError` for a signature that is not valid, other
    `KeysError` for trust files in it that do not verify.
    """
    roots = open_roots(proposal.roots, fingerprint(proposal.roots[0]) if proposal.roots else bytes(32))
    if roots[-1].node != proposal.node:
        raise MalformedTrustError("{where}: the root is of another node", _WHERE)
    envelopes = {name: data for name, data in proposal.files.items() if is_envelope(name)}
    payloads = {name: open_envelope(data, _kind(name), roots[-1]) for name, data in envelopes.items()}
    listing = open_targets(proposal.listing, roots[-1])
    opened = OpenedProposal(proposal=proposal, roots=roots, payloads=payloads, listing=listing)
    _check_listed(opened)
    _check_contents(opened)
    _check_signatures(opened)
    return opened


def sign(opened: OpenedProposal, signers: Sequence[Signer]) -> OpenedProposal:
    """The proposal with what these keys can sign of it now; the same where they can sign nothing."""
    for _ in ("what it changes", "a document that names some of it", "the list of all"):
        signed = {of: dict(found) for of, found in opened.proposal.signatures.items()}
        for act in opened.acts():
            for signer in signers:
                if replace(act, signatures=signed.get(act.of, {})).wants(signer.public):
                    signed.setdefault(act.of, {})[tuf_key_id(signer.public)] = signer.sign(act.message)
        opened = replace(opened, proposal=replace(opened.proposal, signatures=signed))
    return opened


def decide(opened: OpenedProposal) -> Decided:
    """The files, each verified as a reader will; raises `ThresholdError` while signatures are missing."""
    for act in opened.acts():
        _require_complete(act)
    proposal, files = opened.proposal, opened.assembled()
    root = targets = None
    if proposal.root is not None:
        signatures = proposal.signatures.get(ROOT, {})
        root = assemble_root(proposal.root, version=opened.version, signatures=signatures)
        open_next_root(opened.before, root)
    if proposal.changed:
        targets = assemble_targets(
            opened.listed(files),
            version=opened.next_listing,
            expires=proposal.expires,
            signatures=proposal.signatures.get(LISTING, {}),
        )
        open_targets(targets, opened.after)
    return Decided(
        root=root,
        root_version=opened.version if root else opened.before.version,
        files=files,
        targets=targets,
        targets_version=opened.next_listing if targets else opened.listing.version,
    )


def is_envelope(name: str) -> bool:
    """Whether the trust file is signed by itself; the others are signed by being listed."""
    return name.endswith(".json")


def changes_targets(before: RootContent, after: RootContent) -> bool:
    """Whether other targets keys count afterwards, or another number of them: every trust file is then signed anew."""
    return _targets_keys(before) != _targets_keys(after)


def _kind(name: str) -> str:
    return name.removesuffix(".json")


def _root_keys(content: RootContent) -> tuple[frozenset[PublicKey], int]:
    return frozenset(content.root_keys), content.threshold


def _targets_keys(content: RootContent) -> tuple[frozenset[PublicKey], int]:
    return frozenset(content.targets_keys), content.targets_threshold


def _quorums(
    before: RootContent, after: RootContent, of: Callable[[RootContent], tuple[frozenset[PublicKey], int]]
) -> tuple[Quorum, ...]:
    sets = [("both", of(after))] if of(before) == of(after) else [("now", of(before)), ("next", of(after))]
    return tuple(Quorum(by, tuple(sorted(keys, key=tuf_key_id)), least) for by, (keys, least) in sets)


def _require_complete(act: Act) -> None:
    for quorum in act.quorums:
        if not quorum.is_met(act.signatures):
            signed = len(quorum.signed(act.signatures))
            raise ThresholdError(quorum.keys[0].role, signed=signed, threshold=quorum.threshold)


def _check_signatures(opened: OpenedProposal) -> None:
    acts = {act.of: act for act in opened.acts()}
    for of, signatures in opened.proposal.signatures.items():
        if of not in acts:
            raise MalformedTrustError(
                "{where}: a signature of what it does not hold, or does not hold yet", _WHERE
            )
        able = {tuf_key_id(key): key for quorum in acts[of].quorums for key in quorum.keys}
        for keyid, signature in signatures.items():
            if keyid not in able:
                raise BadSignatureError("{where}: a signature by a key that does not count", _WHERE)
            able[keyid].verify(acts[of].message, signature)


def _check_listed(opened: OpenedProposal) -> None:
    """What it carries is all that is listed: each is told as it is or as it changes, and nothing is left out.

    An older register would come back as one that stays, revocations that are left out would begin anew.
    """
    carried = {target_path(name): data for name, data in opened.proposal.files.items()}
    for path, data in carried.items():
        if opened.listing.files.get(path) != Listed.of(data):
            raise MalformedTrustError("{where}: {path} is not the file that is listed", _WHERE, path)
    if missing := sorted(opened.listing.files.keys() - carried.keys()):
        raise MalformedTrustError("{where}: without {missing}, which is listed", _WHERE, missing[0])


def _check_contents(opened: OpenedProposal) -> None:
    proposal = opened.proposal
    if proposal.root is None and not proposal.changed:
        raise MalformedTrustError("{where}: it changes nothing", _WHERE)
    if not {NODE_FILE, MEMBERS_FILE} <= opened.payloads.keys():
        raise MalformedTrustError("{where}: without the node document or the register in force", _WHERE)
    if proposal.root is not None:
        check_content(proposal.root)
    for name, data in proposal.changed.items():
        _check_changed(opened, name, data)
    if REVOKED_FILE in proposal.changed and NODE_FILE not in proposal.changed:
        raise MalformedTrustError("{where}: revocations that no node document names", _WHERE)
    unsigned = opened.payloads.keys() - proposal.changed.keys()
    if unsigned and changes_targets(opened.before, opened.after):
        raise MalformedTrustError(
            "{where}: other targets keys, and trust files that they do not sign", _WHERE
        )
    if NODE_FILE in unsigned:
        node_document.require_fits(_document(opened.payloads[NODE_FILE]), opened.after)


def _check_changed(opened: OpenedProposal, name: str, data: bytes) -> None:
    old = opened.payloads.get(name)
    if name == NODE_FILE:
        assert old is not None, "checked before"
        _check_document(_document(old), _document(data), opened)
    elif name == MEMBERS_FILE:
        assert old is not None, "checked before"
        if data != old and members.from_json(data).version != members.from_json(old).version + 1:
            raise MalformedTrustError("{where}: a register that does not follow the one in force", _WHERE)
    elif name == REVOKED_FILE:
        _check_revocations(old, data, opened.after)
    else:
        _check_text(data)


def _document(payload: bytes) -> NodeDocument:
    document = node_document.from_json(payload)
    # Unknown fields of a document are ignored by readers, and would be signed unseen.
    if node_document.to_json(document) != payload:
        raise MalformedTrustError("{where}: not the one encoding of a node document", _WHERE)
    return document


def _check_document(old: NodeDocument, new: NodeDocument, opened: OpenedProposal) -> None:
    node_document.require_fits(new, opened.after)
    if new.serial != old.serial + 1:
        raise MalformedTrustError("{where}: a node document that does not follow the one in force", _WHERE)
    names = NOT_YET if REVOKED_FILE in opened.proposal.changed else old.revoked_sha256
    if new.revoked_sha256 != names:
        raise MalformedTrustError("{where}: a node document that names other revocations", _WHERE)


def _check_revocations(old: bytes | None, new: bytes, root: RootContent) -> None:
    found = revocations.from_json(new)
    first = old is None and (found.node, found.version) == (root.node, 1)
    follows = old is not None and found.follows(revocations.from_json(old))
    if not first and not follows:
        raise MalformedTrustError("{where}: revocations that do not follow those in force", _WHERE)


def _check_text(data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedTrustError("{where}: a file that is not UTF-8 text", _WHERE) from None
    if len(data) > MAX_TEXT_BYTES:
        raise MalformedTrustError("{where}: a text longer than {most} bytes", _WHERE, MAX_TEXT_BYTES)
