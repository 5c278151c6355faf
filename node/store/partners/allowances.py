"""What is left of partners' evaluations, by statements that both databases understand, run by the driver itself.

Every evaluation goes through here. SQLAlchemy takes ten times as long for the same, more than all else that an
evaluation costs a node beside the arithmetic.
"""

from node.errors import NotFoundError
from node.store.driver import Bare
from node.store.partners.records import Allowance


class AllowanceRows:
    """The columns of `partner` that count evaluations, and `evaluation_month`."""

    def __init__(self, bare: Bare) -> None:
        self._bare = bare

    def lock(self, name: str) -> tuple[Allowance, int, bool]:
        """What is left, of how many a day, and whether the partner is suspended; raises `NotFoundError`.

        Nobody else changes it until the transaction ends.
        """
        row = self._bare.first(
            "SELECT level, level_ms, month, used, evaluations_per_day, suspended FROM partner WHERE name = :name",
            lock="FOR UPDATE",
            name=name,
        )
        if row is None:
            raise NotFoundError(
                "{name} is not a partner of this node", name, hint="see them with: sigfed partner ls"
            )
        level, level_ms, month, used, per_day, suspended = row
        return Allowance(level=level, level_ms=level_ms, month=month, used=used), per_day, bool(suspended)

    def keep(self, name: str, allowance: Allowance, *, seen_ms: int) -> None:
        """Store what is left."""
        self._bare.first(
            "UPDATE partner SET level = :level, level_ms = :level_ms, month = :month, used = :used,"
            " seen_ms = :seen_ms WHERE name = :name",
            name=name,
            level=allowance.level,
            level_ms=allowance.level_ms,
            month=allowance.month,
            used=allowance.used,
            seen_ms=seen_ms,
        )

    def add_to_month(self, month: str, evaluations: int) -> None:
        """Count what a partner used in a month that is over for it, before its allowance tells of the next."""
        self._bare.first(  # of two partners that begin a month at once, one must not undo the other
            "INSERT INTO evaluation_month (month, evaluations, whole) VALUES (:month, :evaluations, true)"
            " ON CONFLICT (month) DO UPDATE SET evaluations = evaluation_month.evaluations + excluded.evaluations",
            month=month,
            evaluations=evaluations,
        )
