"""Opening a node that exists: its settings, keys, trust files and log signer; stores are opened on demand."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keys.errors import KeysError
from keys.key import (
    LogPrivateKey,
    PrivateKey,
    PublicKey,
    RootPrivateKey,
    SnapshotPrivateKey,
    TargetsPrivateKey,
    TimestampPrivateKey,
    WitnessPrivateKey,
)
from keys.keyfile import OFFLINE
from keys.message import Message
from keys.roles import Role
from keys.signer import Signer
from keys.trust.fingerprint import fingerprint
from keys.trust.members import Members
from keys.trust.node_document import NodeDocument
from keys.trust.tuf.root import TrustedRoot, open_roots
from keys.trust.tuf.target_files import NODE_FILE
from node import config
from node.audit.actors import OPERATOR
from node.clock import Clock, Entropy, SystemClock, milliseconds, system_entropy
from node.config import Settings
from node.errors import (
    MissingKeyError,
    MissingObjectError,
    NotFoundError,
    NotInitialisedError,
    SignerDownError,
    VerificationError,
)
from node.home import Home
from node.identity import passphrases
from node.identity.lease import require_lease
from node.identity.lock import revising
from node.identity.restore_mark import require_joined
from node.objects.stores import open_introductions, open_trust
from node.ports.objects import ObjectStore
from node.signing.keychain import Keychain, Passphrase, Recall
from node.signing.online import OnlineKeychain, SplitKeys
from node.signing.ring_file import FolderKeyRing
from node.signing.state_file import LogStates
from node.trust.own import ROOT_NAME, OwnTrust, Succeed, Texts
from node.trust.tuf.repository import Freshness, TufRepository, root_files

if TYPE_CHECKING:  # where nothing is signed, they are not loaded
    from node.identity.key_holders import ProposalFile
    from node.ports.keyring import KeyRing, RingKey
    from node.ports.log_signer import StandingLogSigner
    from node.signing.log_signer import FolderLogSigner
    from node.signing.process.link import SignerLink
    from node.signing.process.remote import RemoteKeys, RemoteLogSigner, Vouching
    from node.tls import TlsIdentity
    from node.witnesses.witness import Cosigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A node's settings, keys and trust: enough to sign and to say who it is."""

    home: Home
    settings: Settings
    clock: Clock
    entropy: Entropy
    keychain: OnlineKeychain
    root_keychain: Keychain
    trust_files: ObjectStore
    introductions: ObjectStore
    """Trust files of members, as they were introduced."""
    trust: OwnTrust
    ring: "KeyRing"
    proposing: bool = False
    """Whether trust files are proposed, and signed by their holders elsewhere."""
    signer_link: "SignerLink | None" = None
    """To the process that signs for this node, where there is one."""
    alone: bool = False
    """Whether to sign although too few members could say whether the folder was put back."""
    serves_only: bool = False
    """Whether this is another machine than the node's own: most keys, and all that is signed with them, are there."""
    actor: str = OPERATOR
    """Who acts, for the audit log, where no person is named."""

    @property
    def now_ms(self) -> int:
        """Now, in the unit of event times."""
        return milliseconds(self.clock.now())

    def root_signers(self) -> Sequence[Signer]:
        """As many root keys as must sign a root; raises as `targets_signers` does."""
        root = self.trust.root()
        return self._holders(RootPrivateKey, root.root_keys, root.threshold)

    def targets_signers(self, root: TrustedRoot | None = None) -> Sequence[Signer]:
        """As many targets keys as must sign the trust files; asks for the passphrase of the offline keys.

        Those that `root` names, by default the newest. None where the files are proposed only.

        Raises:
            NotFoundError: too few of the keys are on this machine.
        """
        if self.proposing:
            return ()
        root = root or self.trust.root()
        return self._holders(TargetsPrivateKey, root.targets_keys, root.targets_threshold)

    def _holders(
        self, kind: type[PrivateKey[PublicKey]], named: Sequence[PublicKey], wanted: int
    ) -> list[Signer]:
        role = kind.public_type.role
        labels = held_labels(self.root_keychain, role, named)[:wanted]
        if len(labels) < wanted:
            raise NotFoundError(
                "{wanted} {role} keys must sign and {count} are in {folder}",
                wanted,
                role,
                len(labels),
                self.home.offline_keys,
                hint="copy the holders' key files there for this step, and take them away afterwards;"
                " or have the holders sign elsewhere: sigfed --proposal FILE and the same command",
            )
        return [self.root_keychain.signer(kind, label) for label in labels]

    def log_signer(self) -> "StandingLogSigner":
        """The signer of this node's lists and release logs.

        Raises:
            RestoredError: the home came out of a backup; what others have seen since is not known here yet.
            SignerDownError: this machine only serves.
        """
        if self.serves_only:
            raise elsewhere("the log key")
        require_joined(self.home)
        return self.unjoined_log_signer()

    def unjoined_log_signer(self) -> "FolderLogSigner | RemoteLogSigner":
        """As `log_signer`, of a home whose restore is not finished yet."""
        if self.signer_link is None:
            from node.signing.log_signer import FolderLogSigner  # noqa: PLC0415 - most commands sign nothing

            return FolderLogSigner(self.home.signer, lambda origin: self.signers(LogPrivateKey, origin))
        from node.signing.process.remote import RemoteLogSigner  # noqa: PLC0415

        return RemoteLogSigner(
            self.signer_link,
            lambda origin: self._signing_labels(Role.LOG, origin),
            vouching=vouching(self.trust_files),
        )

    def given_up_at(self, origin: str) -> int | None:
        """The size at which a log of this node was given up, by its own note of that; None for one that goes on."""
        return LogStates(self.home.signer).lost_at(origin)

    def cosigner(self, name: str) -> "Cosigner":
        """What cosigns for this node as the witness `name`.

        Raises:
            RestoredError: the home came out of a backup; what was cosigned since is not known here.
        """
        require_joined(self.home)
        if self.signer_link is not None:
            from node.signing.process.remote import RemoteCosigner  # noqa: PLC0415

            return RemoteCosigner(
                self.signer_link, name=name, labels=lambda: self._signing_labels(Role.WITNESS, name)
            )
        from node.witnesses.witness import KeyCosigner  # noqa: PLC0415

        return KeyCosigner(name, self.signers(WitnessPrivateKey, name))

    def _signing_labels(self, role: Role, of: str) -> Sequence[str]:
        return [key.label for key in self._signing(role, of)]

    def tls(self) -> "TlsIdentity":
        """The certificate and key that this node serves with; raises as `signers` does."""
        from node.tls import TlsIdentity, certificate_name  # noqa: PLC0415 - most commands do without

        label = self._signing(Role.TLS, "")[-1].label
        return TlsIdentity(
            certificate=self.trust_files.get(certificate_name(label)),
            key=self.keychain.secret(Role.TLS, label),
        )

    def signer(self, kind: type[PrivateKey[PublicKey]], of: str = "") -> Signer:
        """The key of a role that signs now, the youngest where several do; raises as `signers` does."""
        return self.signers(kind, of)[-1]

    def signers(self, kind: type[PrivateKey[PublicKey]], of: str = "") -> Sequence[Signer]:
        """The keys of a role that sign now, oldest first; `of` is the log's origin or the witness's name.

        Raises:
            MissingKeyError: none does.
            NotCurrentError: none does yet, by this machine's clock.
        """
        keys = self._signing(kind.public_type.role, of)
        return [self.keychain.signer(kind, key.label, public=key.public) for key in keys]

    def _signing(self, role: Role, of: str) -> "Sequence[RingKey]":
        from node.ports.keyring import signing  # noqa: PLC0415 - most commands sign nothing

        found = signing(self.ring.read(), role, of, self.clock.now())
        if self.serves_only:
            return self._of_those_here(found, role)
        found = found or signing(self.adopt_keys(), role, of, self.clock.now())
        if not found:
            self._require_begun(role, of)
            what = f"{role} key of {of}" if of else f"{role} key"
            raise MissingKeyError(
                "no {what} signs now", what, hint="see what happened to it with: sigfed key status"
            )
        return found

    def _of_those_here(self, found: "Sequence[RingKey]", role: Role) -> "Sequence[RingKey]":
        """Until the file of a key that has begun is copied to this machine, the one before it goes on."""
        labels = frozenset(self.keychain.labels(role))
        here = [key for key in found if key.label in labels]
        if not here:
            raise elsewhere(Message("the {role} key", role))
        return here

    def _require_begun(self, role: Role, of: str) -> None:
        """A clock that is behind is the likelier reason than a node that was founded tomorrow."""
        now = self.clock.now()
        own = [key for key in self.ring.read() if key.role is role and key.managed.lineage.of == of]
        first = min(own, key=lambda key: key.managed.valid.start, default=None)
        if first is not None and now < first.managed.valid.start:
            first.managed.valid.require(now, f"the key {first.name}")

    def adopt_keys(self) -> "tuple[RingKey, ...]":
        """Take into the ring what the newest trust files say of the key files; returns the ring."""
        from node.identity.keyring import adopt_keys  # noqa: PLC0415 - most commands do without

        # What is only proposed is not said yet.
        said = self.trust.without_proposal()
        return adopt_keys(self.keychain, self.ring, self.trust_files, said, self.clock)


def open_identity(
    home: Home,
    *,
    clock: Clock | None = None,
    entropy: Entropy = system_entropy,
    proposal: Path | None = None,
    alone: bool = False,
) -> Identity:
    """The node that lives in `home`; with a `proposal`, what it revises of its trust files goes into that file.

    `alone`: it signs although too few members could say whether the folder was put back.

    Raises:
        NotInitialisedError: nothing lives there.
        ConfigError: its configuration cannot be used.
        VerificationError: its root is another one than it was founded with.
    """
    settings = config.load(home.folder)
    keychains = make_keychains(home, settings, entropy=entropy)
    files = open_trust(home)
    the_clock = clock or SystemClock()
    ring = FolderKeyRing(home.ring)
    link = None if settings.signer.socket is None else _link(settings.signer.socket)
    online = keychains[0] if link is None else SplitKeys(keychains[0], remote_keys(link, files))
    return Identity(
        home=home,
        settings=settings,
        clock=the_clock,
        entropy=entropy,
        keychain=online,
        root_keychain=keychains[1],
        trust_files=files,
        introductions=open_introductions(home),
        trust=OwnTrust(
            files,
            the_clock,
            root_sha256=_pinned(home, settings, files),
            freshness=lambda root: open_freshness(online, root),
            alone=lambda: _revising(home, settings),
            succeed=_succeed(online, ring, files),
            texts=_texts(home, settings, online, clock=the_clock, entropy=entropy),
            proposal=None if proposal is None else _proposal_file(proposal),
        ),
        ring=ring,
        proposing=proposal is not None,
        signer_link=link,
        alone=alone,
    )


def _link(socket: Path) -> "SignerLink":
    from node.signing.process.link import SignerLink  # noqa: PLC0415 - most nodes have their keys themselves

    return SignerLink(socket)


def _succeed(keychain: OnlineKeychain, ring: "KeyRing", files: ObjectStore) -> Succeed:
    def succeed(document: NodeDocument, root: TrustedRoot) -> NodeDocument:
        from node.identity.keyring import with_keys  # noqa: PLC0415 - most commands sign no document

        return with_keys(document, root, keychain, ring, files)

    return succeed


def _texts(
    home: Home, settings: Settings, keychain: OnlineKeychain, *, clock: Clock, entropy: Entropy
) -> Texts:
    def texts(document: NodeDocument, members: Members) -> Mapping[str, bytes]:
        from node.identity.witness_policies import policies  # noqa: PLC0415 - most commands sign no document

        return policies(document, members, home, settings, keychain, clock=clock, entropy=entropy)

    return texts


def _proposal_file(path: Path) -> "ProposalFile":
    from node.identity.key_holders import ProposalFile  # noqa: PLC0415 - most commands propose nothing

    return ProposalFile(path)


def elsewhere(what: str) -> SignerDownError:
    """What a machine that only serves says when it is asked for more."""
    return SignerDownError(
        "{what} is not on this machine, which only serves", what, hint="do it where the node's home is"
    )


@contextmanager
def _revising(home: Home, settings: Settings) -> Iterator[None]:
    """Alone with the trust files, in the home that the database belongs to."""
    with revising(home):
        require_lease(home, settings)
        yield


def remote_keys(link: "SignerLink", files: ObjectStore) -> "RemoteKeys":
    """The keys that the signer process has."""
    from node.signing.process.remote import RemoteKeys  # noqa: PLC0415

    return RemoteKeys(link, vouching=vouching(files))


def vouching(files: ObjectStore) -> "Vouching":
    """What vouches for a trust file, for a signer that judges by it."""
    repository = TufRepository(files, SystemClock())

    def vouch(name: str) -> Sequence[bytes]:
        roots = root_files(files)
        if name != NODE_FILE:
            return (*roots, files.get(name))
        root = open_roots(roots, fingerprint(roots[0]))[-1]
        return (*roots, repository.listing(), repository.listed(root, name))

    return vouch


def open_freshness(keychain: OnlineKeychain, root: TrustedRoot) -> Freshness:
    """The keys by which this root has it said which trust files are current; raises `MissingKeyError`."""
    return Freshness(
        _named(keychain, SnapshotPrivateKey, root.snapshot_keys),
        _named(keychain, TimestampPrivateKey, root.timestamp_keys),
    )


def _named(keychain: OnlineKeychain, kind: type[PrivateKey[PublicKey]], keys: Sequence[PublicKey]) -> Signer:
    role = kind.public_type.role
    for label in held_labels(keychain, role, keys):
        return keychain.signer(kind, label, public=keychain.public(role, label))
    raise MissingKeyError(
        "the {role} key that the root names is not here",
        role,
        hint="restore it from a backup, or have a next root signed: sigfed key propose",
    )


def held_labels(keychain: OnlineKeychain, role: Role, named: Sequence[PublicKey]) -> list[str]:
    """Labels of the key files of a role that say they hold one of the keys named; needs no passphrase."""
    texts = {key.to_text() for key in named}
    return [label for label in keychain.labels(role) if keychain.public(role, label) in texts]


def _pinned(home: Home, settings: Settings, files: ObjectStore) -> bytes:
    """The fingerprint of the root, as the configuration names it.

    Whoever can write to the trust folder alone could otherwise give the node another root, whose files would then be
    in order. A configuration of before this was stored names none: then the file speaks for itself.
    """
    try:
        found = fingerprint(files.get(ROOT_NAME))
    except (MissingObjectError, KeysError) as exc:
        raise NotInitialisedError(
            "{trust} has no root",
            home.trust,
            hint="restore it from a backup; on a machine that only serves, type this in the node's own home instead",
        ) from exc
    if settings.root_sha256 and found.hex() != settings.root_sha256:
        raise VerificationError(
            "the root in {trust} is not the one that this node was founded with",
            home.trust / ROOT_NAME,
            hint="find out who replaced it, and restore the folder from a backup",
        )
    return found


def _recall(node: str, passphrase: Passphrase) -> Recall:
    def recall(uri: str, public: PublicKey) -> Signer:
        from node.identity.distant_keys import recalling  # noqa: PLC0415 - most keys are in the folder

        return recalling(node, passphrase)(uri, public)

    return recall


def make_keychains(home: Home, settings: Settings, *, entropy: Entropy) -> tuple[Keychain, Keychain]:
    """The online keychain and that of the root's holders."""
    secrets = settings.secrets
    online = passphrases.from_sources(
        what="passphrase of this node", file=secrets.passphrase_file, credential=passphrases.CREDENTIAL
    )
    offline = passphrases.from_sources(
        what="root passphrase", file=secrets.root_passphrase_file, credential=passphrases.ROOT_CREDENTIAL
    )
    return (
        Keychain(
            home.keys,
            node=settings.node,
            passphrase=online,
            entropy=entropy,
            recall=_recall(settings.node, online),
        ),
        Keychain(
            home.offline_keys,
            node=settings.node,
            passphrase=offline,
            entropy=entropy,
            profile=OFFLINE,
            recall=_recall(settings.node, offline),
        ),
    )
