"""A backup that is written while keys end: what was destroyed meanwhile is not in it, and it can be restored."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from keys.keyfile import ONLINE
from keys.roles import Role
from node.backup import write
from node.backup.archive import ArchiveWriter, writing
from node.backup.restore import restore_backup
from node.backup.write import create_backup
from node.home import Home
from node.identity.identity import open_identity
from node.signing.epochs import oprf_label
from support.real_home import real_home
from support.times import SettableClock

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PASSPHRASE = b"made-up words for backups"


def test_a_key_that_is_destroyed_while_a_backup_is_written_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SettableClock(NOW)
    identity = real_home(tmp_path, clock)
    label = oprf_label("hosters", 1)
    seed = identity.keychain.create_secret(Role.OPRF, label)

    @contextmanager
    def destroying(*arguments: Any, **named: Any) -> Iterator[ArchiveWriter]:
        identity.keychain.destroy(Role.OPRF, label)
        with writing(*arguments, **named) as archive:
            yield archive

    monkeypatch.setattr(write, "writing", destroying)
    backup = create_backup(identity, tmp_path / "backup", passphrase=PASSPHRASE, profile=ONLINE)
    assert not [part for part in backup.parts if label in part.name]
    home = Home(tmp_path / "again")
    restore_backup(backup.path, PASSPHRASE, home, clock=clock)
    again = open_identity(home, clock=clock)
    assert again.keychain.labels(Role.OPRF) == []
    assert not any(wrong for _, wrong in again.keychain.verify())
    assert {key.name for key in again.adopt_keys()} == {key.name for key in identity.adopt_keys()}
    assert seed not in backup.path.read_bytes()
