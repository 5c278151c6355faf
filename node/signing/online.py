"""The keys of a node that signs through another process: there the keys that sign, here the few that do not.

TLS, evaluation and storage keys stay with the node: a handshake, a look-up and a row of the store are nothing that
somebody else could judge. What the signer has, it is asked for; nothing of it is opened here.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

from keys.key import PrivateKey, PublicKey
from keys.roles import Role
from keys.signer import Signer
from node.signing.keychain import Keychain
from node.signing.process.roles import SIGNED_HERE

if TYPE_CHECKING:  # most nodes have no signer process
    from node.signing.process.remote import RemoteKeys

Public = TypeVar("Public", bound=PublicKey)


class OnlineKeychain(Protocol):
    """The online keys of a node by role and label, wherever they are: a `Keychain`, or `SplitKeys`."""

    def make(self, kind: type[PrivateKey[Public]], label: str) -> Public:
        """Make a signing key; its public half. Raises `AlreadyExistsError`."""
        ...

    def signer(self, kind: type[PrivateKey[PublicKey]], label: str, *, public: str = "") -> Signer:
        """A signer with a key; `public` is its public text, where that is known. Raises `MissingKeyError`."""
        ...

    def create_secret(
        self, role: Role, label: str, *, secret: bytes | None = None, public: str = ""
    ) -> bytes:
        """Make the key file of a secret that does not sign."""
        ...

    def secret(self, role: Role, label: str) -> bytes:
        """The secret of a key that does not sign; raises `MissingKeyError`."""
        ...

    def labels(self, role: Role) -> list[str]:
        """Labels of the keys of a role, sorted."""
        ...

    def public(self, role: Role, label: str) -> str:
        """The public text of a key."""
        ...

    def destroy(self, role: Role, label: str) -> None:
        """Delete a key; nothing happens when it is gone."""
        ...

    def forget(self, role: Role, label: str) -> None:
        """Keep a secret no longer than it is used."""
        ...

    def verify(self) -> Iterator[tuple[str, str]]:
        """Every key file here, opened: its name, and what is wrong with it; empty where nothing is."""
        ...


class SplitKeys:
    """`OnlineKeychain` of which those that sign are in the signer process."""

    def __init__(self, here: Keychain, there: "RemoteKeys") -> None:
        self._here = here
        self._there = there

    def make(self, kind: type[PrivateKey[Public]], label: str) -> Public:
        """Have a key made there."""
        made = self._there.create(kind.public_type.role, label)
        assert isinstance(made, kind.public_type)
        return made  # type: ignore[return-value]  # the class pairs them

    def signer(self, kind: type[PrivateKey[PublicKey]], label: str, *, public: str = "") -> Signer:
        """A signer there; nobody is asked yet when `public` is known."""
        if public:
            return self._there.signer_of(kind.public_type.from_text(public), label)
        return self._there.signer(kind.public_type.role, label)

    def create_secret(
        self, role: Role, label: str, *, secret: bytes | None = None, public: str = ""
    ) -> bytes:
        """Make a key file here."""
        assert role not in SIGNED_HERE, "keys that sign are made by the signer"
        return self._here.create_secret(role, label, secret=secret, public=public)

    def secret(self, role: Role, label: str) -> bytes:
        """A secret that is here."""
        assert role not in SIGNED_HERE, "keys that sign never leave the signer"
        return self._here.secret(role, label)

    def labels(self, role: Role) -> list[str]:
        """Labels there or here."""
        return self._of(role).labels(role)

    def public(self, role: Role, label: str) -> str:
        """A public text."""
        return self._of(role).public(role, label)

    def destroy(self, role: Role, label: str) -> None:
        """Delete a key; the signer deletes only what no signed file lets count."""
        self._of(role).destroy(role, label)

    def forget(self, role: Role, label: str) -> None:
        """Forget a secret that is kept here."""
        self._here.forget(role, label)

    def verify(self) -> Iterator[tuple[str, str]]:
        """A verdict on each key file that is kept here."""
        return self._here.verify()

    def _of(self, role: Role) -> "Keychain | RemoteKeys":
        return self._there if role in SIGNED_HERE else self._here
