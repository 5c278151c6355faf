"""Databases as older versions left them, made of today's by undoing migrations."""

from multiprocessing.synchronize import Barrier
from typing import Final

from sqlalchemy import text

from node.lists.lookup import digests_named
from node.objects.release_files import ReleaseFolder
from node.store.driver import parse_dsn
from node.store.migrate import migrate
from node.store.store import connected
from protocol.subset.canary import PRESENT
from protocol.subset.identity import subset_id
from protocol.subset.prf_input import prf_input
from support.releases import EVERY, SUBSET, ReleasingAgency

_UNDONE: Final = {
    "0032": ("DROP TABLE entry_count", "DROP TABLE entry_counted"),
    "0031": ("DROP INDEX ix_listed_shredded", "ALTER TABLE shredding DROP COLUMN file"),
    "0030": ("DROP TABLE home_copy",),
    "0029": ("DROP TABLE file_run",),
    "0028": ("DROP TABLE listed", "ALTER TABLE subset DROP COLUMN listed"),
    "0027": ("DROP TABLE touch", "ALTER TABLE log DROP COLUMN touched"),
}
"""By the revision that is left, what the one after it added."""


def age(dsn: str, revision: str) -> None:
    """Make a database what the version of this revision left."""
    with connected(parse_dsn(dsn)) as engine:
        with engine.begin() as connection:
            for left, statements in _UNDONE.items():
                if left >= revision:
                    for statement in statements:
                        connection.execute(text(statement))
            connection.execute(text("UPDATE alembic_version SET version_num = :left"), {"left": revision})
        engine.dispose()


def upgrade(dsn: str, together: Barrier) -> None:
    """Bring a database on, at the same moment as other processes do."""
    with connected(parse_dsn(dsn)) as engine:
        together.wait(120)
        migrate(engine)
        engine.dispose()


def give_rosters(fr: ReleasingAgency) -> None:
    """Put beside the newest release, and beside a claimed one, what versions before kept of what they list."""
    with fr.store.read() as unit:
        pending = unit.logs.get(fr.subset.origin).pending
        records = [unit.releases.newest(SUBSET)]
        records += [unit.releases.get(SUBSET, pending.size)] if pending else []
        rows = [(record, unit.listed.between(SUBSET, record.version, EVERY)) for record in records if record]
        digests = [digests_named(fr.store, unit, {row.name for row in said}) for _, said in rows]
    for (record, said), names in zip(rows, digests, strict=True):
        found = sorted([(PRESENT, b""), *((names[row.name], row.collections) for row in said)])
        inputs = [prf_input(subset_id(fr.subset.origin), digest) for digest, _ in found]
        outputs = fr.evaluator.outputs(SUBSET, record.epoch, inputs)
        data = b"".join(
            bytes([digest.algorithm, len(numbers) // 2, len(digest.value)]) + digest.value + numbers + output
            for (digest, numbers), output in zip(found, outputs, strict=True)
        )
        name = f"{ReleaseFolder(fr.store, record).prefix}roster/000000"
        fr.store.objects.put(name, fr.store.vault.seal(name, bytes(3) + data))  # its first row was shredded
