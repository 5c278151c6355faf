"""The private keys of one home folder: one key file each, opened on demand with one passphrase.

Online keys open with the node's passphrase, root and targets keys (in `offline/`) with their own: whoever has the node
does not have its trust. Deriving the key of a key file is slow on purpose, so an opened secret is kept for the process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from keys.errors import KeysError, MalformedKeyFileError
from keys.key import PRIVATE_KEY_TYPES, PrivateKey, PublicKey
from keys.keyfile import ONLINE, KdfProfile, OpenedKey, WrappingKey, describe, seal, unwrap
from keys.roles import Role
from keys.signer import Signer
from node.clock import Entropy
from node.errors import ConfigError, MissingKeyError, NotFoundError
from node.files import create_private, read_private, remove_private
from node.signing.reference import Reference, is_reference

Passphrase = Callable[[], bytes]
"""Asks for the passphrase when it is first needed: a file, a prompt or a system credential."""

Recall = Callable[[str, PublicKey], Signer]
"""Gives the signer of a URI, which must have this public half."""

Public = TypeVar("Public", bound=PublicKey)
Key = TypeVar("Key", bound=PrivateKey[PublicKey])

_ONE_DERIVATION: Final = Lock()
"""OpenSSL runs the lanes of Argon2 in one pool a process: two derivations at once wait for each other for ever."""


class Keychain:
    """Key files `ROLE-LABEL.json` of `node` in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        node: str,
        passphrase: Passphrase,
        entropy: Entropy,
        profile: KdfProfile = ONLINE,
        recall: Recall | None = None,
    ) -> None:
        self._folder = folder
        self._node = node
        self._passphrase = passphrase
        self._entropy = entropy
        self._profile = profile
        self._recall = recall or _nowhere
        self._opened: dict[Path, bytes] = {}
        self._wrappings: list[WrappingKey] = []
        """What the passphrase gave so far: files that were made together are opened by one derivation."""

    @property
    def passphrase(self) -> Passphrase:
        """Asks for the passphrase of these files."""
        return self._passphrase

    def make(self, kind: type[PrivateKey[Public]], label: str) -> Public:
        """As `create`, for who needs the public half alone."""
        return self.create(kind, label).public

    def create(self, kind: type[Key], label: str) -> Key:
        """Make a new signing key and its key file.

        Raises:
            AlreadyExistsError: a key of this role and label exists.
        """
        key = kind.from_seed(self._entropy(32))
        self._write(key.public.role, label, key.seed, public=key.public.to_text())
        return key

    def create_secret(
        self, role: Role, label: str, *, secret: bytes | None = None, public: str = ""
    ) -> bytes:
        """Make the key file of a secret that is not a signing key: 32 random bytes unless given."""
        value = self._entropy(32) if secret is None else secret
        self._write(role, label, value, public=public)
        return value

    def _write(self, role: Role, label: str, secret: bytes, *, public: str) -> None:
        data = seal(
            secret,
            wrapping=self._wrapping_of_new(),
            role=role,
            node=self._node,
            public=public,
            entropy=self._entropy,
        )
        create_private(self._path(role, label), data)
        self._opened[self._path(role, label)] = secret

    def _wrapping_of_new(self) -> WrappingKey:
        """One that opens a file here, so that a mistyped passphrase makes no key that nobody can open."""
        if not self._wrappings:
            self._open_any()
        if not self._wrappings:
            with derivation():
                made = WrappingKey.fresh(self._passphrase(), profile=self._profile, entropy=self._entropy)
            self._wrappings.append(made)
        return self._wrappings[0]

    def _open_any(self) -> None:
        for path in sorted(self._folder.glob("*.json")):
            with suppress(MalformedKeyFileError, ConfigError, NotFoundError):
                self._unwrap(read_private(path))
                return

    def refer(self, role: Role, label: str, reference: Reference) -> None:
        """Write where a key is in place of a key file; raises `AlreadyExistsError`."""
        create_private(self._path(role, label), reference.to_bytes())

    def copy(self, role: Role, label: str, other: "Keychain") -> None:
        """Put a key, or where it is, into another keychain too; nothing happens when it is there."""
        if label in other.labels(role):
            return
        data = self._read(role, label)
        if is_reference(data):
            other.refer(role, label, Reference.from_bytes(data))
        else:
            other.create_secret(role, label, secret=self.secret(role, label), public=describe(data).public)

    def signer(self, kind: type[PrivateKey[PublicKey]], label: str, *, public: str = "") -> Signer:
        """A signer with a key, wherever its file says that it is; raises as `key` does."""
        del public  # its file says it
        role = kind.public_type.role
        if self._path(role, label) not in self._opened:
            data = self._read(role, label)
            if is_reference(data):
                reference = Reference.from_bytes(data)
                return self._recall(reference.uri, reference.key(role))
        return self.key(kind, label)

    def key(self, kind: type[Key], label: str) -> Key:
        """A signing key whose file is here.

        Raises:
            MissingKeyError: no such key file.
            ConfigError: the file is of another node or role.
            WrongPassphraseError: the passphrase does not open it.
        """
        return kind.from_seed(self.secret(kind.public_type.role, label))

    def secret(self, role: Role, label: str) -> bytes:
        """The secret bytes of a key file; raises as `key` does."""
        path = self._path(role, label)
        if path not in self._opened:
            self._opened[path] = self._open(role, label)
        return self._opened[path]

    def _open(self, role: Role, label: str) -> bytes:
        opened = self._unwrap(self._read(role, label))
        if opened.role is not role or opened.node != self._node:
            raise ConfigError("{path} holds another key than its name says", self._path(role, label))
        return opened.secret

    def _read(self, role: Role, label: str) -> bytes:
        path = self._path(role, label)
        try:
            return read_private(path)
        except NotFoundError as exc:
            raise MissingKeyError("{path} does not exist", path) from exc

    def _unwrap(self, data: bytes) -> OpenedKey:
        header = describe(data)
        for wrapping in self._wrappings:
            if wrapping.opens(header):
                return unwrap(data, wrapping)
        passphrase = self._passphrase()
        with derivation():
            wrapping = WrappingKey.derive(passphrase, salt=header.salt, profile=header.profile)
        opened = unwrap(data, wrapping)
        self._wrappings.append(wrapping)
        return opened

    def forget(self, role: Role, label: str) -> None:
        """Keep an opened secret no longer in this process; its key file stays."""
        self._opened.pop(self._path(role, label), None)

    def destroy(self, role: Role, label: str) -> None:
        """Delete a key file, and forget what it held; nothing happens when it is gone."""
        self.forget(role, label)
        remove_private(self._path(role, label))

    def labels(self, role: Role) -> list[str]:
        """Labels of the keys of a role, sorted; needs no passphrase."""
        prefix = f"{role.value}-"
        return sorted(p.stem.removeprefix(prefix) for p in self._folder.glob(f"{prefix}*.json"))

    def public(self, role: Role, label: str) -> str:
        """The public text of a key file; needs no passphrase, so it is only a hint until the key is opened."""
        data = self._read(role, label)
        return Reference.from_bytes(data).public if is_reference(data) else describe(data).public

    def damaged(self) -> list[str]:
        """Names of key files that cannot even be read: what `doctor` reports."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                data = read_private(path)
                Reference.from_bytes(data) if is_reference(data) else describe(data)
            except (KeysError, ConfigError, NotFoundError):
                found.append(path.name)
        return found

    def verify(self) -> Iterator[tuple[str, str]]:
        """Every key file here, opened: its name, and what is wrong with it; empty where nothing is.

        A file that says where a key lies, and can be read, is left out: nothing vouches for what it says.
        """
        for path in sorted(self._folder.glob("*.json")):
            try:
                data = read_private(path)
                if is_reference(data):
                    Reference.from_bytes(data)
                    continue
                self._verify(path, data)
            except (KeysError, ConfigError, NotFoundError) as exc:
                yield path.name, str(exc)
            else:
                yield path.name, ""

    def _verify(self, path: Path, data: bytes) -> None:
        opened, said = self._unwrap(data), describe(data).public
        kind = PRIVATE_KEY_TYPES.get(opened.role)
        if opened.node != self._node or not path.stem.startswith(f"{opened.role}-"):
            raise ConfigError("{path} holds another key than its name says", path)
        if kind is not None and kind.from_seed(opened.secret).public.to_text() != said:
            raise ConfigError("{path} says another public key than it holds", path)

    def _path(self, role: Role, label: str) -> Path:
        return self._folder / f"{role.value}-{label}.json"


def _nowhere(uri: str, public: PublicKey) -> Signer:
    """Where keys elsewhere have no place."""
    raise ConfigError(
        "the {role} key is elsewhere ({partition}), and must be in a file here",
        public.role,
        uri.partition(":")[0],
    )


@contextmanager
def derivation() -> Iterator[None]:
    """Derive keys inside of it: one at a time in this process; raises `ConfigError` when memory runs out."""
    with _ONE_DERIVATION:
        try:
            yield
        except MemoryError as exc:
            raise ConfigError(
                "there is not enough memory to derive a key",
                hint="an offline key takes 2 GiB for a moment, another key 64 MiB",
            ) from exc
