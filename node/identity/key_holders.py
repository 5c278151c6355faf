"""What a holder of root and targets keys does on a machine of his own: make his keys, and sign proposals.

Nothing here needs a node's home or a network: a folder with key files, their passphrase, and the file that travels.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from types import MappingProxyType

from keys.errors import MalformedTrustError
from keys.key import PRIVATE_KEY_TYPES, RootPublicKey, TargetsPublicKey
from keys.keyfile import OFFLINE, KdfProfile
from keys.roles import Role
from keys.signer import Signer
from keys.trust.holder_card import make_card
from keys.trust.names import is_node_name
from keys.trust.proposals.proposal import MAX_PROPOSAL_BYTES, Proposal, from_json, to_json
from keys.trust.proposals.sign import OpenedProposal, open_proposal
from keys.trust.tuf.holders import Holder, is_holder_name
from node.clock import Entropy
from node.errors import AlreadyExistsError, InputRefusedError, NotFoundError, UsageError
from node.files import replace_private
from node.identity.distant_keys import recalling, refer
from node.signing.keychain import Keychain, Passphrase
from node.signing.online import OnlineKeychain

OFFLINE_ROLES = (Role.ROOT, Role.TARGETS)
_NOWHERE: Mapping[Role, str] = MappingProxyType({})


class ProposalFile:
    """A proposal as a file (`node.trust.proposals.ProposalPlace`), replaced whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Proposal | None:
        """The proposal; None when there is no file. Raises `InputRefusedError` for another file."""
        if not self._path.exists():
            return None
        return read_proposal(self._path)

    def write(self, proposal: Proposal) -> None:
        """Keep it in place of what was there."""
        replace_private(self._path, to_json(proposal))


def read_proposal(path: Path) -> Proposal:
    """The proposal in a file; raises `NotFoundError` or `InputRefusedError`."""
    try:
        with path.open("rb") as file:
            return from_json(file.read(MAX_PROPOSAL_BYTES + 1))
    except FileNotFoundError as exc:
        raise NotFoundError("{path} does not exist", path) from exc
    except MalformedTrustError as exc:
        raise InputRefusedError("{path} is no proposal: {reason}", path, exc) from exc


def open_proposal_file(path: Path) -> OpenedProposal:
    """The proposal in a file, judged by itself; raises as `read_proposal` and `open_proposal` do."""
    return open_proposal(read_proposal(path))


def new_holder(
    folder: Path,
    *,
    node: str,
    name: str,
    roles: Sequence[Role],
    passphrase: Passphrase,
    entropy: Entropy,
    profile: KdfProfile = OFFLINE,
    elsewhere: Mapping[Role, str] = _NOWHERE,
) -> tuple[Holder, bytes]:
    """Make a holder's key files in `folder`; returns him and the card that he sends to the node.

    `elsewhere` are the URIs of keys that he has already, in an agent or a token: of these the folder says where.

    Raises:
        UsageError: no name of a holder or node.
        AlreadyExistsError: his key files are there.
    """
    if not is_holder_name(name) or not is_node_name(node):
        raise UsageError(
            "a holder has a name of 1 to 32 small letters, digits and inner hyphens",
            hint="and a node one like fr.example",
        )
    keychain = holder_keychain(folder, node=node, passphrase=passphrase, entropy=entropy, profile=profile)
    label = free_label(keychain, name, *roles)
    signers: list[Signer] = []
    for role in roles:
        others = [signer.public for signer in signers]
        signers.append(
            refer(keychain, role, label, elsewhere[role], node=node, others=others)
            if role in elsewhere
            else keychain.create(PRIVATE_KEY_TYPES[role], label)
        )
    made = {signer.public.role: signer.public for signer in signers}
    root, targets = made.get(Role.ROOT), made.get(Role.TARGETS)
    holder = Holder(
        name=name,
        root=root if isinstance(root, RootPublicKey) else None,
        targets=targets if isinstance(targets, TargetsPublicKey) else None,
    )
    return holder, make_card(node, holder, signers)


def write_card(folder: Path, holder: Holder, card: bytes) -> Path:
    """Put a holder's card beside his key files, in place of an older one; returns where."""
    path = folder / f"holder-{holder.name}.card"
    replace_private(path, card)
    return path


def free_label(keychain: OnlineKeychain, name: str, *roles: Role) -> str:
    """A label for a holder's key files of these roles that no file of the folder has: `2`, then `2-b`, `2-c`."""
    taken = {label for role in roles for label in keychain.labels(role)}
    for label in (name, *(f"{name}-{letter}" for letter in ascii_lowercase[1:])):
        if label not in taken:
            return label
    raise AlreadyExistsError("the folder is full of old key files of this holder", hint="destroy them")


def is_label_of(label: str, name: str) -> bool:
    """Whether `free_label` may have given it to the holder `name`; every label is one of no holder."""
    return not name or label == name or (label[:-1] == f"{name}-" and label[-1] in ascii_lowercase)


def holder_keychain(
    folder: Path, *, node: str, passphrase: Passphrase, entropy: Entropy, profile: KdfProfile = OFFLINE
) -> Keychain:
    """The key files of a holder."""
    return Keychain(
        folder,
        node=node,
        passphrase=passphrase,
        entropy=entropy,
        profile=profile,
        recall=recalling(node, passphrase),
    )


def wanted_signers(opened: OpenedProposal, keychain: Keychain) -> list[Signer]:
    """The keys of these files that the proposal still needs; asks for the passphrase when there are any.

    Raises:
        NotFoundError: it needs none of them.
    """
    if not any(keychain.labels(role) for role in OFFLINE_ROLES):
        raise NotFoundError(
            "there is no holder's key in this folder", hint="is the medium plugged in, and the name right?"
        )
    wanted = {
        key.to_text()
        for act in opened.acts()
        for quorum in act.quorums
        for key in quorum.keys
        if act.wants(key)
    }
    found: list[Signer] = [
        keychain.signer(PRIVATE_KEY_TYPES[role], label)
        for role in OFFLINE_ROLES
        for label in keychain.labels(role)
        if keychain.public(role, label) in wanted
    ]
    if not found:
        raise NotFoundError(
            "no key in this folder can sign what is still missing",
            hint="see who has to: sigfed key changes FILE",
        )
    return found
