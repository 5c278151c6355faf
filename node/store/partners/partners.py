"""Partners, invitations and used assertion ids, inside one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, LargeBinary, delete, func, select, update
from sqlmodel import Field

from keys.message import Message
from node.errors import AlreadyExistsError, ConflictError, NotFoundError, ReplayedError
from node.store.partners.records import Allowance, InviteRecord, PartnerRecord
from node.store.tables import R, Rows, TableModel, record, table, values_of


class Invite(TableModel):
    """An invitation; its secret is sealed with the storage key."""

    __tablename__ = "invite"

    invite_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    partner: str = Field(max_length=64, unique=True)
    subset: str = Field(max_length=64)
    sealed_secret: bytes
    evaluations_per_day: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger)
    used_ms: int | None = Field(default=None, sa_type=BigInteger)


class Partner(TableModel):
    """A partner with its bucket of evaluations."""

    __tablename__ = "partner"

    name: str = Field(max_length=64, primary_key=True)
    subset: str = Field(max_length=64)
    auth_key: bytes
    evaluations_per_day: int = Field(sa_type=BigInteger)
    added_ms: int = Field(sa_type=BigInteger)
    seen_ms: int = Field(sa_type=BigInteger)
    suspended: bool
    key_ms: int = Field(default=0, sa_type=BigInteger)
    old_key: bytes | None = None
    old_until_ms: int = Field(default=0, sa_type=BigInteger)
    level: int = Field(sa_type=BigInteger)
    level_ms: int = Field(sa_type=BigInteger)
    month: str = Field(max_length=7)
    used: int = Field(sa_type=BigInteger)


class UsedAssertion(TableModel):
    """An assertion id that was used, until it expires."""

    __tablename__ = "used_assertion"

    issuer: str = Field(max_length=128, primary_key=True)
    jti: str = Field(max_length=64, primary_key=True)
    expires_ms: int = Field(sa_type=BigInteger, index=True)


class EvaluationMonth(TableModel):
    """Evaluations of all partners in a month, as far as each of them has begun a later one."""

    __tablename__ = "evaluation_month"

    month: str = Field(max_length=7, primary_key=True)
    evaluations: int = Field(sa_type=BigInteger)
    whole: bool
    """False: in it, and before, not all were counted."""


_INVITE, _PARTNER, _USED = table(Invite), table(Partner), table(UsedAssertion)
_MILLI = 1000
_MONTH = table(EvaluationMonth)


class PartnerRows(Rows):
    """The `partner` and `invite` tables."""

    def invite(self, invite: InviteRecord, *, now_ms: int) -> None:
        """Keep an invitation in place of one that ended unused; raises `AlreadyExistsError` for any other."""
        ended = (
            _INVITE.c.partner == invite.partner,
            _INVITE.c.used_ms.is_(None),
            _INVITE.c.expires_ms <= now_ms,
        )
        self._connection.execute(delete(_INVITE).where(*ended))
        used = select(_INVITE.c.partner).where(
            _INVITE.c.partner == invite.partner, _INVITE.c.used_ms.is_not(None)
        )
        if self._connection.execute(used).first() is not None:
            raise AlreadyExistsError(
                "{name} is enrolled already",
                invite.partner,
                hint=Message(
                    "has it lost its key? sigfed partner suspend {partner}, then invite it under another name",
                    invite.partner,
                ),
            )
        self._insert(
            _INVITE,
            values_of(invite),
            AlreadyExistsError(
                "{name} was invited already",
                invite.partner,
                hint="a string that is lost or went astray is void after: sigfed partner suspend",
            ),
        )

    def invitation(self, invite_id: bytes) -> InviteRecord | None:
        """The invitation of that id, whatever its state; None when there never was one."""
        return self._find(InviteRecord, select(_INVITE).where(_INVITE.c.invite_id == invite_id))

    def open_invitations(self, part: str = "", *, limit: int | None = None) -> Sequence[InviteRecord]:
        """Those that nobody used, by partner, of names that hold `part`; the first `limit` where that is given."""
        wanted = select(_INVITE).where(_INVITE.c.used_ms.is_(None))
        if part:
            wanted = wanted.where(_INVITE.c.partner.contains(part, autoescape=True))
        return self._records(InviteRecord, wanted.order_by(_INVITE.c.partner).limit(limit))

    def void_invitation(self, partner: str) -> bool:
        """Forget the invitation of a partner that has not used it; False when there is none."""
        unused = delete(_INVITE).where(_INVITE.c.partner == partner, _INVITE.c.used_ms.is_(None))
        return self._connection.execute(unused).rowcount > 0

    def use_up(self, invite_id: bytes, *, now_ms: int) -> None:
        """Mark an invitation as used; raises `ConflictError` when it was used before."""
        unused = update(_INVITE).where(_INVITE.c.invite_id == invite_id, _INVITE.c.used_ms.is_(None))
        if self._connection.execute(unused.values(used_ms=now_ms)).rowcount != 1:
            raise ConflictError("the invitation was used meanwhile")

    def add(self, partner: PartnerRecord) -> None:
        """Add a partner with a full bucket; raises `AlreadyExistsError`."""
        bucket = Allowance(
            level=partner.evaluations_per_day * _MILLI, level_ms=partner.added_ms, month="", used=0
        )
        row = values_of(partner) | values_of(bucket)
        self._insert(_PARTNER, row, AlreadyExistsError("{name} is enrolled already", partner.name))

    def get(self, name: str) -> PartnerRecord:
        """The partner of that name; raises `NotFoundError`."""
        return self._of(name, PartnerRecord)

    def ls(self) -> Sequence[PartnerRecord]:
        """All partners by name."""
        return self._records(PartnerRecord, select(_PARTNER).order_by(_PARTNER.c.name))

    def page(self, part: str, *, after: str, limit: int) -> Sequence[tuple[PartnerRecord, Allowance]]:
        """Partners whose names hold `part`, by name, the first `limit` that come after a name."""
        wanted = select(_PARTNER).where(
            _PARTNER.c.name > after, _PARTNER.c.name.contains(part, autoescape=True)
        )
        rows = self._connection.execute(wanted.order_by(_PARTNER.c.name).limit(limit))
        return [(record(PartnerRecord, row), record(Allowance, row)) for row in rows]

    def counts(self) -> Mapping[str, int]:
        """How many follow each subset."""
        query = select(_PARTNER.c.subset, func.count()).group_by(_PARTNER.c.subset)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def names(self) -> Mapping[str, Sequence[str]]:
        """The names of all partners by the subset that they follow, sorted."""
        found: dict[str, list[str]] = {}
        query = select(_PARTNER.c.subset, _PARTNER.c.name).order_by(_PARTNER.c.name)
        for subset, name in self._connection.execute(query).all():
            found.setdefault(subset, []).append(name)
        return found

    def renew_key(self, name: str, key: bytes, *, old: bytes, key_ms: int, old_until_ms: int) -> None:
        """Let `key` follow `old`; raises `ConflictError` when that is not the partner's key (any more)."""
        values = {"auth_key": key, "key_ms": key_ms, "old_key": old, "old_until_ms": old_until_ms}
        own = (_PARTNER.c.name == name, _PARTNER.c.auth_key == old)
        if self._connection.execute(update(_PARTNER).where(*own).values(values)).rowcount != 1:
            raise ConflictError("the key of the partner was replaced meanwhile")

    def set_suspended(self, name: str, *, suspended: bool) -> None:
        """Refuse a partner's key, or accept it again; raises `NotFoundError`."""
        self.get(name)
        self._connection.execute(update(_PARTNER).where(_PARTNER.c.name == name).values(suspended=suspended))

    def set_quota(self, name: str, evaluations_per_day: int) -> None:
        """Change how many evaluations a partner has a day; raises `NotFoundError`."""
        self.get(name)
        values = {"evaluations_per_day": evaluations_per_day}
        self._connection.execute(update(_PARTNER).where(_PARTNER.c.name == name).values(values))

    def allowance(self, name: str) -> Allowance:
        """What is left; raises `NotFoundError`."""
        return self._of(name, Allowance)

    def evaluations(self, months: Sequence[str]) -> int | None:
        """Evaluations of all partners in some months; None when not all of them were counted."""
        if min(months) <= self._lost():
            return None
        over = select(func.sum(_MONTH.c.evaluations)).where(_MONTH.c.month.in_(months))
        going = select(func.sum(_PARTNER.c.used)).where(_PARTNER.c.month.in_(months))
        return sum(int(self._connection.execute(each).scalar_one() or 0) for each in (over, going))

    def evaluations_by_month(self, months: Sequence[str]) -> Mapping[str, int | None]:
        """The same for each of some months."""
        found: Counter[str] = Counter()
        for rows, count in ((_MONTH, _MONTH.c.evaluations), (_PARTNER, _PARTNER.c.used)):
            month = rows.c.month
            wanted = select(month, func.sum(count)).where(month.in_(months)).group_by(month)
            found.update({row[0]: int(row[1]) for row in self._connection.execute(wanted)})
        lost = self._lost()
        return {month: None if month <= lost else found[month] for month in months}

    def _lost(self) -> str:
        """The last month of which not everything was counted; empty: there is none."""
        lost = select(func.max(_MONTH.c.month)).where(_MONTH.c.whole.is_(False))
        return self._connection.execute(lost).scalar_one() or ""

    def _of(self, name: str, kind: type[R]) -> R:
        missing = NotFoundError(
            "{name} is not a partner of this node", name, hint="see them with: sigfed partner ls"
        )
        return self._get(kind, select(_PARTNER).where(_PARTNER.c.name == name), missing)


class ReplayRows(Rows):
    """The `used_assertion` table."""

    def forget(self, *, before_ms: int) -> None:
        """Remove ids that expired before."""
        self._connection.execute(delete(_USED).where(_USED.c.expires_ms < before_ms))

    def count(self, issuer: str) -> int:
        """How many ids of an issuer are kept."""
        return self._count_of(_USED, _USED.c.issuer == issuer)

    def spend(self, issuer: str, jti: str, *, expires_ms: int) -> None:
        """Keep an id; raises `ReplayedError` when it is kept already."""
        row = {"issuer": issuer, "jti": jti, "expires_ms": expires_ms}
        self._insert(_USED, row, ReplayedError("this assertion was used before"))
