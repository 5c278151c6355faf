"""Records of persons and of how they come into the console, and of what waits for a second one.

Of tokens and challenges only hashes are kept, so that a copy of the store lets nobody in; a passkey's public key and a
session's CSRF token are sealed under the person's name, so that a row that somebody changed or put there does neither.

A person is a name, a role and a verifier of a passphrase. Nothing here can be used to sign: a person's word counts at
this node alone, and its audit log says what was made of it.

A request is decided once, by compare-and-swap, and acted on after that: an approved request whose act was cut off says
so (`acted_ms` is None), and is finished by approving it again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRecord:
    """A passkey of a person."""

    number: int = 0
    """What people call it; 0 before it is kept."""
    person: str
    credential: bytes = field(repr=False)
    """Its id, as its authenticator made it: 1 to 1023 bytes."""
    sealed_key: bytes = field(repr=False)
    """Its public key (COSE), sealed."""
    sign_count: int
    """How often it says it was used; 0 for ever with many authenticators."""
    name: str
    """As its person calls it."""
    added_ms: int
    used_ms: int = 0
    """When it was last shown; 0: never yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A signed-in browser."""

    number: int = 0
    """What people call it; 0 before it is kept."""
    token_hash: bytes = field(repr=False)
    """SHA-256 of the token in the browser's cookie."""
    person: str
    sealed_csrf: bytes = field(repr=False)
    """What every form of the session carries, sealed."""
    opened_ms: int
    seen_ms: int
    """When it was last used, to the minute."""
    proved_ms: int = 0
    """When a passkey was last shown in it; 0: never."""
    language: str = ""
    """As chosen in it; empty: as the browser asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A one-time token, by which a person registers a passkey."""

    token_hash: bytes = field(repr=False)
    """SHA-256 of its text."""
    person: str
    """Whose it is; empty: one of the first two persons names himself with it."""
    made_ms: int
    expires_ms: int
    used_ms: int = 0
    """When a passkey was registered with it; 0: it was not."""
    tries: int = 0
    """How often it was typed."""


class Purpose(StrEnum):
    """What a challenge was made for; it counts for nothing else."""

    SIGN_IN = "sign-in"
    PROVE = "prove"
    REGISTER = "register"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeRecord:
    """A challenge that a browser was given: what somebody inside has not answered, or what a stranger has."""

    challenge_hash: bytes = field(repr=False)
    """SHA-256 of the challenge."""
    purpose: Purpose
    person: str
    """Who must answer it; empty: whoever has a passkey."""
    token_hash: bytes = field(default=b"", repr=False)
    """The one-time token that its answer uses up, where there is one."""
    expires_ms: int


class PersonRole(StrEnum):
    """What somebody does at this node; which requests that lets them approve is `node.access.approvals`'s table."""

    VIEWER = "viewer"
    """Looks on: asks for nothing, approves nothing, and is none of the two persons that others wait for."""
    ANALYST = "analyst"
    OPERATOR = "operator"
    SECURITY = "security"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """One person."""

    name: str
    role: PersonRole
    verifier: bytes = field(repr=False)
    """What a passphrase is checked against, sealed with the storage key."""
    added_ms: int
    tries: int = 0
    """Passphrases tried since the last right one."""
    tried_ms: int = 0
    """The newest of them."""


class Outcome(StrEnum):
    """What became of a request."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks a second person for; nothing of it is done yet."""

    kind: str
    """`noun.verb`, a key of `access.approvals.KINDS`."""
    subject: str
    """What it is about, in words for people; never a digest."""
    payload: bytes | Callable[[], bytes] = field(repr=False)
    """What the handler of its kind needs, or what makes it once whoever asks has proved who it is."""
    facts: Mapping[str, int] = field(default_factory=dict)
    """Numbers of what is asked for, told and recorded beside it."""
    said: str = ""
    """What whoever asked is told, of the `number` and of `what` is asked for; empty: that it waits."""
    notes: Sequence[str] = ()
    """What the terminal adds for whoever watches."""
    following: Sequence[str] = ()
    """What to type next besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A request for something that takes two persons."""

    id: int
    kind: str
    """`noun.verb`, a key of `node.access.approvals.KINDS`."""
    subject: str
    """What it is about, in words for people; never a digest."""
    payload: bytes = field(repr=False)
    """What the handler of its kind needs: canonical JSON, or sealed where it holds digests or secrets."""
    requested_by: str
    requested_ms: int
    decided_by: str = ""
    decided_ms: int | None = None
    outcome: Outcome = Outcome.OPEN
    reason: str = ""
    """Why it was rejected."""
    acted_ms: int | None = None
    """When what was approved had been done."""
    result: str = ""
    """What was done, in one line for people."""

    @property
    def cut_off(self) -> bool:
        """Whether it was approved and not carried out; approving it again finishes it."""
        return self.outcome is Outcome.APPROVED and self.acted_ms is None
