"""The next root of an opened node: proposed with online keys made for it, put in force, and the old keys destroyed.

Where enough holders' key files lie in the home, one call does all of it: in a team of two one person can.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from keys.key import (
    PRIVATE_KEY_TYPES,
    PrivateKey,
    PublicKey,
    RootPublicKey,
    SnapshotPrivateKey,
    TargetsPublicKey,
    TimestampPrivateKey,
)
from keys.roles import Role
from keys.trust.lifecycle import Lineage
from keys.trust.proposals.proposal import Proposal
from keys.trust.proposals.sign import OpenedProposal, open_proposal, sign
from keys.trust.tuf.holders import Holder
from keys.trust.tuf.root import TrustedRoot
from node.errors import NotFoundError
from node.identity.identity import Identity
from node.identity.key_holders import OFFLINE_ROLES, free_label, is_label_of, wanted_signers
from node.ports.keyring import next_label
from node.signing.keychain import Public
from node.signing.online import OnlineKeychain
from node.trust.next_root import OnlineKeys, RootChange, next_content


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What came of a next root that was put in force here."""

    root: TrustedRoot
    destroyed: Sequence[str]
    """Names of key files that no root names any more, and that are gone."""


def propose_root(identity: Identity, change: RootChange, *, handover: bool = True) -> Proposal:
    """A proposal of a next root; its online keys are made now, unless an earlier proposal made some."""
    root = identity.trust.root()
    online = OnlineKeys(
        _spare(identity, identity.keychain, SnapshotPrivateKey),
        _spare(identity, identity.keychain, TimestampPrivateKey),
    )
    content = next_content(root, change, online, identity.clock.now())
    return identity.trust.propose(content, handover=handover)


def publish_proposal(identity: Identity, opened: OpenedProposal) -> tuple[bool, Sequence[str]]:
    """Put in force what the holders signed: whether it was not before, and the online key files destroyed with it.

    Raises as `OwnTrust.publish` does. The same call finishes what was cut off.
    """
    new = identity.trust.publish(opened)
    identity.adopt_keys()
    return new, _destroy_replaced(identity, identity.keychain, (Role.SNAPSHOT, Role.TIMESTAMP))


def rotate_holders(identity: Identity, role: Role) -> Rotated:
    """Replace the root keys, the targets keys or only the online ones, with the key files that are in this home.

    Holders whose keys of the role are here get new ones; those of others stay.

    Raises:
        NotFoundError: too few of the keys that must sign are here.
    """
    keychain = identity.root_keychain
    identity.root_signers()
    holders = _renewed(identity, PRIVATE_KEY_TYPES[role]) if role in OFFLINE_ROLES else ()
    opened = open_proposal(propose_root(identity, RootChange(holders=holders)))
    opened = sign(opened, wanted_signers(opened, keychain))
    _, destroyed = publish_proposal(identity, opened)
    gone = _destroy_replaced(identity, keychain, OFFLINE_ROLES)
    return Rotated(root=identity.trust.root(), destroyed=[*destroyed, *gone])


def _renewed(identity: Identity, kind: type[PrivateKey[PublicKey]]) -> list[Holder]:
    """A new key for each holder whose key of the role is here."""
    keychain, role = identity.root_keychain, kind.public_type.role
    here = {keychain.public(role, label) for label in keychain.labels(role)}
    found = []
    for holder in identity.trust.root().named_holders:
        if any(key.role is role and key.to_text() in here for key in holder.keys):
            made = _spare(identity, keychain, kind, holder.name)
            root = made if isinstance(made, RootPublicKey) else None
            targets = made if isinstance(made, TargetsPublicKey) else None
            found.append(Holder(name=holder.name, root=root, targets=targets))
    if not found:
        raise NotFoundError(
            "no {role} key of this node's holders is in {folder}",
            role,
            identity.home.offline_keys,
            hint="copy the holders' key files there for this step, and take them away afterwards",
        )
    return found


def _spare(
    identity: Identity, keychain: OnlineKeychain, kind: type[PrivateKey[Public]], holder: str = ""
) -> Public:
    """A key that no root ever named: one that was made for a proposal that came to nothing, else a new one."""
    role, named = kind.public_type.role, _ever_named(identity)
    for label in keychain.labels(role):
        text = keychain.public(role, label)
        if text not in named and is_label_of(label, holder):
            return cast("Public", kind.public_type.from_text(text))
    if holder:
        return keychain.make(kind, free_label(keychain, holder, role))
    return keychain.make(kind, next_label(Lineage(role), keychain.labels(role)))


def _ever_named(identity: Identity) -> set[str]:
    return {key.to_text() for root in identity.trust.roots() for key in root.keys}


def _destroy_replaced(identity: Identity, keychain: OnlineKeychain, roles: Sequence[Role]) -> list[str]:
    """Delete the key files that an earlier root named and the newest does not; returns their names."""
    newest = {key.to_text() for key in identity.trust.root().keys}
    named = _ever_named(identity)
    gone = []
    for role in roles:
        for label in keychain.labels(role):
            text = keychain.public(role, label)
            if text in named and text not in newest:
                keychain.destroy(role, label)
                gone.append(f"{role.value}-{label}.json")
    return gone
