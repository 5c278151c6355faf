"""Records of partners and recipients: invitations, allowances, what they fetched, proposed and may see in the clear.

Nothing is here of what a partner looked up: the node does not know it. Of disclosed look-ups no value is kept; an entry
is named by its look-up key, which nobody without the storage key can make of a hash.

What a proposal says is sealed, hashes and words: lists for people show who, when and how many. The agency's reason for
refusing a file is told to the partner, and stands in the clear.

A recipient's key is kept as its SHA-256 alone. What a recipient is served is one sealed copy for all of them, which
its grant filters at every read.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteRecord:
    """An invitation that was handed out; it enrols one partner once."""

    invite_id: bytes
    """16 bytes, names it without telling its secret."""
    partner: str
    subset: str
    sealed_secret: bytes
    """The secret, sealed with the storage key."""
    evaluations_per_day: int
    expires_ms: int
    used_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRecord:
    """An enrolled partner."""

    name: str
    subset: str
    auth_key: bytes
    """Ed25519 public key, 32 bytes."""
    evaluations_per_day: int
    added_ms: int
    key_ms: int = 0
    """Since when this node knows the key."""
    old_key: bytes | None = None
    """The key before it; None when it was never renewed."""
    old_until_ms: int = 0
    """Until when the key before it counts."""
    seen_ms: int = 0
    """Last evaluation."""
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of a partner's evaluations: a bucket that fills over a day, and a monthly cap."""

    level: int
    """Evaluations in the bucket at `level_ms`, in thousandths: a bucket that is asked often must still fill."""
    level_ms: int
    month: str
    """`YYYY-MM` that `used` counts."""
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedRelease:
    """The newest release of which a partner was sent every file; whether it kept them is not known."""

    partner: str
    subset: str
    version: int
    fetched_ms: int
    """When the last of them was sent, for the first time."""
    made_ms: int
    """When the release was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureRecord:
    """What a partner may show, and what it has shown."""

    partner: str
    values_per_day: int
    """0: none any more."""
    allowance: Allowance
    asked: int = 0
    """Values shown, since the beginning."""
    met: int = 0
    """Those of them that were near an entry."""
    stopped_ms: int | None = None
    """Since when it waits for a person, because too many values were about one entry; None: it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRecord:
    """One proposal that was taken."""

    partner: str
    proposal_id: bytes
    subset: str
    claim: int
    files: int
    received_ms: int
    sealed: bytes = field(repr=False)
    """Hashes, words and receipt."""
    closed_ms: int | None = None
    """When the last of its files was decided; None while one waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What became of one proposed file."""

    number: int
    """Its place in the proposal, from 1."""
    state: int
    """A `protocol.statement.proposal_state.FileState`."""
    reason: str = ""
    """Why it was refused."""
    origin: str = ""
    """The list that it was taken up into."""
    decided_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRecord:
    """One accredited holder of raw digests."""

    name: str
    purpose: str
    """What it does with them, for people."""
    grant: str
    """What it may fetch, as JSON with an end; a text that cannot be read grants nothing."""
    added_ms: int
    key_sha256: bytes = field(default=b"", repr=False)
    """Empty: it has no key yet."""
    keyed_ms: int = 0
    """When it got its key."""
    old_key_sha256: bytes = field(default=b"", repr=False)
    """The key before it, while the recipient changes over; empty: it counts no more."""
    old_until_ms: int = 0
    """Until when that counts."""
    suspended: bool = False
    seen_ms: int = 0
    """Start of its last download."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRecord:
    """The copy that is served: where it lies and what it was made of."""

    token: str
    """Names the folder of its objects."""
    tag: str
    """Random, another one whenever the content is: what recipients compare instead of the content."""
    parts: int
    digests: int
    """Lines in it when it was made; one that was shredded since is in it no more."""
    basis: bytes
    """A hash of what it was made of: while that is the same, so is what the lists say."""
    made_ms: int
