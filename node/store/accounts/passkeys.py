"""Passkeys and challenges, inside one transaction: what somebody inside has not answered, and what strangers have."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, LargeBinary, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field

from node.errors import AlreadyExistsError, NotFoundError
from node.store.accounts.records import ChallengeRecord, PasskeyRecord, Purpose
from node.store.tables import NUMBERED, Rows, TableModel, table, values_of


class PasskeyRow(TableModel):
    """A passkey; its key is sealed under its person's name, so a changed row opens nothing."""

    __tablename__ = "passkey"
    __table_args__ = NUMBERED

    number: int | None = Field(default=None, primary_key=True)
    person: str = Field(max_length=64, index=True)
    credential: bytes = Field(sa_type=LargeBinary, unique=True)
    sealed_key: bytes
    sign_count: int = Field(sa_type=BigInteger)
    name: str = Field(max_length=64)
    added_ms: int = Field(sa_type=BigInteger)
    used_ms: int = Field(sa_type=BigInteger)


class ChallengeRow(TableModel):
    """A challenge by its hash: of somebody inside until it is answered, of a sign-in once it was."""

    __tablename__ = "challenge"

    challenge_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    purpose: str = Field(max_length=16)
    person: str = Field(max_length=64)
    token_hash: bytes
    expires_ms: int = Field(sa_type=BigInteger, index=True)


_PASSKEY, _CHALLENGE = table(PasskeyRow), table(ChallengeRow)
_ANSWERED = _CHALLENGE.c.purpose == Purpose.SIGN_IN.value
"""What strangers are asked is kept from its answer on; anything else is gone with it."""


class PasskeyRows(Rows):
    """The `passkey` table."""

    def add(self, passkey: PasskeyRecord) -> None:
        """Add one; raises `AlreadyExistsError` for a credential that is there."""
        self._insert(
            _PASSKEY, values_of(passkey, "number"), AlreadyExistsError("this passkey is registered already")
        )

    def ls(self, person: str = "") -> Sequence[PasskeyRecord]:
        """Those of a person, oldest first; of all when none is named."""
        wanted = select(_PASSKEY).order_by(_PASSKEY.c.number)
        if person:
            wanted = wanted.where(_PASSKEY.c.person == person)
        return self._records(PasskeyRecord, wanted)

    def lock(self, credential: bytes) -> PasskeyRecord | None:
        """The one with this id, changed by nobody else until this transaction ends; None: there is none."""
        wanted = select(_PASSKEY).where(_PASSKEY.c.credential == credential).with_for_update()
        return self._find(PasskeyRecord, wanted)

    def note_use(self, number: int, *, sign_count: int, used_ms: int) -> None:
        """Keep what it said when it was shown."""
        values = {"sign_count": sign_count, "used_ms": used_ms}
        self._connection.execute(update(_PASSKEY).where(_PASSKEY.c.number == number).values(values))

    def remove(self, number: int, *, person: str = "") -> PasskeyRecord:
        """Forget one, of that person where one is named; raises `NotFoundError`."""
        found = [each for each in self.ls(person) if each.number == number]
        if not found:
            raise NotFoundError(
                "there is no passkey {number}", number, hint="see them with: sigfed passkey ls"
            )
        self._connection.execute(delete(_PASSKEY).where(_PASSKEY.c.number == number))
        return found[0]

    def remove_all(self, person: str) -> None:
        """Forget those of a person."""
        self._connection.execute(delete(_PASSKEY).where(_PASSKEY.c.person == person))


class ChallengeRows(Rows):
    """The `challenge` table."""

    def add(self, challenge: ChallengeRecord) -> bool:
        """Add one; False when it is there."""
        try:
            self._connection.execute(insert(_CHALLENGE).values(values_of(challenge)))
        except IntegrityError:
            return False
        return True

    def take(self, challenge_hash: bytes) -> ChallengeRecord | None:
        """The one with this hash, which is gone afterwards: of two answers that meet one finds nothing."""
        this = _CHALLENGE.c.challenge_hash == challenge_hash
        found = self._find(ChallengeRecord, select(_CHALLENGE).where(this).with_for_update())
        if found is None or not self._connection.execute(delete(_CHALLENGE).where(this)).rowcount:
            return None
        return found

    def remove_all(self, person: str) -> None:
        """Forget those that a person must answer."""
        self._connection.execute(delete(_CHALLENGE).where(_CHALLENGE.c.person == person))

    def sweep(self, *, before_ms: int, after_ms: int) -> None:
        """Forget those that nobody answered and that ended before a time, or end after another."""
        ends = _CHALLENGE.c.expires_ms
        outside = or_(ends < before_ms, ends > after_ms)
        self._connection.execute(delete(_CHALLENGE).where(~_ANSWERED, outside))

    def sweep_answered(self, *, before_ms: int) -> None:
        """Forget those that were answered and ended before a time."""
        ended = _CHALLENGE.c.expires_ms < before_ms
        self._connection.execute(delete(_CHALLENGE).where(_ANSWERED, ended))
