"""Where the work of a ceremony is done: at this node and its holders' media, or on a scratch node."""

from collections.abc import Callable, Sequence
from pathlib import Path

from keys.key import TargetsPrivateKey
from keys.keyfile import OFFLINE, KdfProfile
from keys.roles import Role
from keys.signer import Signer
from keys.trust.proposals.sign import OpenedProposal, open_proposal, sign
from keys.trust.tuf.holders import Holder
from keys.trust.tuf.root import TrustedRoot
from node.errors import NotFoundError
from node.identity.identity import Identity, held_labels
from node.identity.key_holders import OFFLINE_ROLES, holder_keychain, new_holder, wanted_signers, write_card
from node.rotation.next_root import propose_root, publish_proposal
from node.signing.keychain import Keychain, Passphrase
from node.trust.ceremony import Person
from node.trust.next_root import RootChange
from node.trust.rehearsal import Rehearsal


class NodeVenue:
    """This node, and key files on the media of the people at the table (`node.trust.ceremony.Venue`)."""

    def __init__(
        self, identity: Identity, passphrase: Callable[[Person], Passphrase], *, profile: KdfProfile = OFFLINE
    ) -> None:
        self._identity = identity
        self._passphrase = passphrase
        self._profile = profile
        self._keychains: dict[str, Keychain] = {}

    def make(self, person: Person) -> Holder:
        """He makes a root and a targets key, or brings them, and his card."""
        folder = Path(person.keys).expanduser()
        holder, card = new_holder(
            folder,
            node=self._identity.settings.node,
            name=person.name,
            roles=OFFLINE_ROLES,
            passphrase=self._passphrase(person),
            entropy=self._identity.entropy,
            profile=self._profile,
            elsewhere=person.elsewhere,
        )
        write_card(folder, holder, card)
        return holder

    def propose(self, change: RootChange) -> OpenedProposal:
        """The node proposes the next root."""
        return open_proposal(propose_root(self._identity, change))

    def sign(self, person: Person, opened: OpenedProposal) -> OpenedProposal:
        """He signs what he can; raises `NotFoundError` where that is nothing."""
        return sign(opened, wanted_signers(opened, self._keychain(person)))

    def publish(self, opened: OpenedProposal) -> TrustedRoot:
        """The node puts it in force."""
        publish_proposal(self._identity, opened)
        return self._identity.trust.root()

    def signers(self, people: Sequence[Person]) -> Sequence[Signer]:
        """The targets keys that count now."""
        named = self._identity.trust.root().targets_keys
        return [
            keychain.signer(TargetsPrivateKey, label)
            for keychain in map(self._keychain, people)
            for label in held_labels(keychain, Role.TARGETS, named)
        ]

    def absent(self, people: Sequence[Person]) -> Sequence[Person]:
        """Those whose targets keys count now, and whose media are away."""
        held = {holder.name: holder.targets for holder in self._identity.trust.root().named_holders}
        counting = ((person, held.get(person.name)) for person in people)
        return [
            person
            for person, key in counting
            if key is not None and not held_labels(self._keychain(person), Role.TARGETS, [key])
        ]

    def _keychain(self, person: Person) -> Keychain:
        if person.name not in self._keychains:
            self._keychains[person.name] = holder_keychain(
                Path(person.keys).expanduser(),
                node=self._identity.settings.node,
                passphrase=self._passphrase(person),
                entropy=self._identity.entropy,
            )
        return self._keychains[person.name]


class RehearsalVenue:
    """A scratch node, and keys that are forgotten with it (`node.trust.ceremony.Venue`)."""

    def __init__(self, rehearsal: Rehearsal, visit: Callable[[], None]) -> None:
        self._rehearsal = rehearsal
        self._visit = visit
        """Has a client follow, after every publication."""

    def make(self, person: Person) -> Holder:
        """New keys, on no medium."""
        return self._rehearsal.new_keys(person.name)

    def propose(self, change: RootChange) -> OpenedProposal:
        """The scratch node proposes the next root."""
        return self._rehearsal.proposed(change)

    def sign(self, person: Person, opened: OpenedProposal) -> OpenedProposal:
        """He signs what he can; raises `NotFoundError` where that is nothing."""
        signed = self._rehearsal.signed_by(person.name, opened)
        if signed.proposal == opened.proposal:
            raise NotFoundError("{name} can sign nothing that is still missing", person.name)
        return signed

    def publish(self, opened: OpenedProposal) -> TrustedRoot:
        """The scratch node puts it in force, and a client follows."""
        self._rehearsal.trust.publish(opened)
        self._visit()
        return self._rehearsal.trust.root()

    def signers(self, people: Sequence[Person]) -> Sequence[Signer]:
        """The targets keys that count now."""
        return self._rehearsal.targets_signers([person.name for person in people])

    def absent(self, people: Sequence[Person]) -> Sequence[Person]:
        """Nobody: there are no media."""
        del people
        return ()
