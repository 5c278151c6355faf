"""The note of what is being done: others take it for a gap when its process has died, and never before."""

import fcntl
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from node.clock import system_entropy
from node.identity import audit
from node.identity.identity import Identity


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    """What a note is written with."""
    parts = SimpleNamespace(
        now_ms=1_800_000_000_000, entropy=system_entropy, home=SimpleNamespace(folder=tmp_path / "home")
    )
    return cast(Identity, parts)


def test_what_is_under_way_is_no_gap(identity: Identity) -> None:
    with audit.about(identity, "list.publish", "national") as act:
        assert not audit.gaps(identity)
        assert len(audit.under_way(identity)) == 1
        act.recorded = True
    assert not audit.under_way(identity)


def test_what_was_not_recorded_is_a_gap(identity: Identity) -> None:
    with audit.about(identity, "list.publish", "national"):
        pass
    assert len(audit.gaps(identity)) == 1


def test_a_note_is_no_gap_before_it_is_locked(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at that moment would record a gap, and delete the note under the one who writes it."""
    seen: list[Path] = []
    lock = fcntl.flock

    def looked_at_before(handle: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            seen.extend(audit.gaps(identity))
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", looked_at_before)
    with audit.about(identity, "list.publish", "national"):
        assert not seen


def test_a_hash_that_somebody_typed_is_in_no_note(identity: Identity) -> None:
    typed = "0f" * 32
    with audit.about(identity, "case.answer", f"see {typed}"):
        notes = [path.read_text() for path in identity.home.folder.rglob("*.json")]
    assert ["(hex)" in note for note in notes] == [True]
    assert typed not in "".join(notes)
