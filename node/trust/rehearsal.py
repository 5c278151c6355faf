"""A rehearsal: the next rotations of a node, done on a scratch node with the same people, rules and trust files.

Its keys are made for the rehearsal and forgotten with it. What they sign is good for nothing elsewhere: a rehearsed
root that was signed with the real keys would be a second next root. All the rest is done by the code that does it in
earnest.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from keys.key import (
    PrivateKey,
    PublicKey,
    RootPrivateKey,
    SnapshotPrivateKey,
    TargetsPrivateKey,
    TimestampPrivateKey,
)
from keys.message import Message
from keys.signer import Signer
from keys.trust import members, node_document, revocations
from keys.trust.envelope import read_payload, seal
from keys.trust.fingerprint import fingerprint
from keys.trust.proposals.sign import OpenedProposal, is_envelope, open_proposal, sign
from keys.trust.proposals.words import changes
from keys.trust.tuf.holders import Holder
from keys.trust.tuf.root import RootContent, TrustedRoot, open_root
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE, REVOKED_FILE
from keys.trust.tuf.write_root import author_root
from node.clock import Clock, Entropy
from node.errors import VerificationError
from node.ports.objects import ObjectStore
from node.trust.next_root import OnlineKeys, RootChange, next_content
from node.trust.own import ROOT_NAME, OwnTrust
from node.trust.proposals import InForce
from node.trust.tuf.repository import Freshness, TufRepository

KeyT = TypeVar("KeyT", bound=PrivateKey[PublicKey])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One rotation of a rehearsal."""

    step: str
    root: int
    """Version of the root that was in force then."""
    sittings: Sequence[str]
    """Who signed, in this order."""
    words: Sequence[str]
    """What the holders were shown."""


class Rehearsal:
    """A scratch node in the empty folder `files`, like the node whose state is `in_force`."""

    def __init__(
        self, in_force: InForce, root: TrustedRoot, *, files: ObjectStore, clock: Clock, entropy: Entropy
    ) -> None:
        self._files = files
        self._clock = clock
        self._entropy = entropy
        self._keys: dict[PublicKey, PrivateKey[PublicKey]] = {}
        content = self._content(root)
        first = author_root(content, self._private(content.root_keys[: content.threshold]))
        files.put(ROOT_NAME, first)
        self.pin = fingerprint(first)
        self._found(in_force, open_root(first, self.pin))
        self.trust = OwnTrust(files, clock, root_sha256=self.pin, freshness=self._freshness)

    def steps(self) -> Iterator[Rehearsed]:
        """Rotate the online keys, the targets keys, one root key and all root keys, one after the other."""
        names = [holder.name for holder in self.trust.root().named_holders]
        yield self._rotate(Message("online keys"), [])
        yield self._rotate(
            Message("all targets keys"), [self._renewed(name, TargetsPrivateKey) for name in names]
        )
        yield self._rotate(
            Message("the root key of holder {name}", names[-1]), [self._renewed(names[-1], RootPrivateKey)]
        )
        yield self._rotate(Message("all root keys"), [self._renewed(name, RootPrivateKey) for name in names])

    def new_keys(self, name: str) -> Holder:
        """Both keys of a holder, new ones."""
        root, targets = self._renewed(name, RootPrivateKey), self._renewed(name, TargetsPrivateKey)
        return replace(root, targets=targets.targets)

    def proposed(self, change: RootChange) -> OpenedProposal:
        """The next root with this change, proposed."""
        online = OnlineKeys(self._make(SnapshotPrivateKey).public, self._make(TimestampPrivateKey).public)
        content = next_content(self.trust.root(), change, online, self._clock.now())
        return open_proposal(self.trust.propose(content))

    def signed_by(self, name: str, opened: OpenedProposal) -> OpenedProposal:
        """The proposal after a holder signed, with his keys of before and after."""
        holders = (*opened.before.named_holders, *opened.after.named_holders)
        own = dict.fromkeys(key for holder in holders if holder.name == name for key in holder.keys)
        return sign(opened, self._private(own))

    def targets_signers(self, names: Sequence[str]) -> list[Signer]:
        """The targets keys of these holders that count now."""
        holders = self.trust.root().named_holders
        return self._private(one.targets for one in holders if one.targets and one.name in names)

    def _rotate(self, step: str, holders: Sequence[Holder]) -> Rehearsed:
        opened, sittings = self._signed(self.proposed(RootChange(holders=holders)))
        self.trust.publish(opened)
        return Rehearsed(
            step=step, root=self.trust.root().version, sittings=sittings, words=changes(opened)[1:]
        )

    def _signed(self, opened: OpenedProposal) -> tuple[OpenedProposal, list[str]]:
        """Every holder in turn, with the keys he has before and after, until nobody is asked any more."""
        sittings: list[str] = []
        names = dict.fromkeys(
            holder.name for holder in (*opened.before.named_holders, *opened.after.named_holders)
        )
        while any(not act.is_complete for act in opened.acts()):
            before = opened.proposal
            for name in names:
                signed = self.signed_by(name, opened)
                if signed.proposal != opened.proposal:
                    opened = signed
                    sittings.append(name)
            if opened.proposal == before:
                raise VerificationError("the holders cannot complete this rotation")
        return opened, sittings

    def _content(self, root: TrustedRoot) -> RootContent:
        """What the root says, with other keys."""
        holders = tuple(
            Holder(
                name=holder.name,
                root=self._make(RootPrivateKey).public if holder.root else None,
                targets=self._make(TargetsPrivateKey).public if holder.targets else None,
            )
            for holder in root.named_holders
        )
        return RootContent(
            node=root.node,
            expires=root.expires,
            root_keys=tuple(holder.root for holder in holders if holder.root),
            threshold=root.threshold,
            targets_keys=tuple(holder.targets for holder in holders if holder.targets),
            targets_threshold=root.targets_threshold,
            snapshot_keys=(self._make(SnapshotPrivateKey).public,),
            timestamp_keys=(self._make(TimestampPrivateKey).public,),
            holders=holders,
        )

    def _found(self, in_force: InForce, root: TrustedRoot) -> None:
        """The same trust files, signed by the scratch holders."""
        signers = self._private(root.targets_keys[: root.targets_threshold])
        signed = dict(in_force.files)
        for name in sorted(filter(is_envelope, signed), reverse=True):  # revocations before what names them
            payload = self._payload(name, read_payload(signed[name]), signed, root)
            signed[name] = seal(name.removesuffix(".json"), payload, signers)
        self._files.put_all(signed.items())
        repository = TufRepository(self._files, self._clock)
        repository.list_files(root, signed, signers)
        repository.stamp(root, lambda: self._freshness(root))

    def _payload(self, name: str, payload: bytes, signed: dict[str, bytes], root: TrustedRoot) -> bytes:
        if name == NODE_FILE and REVOKED_FILE in signed:
            document = node_document.from_json(payload)
            named = revocations.file_name(signed[REVOKED_FILE])
            return node_document.to_json(replace(document, revoked_sha256=named))
        if name == MEMBERS_FILE:
            register = members.from_json(payload)
            listed = tuple(
                replace(member, root_sha256=root.sha256) if member.node == root.node else member
                for member in register.members
            )
            return members.to_json(replace(register, members=listed))
        return payload

    def _renewed(self, name: str, kind: type[RootPrivateKey | TargetsPrivateKey]) -> Holder:
        made = self._make(kind)
        return Holder(
            name=name,
            root=made.public if isinstance(made, RootPrivateKey) else None,
            targets=made.public if isinstance(made, TargetsPrivateKey) else None,
        )

    def _make(self, kind: type[KeyT]) -> KeyT:
        made = kind.from_seed(self._entropy(32))
        self._keys[made.public] = made
        return made

    def _private(self, keys: Iterable[PublicKey]) -> list[Signer]:
        return [self._keys[key] for key in keys]

    def _freshness(self, root: TrustedRoot) -> Freshness:
        return Freshness(self._keys[root.snapshot_keys[0]], self._keys[root.timestamp_keys[0]])
