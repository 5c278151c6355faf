"""Records and tables of partners: invitations, enrolled partners, and what is left of their evaluations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


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


class PartnerTable(Protocol):
    """Partners and invitations."""

    def invite(self, invite: InviteRecord, *, now_ms: int) -> None:
        """Keep an invitation in place of one that ended unused; raises `AlreadyExistsError` for any other."""
        ...

    def invitation(self, invite_id: bytes) -> InviteRecord | None:
        """The invitation of that id, whatever its state; None when there never was one."""
        ...

    def invitations(self) -> Sequence[InviteRecord]:
        """All invitations by partner."""
        ...

    def void_invitation(self, partner: str) -> bool:
        """Forget the invitation of a partner that has not used it; False when there is none."""
        ...

    def use_up(self, invite_id: bytes, *, now_ms: int) -> None:
        """Mark an invitation as used; raises `ConflictError` when it was used before."""
        ...

    def add(self, partner: PartnerRecord) -> None:
        """Add a partner with a full bucket; raises `AlreadyExistsError`."""
        ...

    def get(self, name: str) -> PartnerRecord:
        """The partner of that name; raises `NotFoundError`."""
        ...

    def ls(self) -> Sequence[PartnerRecord]:
        """All partners by name."""
        ...

    def page(self, part: str, *, after: str, limit: int) -> Sequence[tuple[PartnerRecord, Allowance]]:
        """Partners whose names hold `part`, by name, the first `limit` that come after a name."""
        ...

    def counts(self) -> Mapping[str, int]:
        """How many follow each subset."""
        ...

    def names(self) -> Mapping[str, Sequence[str]]:
        """The names of all partners by the subset that they follow, sorted."""
        ...

    def renew_key(self, name: str, key: bytes, *, old: bytes, key_ms: int, old_until_ms: int) -> None:
        """Let `key` follow `old`; raises `ConflictError` when that is not the partner's key (any more)."""
        ...

    def set_suspended(self, name: str, *, suspended: bool) -> None:
        """Refuse a partner's key, or accept it again; raises `NotFoundError`."""
        ...

    def set_quota(self, name: str, evaluations_per_day: int) -> None:
        """Change how many evaluations a partner has a day; raises `NotFoundError`."""
        ...

    def allowance(self, name: str) -> Allowance:
        """What is left; raises `NotFoundError`."""
        ...

    def lock_allowance(self, name: str) -> Allowance:
        """As `allowance`, and nobody else changes it until this transaction, which is one that writes, ends."""
        ...

    def set_allowance(self, name: str, allowance: Allowance, *, seen_ms: int) -> None:
        """Store what is left."""
        ...

    def add_to_month(self, month: str, evaluations: int) -> None:
        """Count what a partner used in a month that is over for it, before its allowance tells of the next."""
        ...

    def evaluations(self, months: Sequence[str]) -> int | None:
        """Evaluations of all partners in some months; None when not all of them were counted."""
        ...

    def evaluations_by_month(self, months: Sequence[str]) -> Mapping[str, int | None]:
        """The same for each of some months."""
        ...


class ReplayTable(Protocol):
    """Ids of assertions that were used."""

    def forget(self, *, before_ms: int) -> None:
        """Remove ids that expired before."""
        ...

    def count(self, issuer: str) -> int:
        """How many ids of an issuer are kept."""
        ...

    def spend(self, issuer: str, jti: str, *, expires_ms: int) -> None:
        """Keep an id; raises `ReplayedError` when it is kept already."""
        ...
