"""Records of partners: invitations, enrolled partners, and what is left of their evaluations."""

from dataclasses import dataclass


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
