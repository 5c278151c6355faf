"""How persons show who they are: passkeys, as browsers and authenticators make and show them, and passphrases."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answered:
    """Which challenge an answer says it is about, and with what, before anything of it is verified."""

    challenge: bytes = field(repr=False)
    credential: bytes = field(repr=False)
    user: bytes = field(repr=False)
    """The handle of whoever answers; empty where the answer has none."""


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey as its authenticator made it, verified."""

    credential: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    sign_count: int


class PasskeyCeremonies(Protocol):
    """Web Authentication with one console: questions for its pages, and what browsers answered.

    Questions and answers are the JSON of `PublicKeyCredential.parse…OptionsFromJSON` and `.toJSON`. Whatever is wrong
    with an answer raises `UnauthenticatedError`, which does not say what.
    """

    def ask_new(self, person: str, user: bytes, *, challenge: bytes, known: Sequence[bytes]) -> str:
        """Make a passkey for the person with the handle `user`; `known` are those that must not be made again."""
        ...

    def ask_shown(self, *, challenge: bytes, known: Sequence[bytes]) -> str:
        """Show a passkey, one of `known` where there are any."""
        ...

    def read(self, answer: str) -> Answered:
        """What an answer says of itself."""
        ...

    def check_new(self, answer: str, *, challenge: bytes) -> NewPasskey:
        """The passkey that was made for this challenge, here, by somebody whom the authenticator recognised."""
        ...

    def check_shown(self, answer: str, *, challenge: bytes, public_key: bytes) -> int:
        """The sign count of the passkey that was shown, likewise; whether it grew is the caller's to check."""
        ...


class PassphraseHasher(Protocol):
    """Slow on purpose: what makes verifiers of passphrases and checks against them."""

    def verifier(self, passphrase: bytes) -> bytes:
        """Something to keep, from which the passphrase cannot be found but by trying."""
        ...

    def check(self, passphrase: bytes, verifier: bytes) -> None:
        """Raise `UnauthenticatedError` unless `verifier` was made of this passphrase."""
        ...
