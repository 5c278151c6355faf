"""What is noted outside of a home: what it is bound to, and that nothing is left of homes that are gone."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from keys.message import Message
from node.errors import StoreDownError
from node.identity import outside_note
from node.identity.identity import Identity
from node.identity.outside_note import Note, OutsideNote
from support.cheap_node import CheapNode


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where notes lie."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "sigfed"


@pytest.fixture
def identity(place: Path, tmp_path: Path) -> Identity:
    del place
    return founded(tmp_path / "fr")


def founded(folder: Path) -> Identity:
    folder.mkdir()
    return CheapNode.founded(folder).identity()


def noted(identity: Identity) -> Note:
    return OutsideNote.of_home(identity).read()


def test_only_an_answer_begins_a_note_and_the_larger_numbers_stay(identity: Identity) -> None:
    note = OutsideNote.of_home(identity)
    note.grow({"trust": 3})
    assert noted(identity) == Note()
    note.leave({"nl.example": "did not answer in time"})
    assert noted(identity) == Note(silent={"nl.example": "did not answer in time"})
    note.grow({"trust": 3})
    assert not noted(identity).sizes
    note.begin({"trust": 3})
    assert noted(identity) == Note(sizes={"trust": 3}), "they answered"
    note.grow({"trust": 2, "log": 5})
    note.leave({"nl.example": "did not answer in time"})
    assert noted(identity) == Note(sizes={"trust": 3, "log": 5})
    note.drop()
    assert noted(identity) == Note()


_WHY = Message("{node} did not answer in time", "nl.example")
_LONG = "x" * 501
"""More of a reason than is kept."""


@pytest.mark.parametrize("why", [_WHY, _LONG, "", '{"template":"of somebody else"}'])
def test_what_is_noted_again_is_not_written_again(identity: Identity, why: str) -> None:
    note = OutsideNote.of_home(identity)
    assert note.path is not None
    note.leave({"nl.example": why})
    before = note.path.stat().st_ino
    note.leave({"nl.example": why})
    assert note.path.stat().st_ino == before
    note.leave({"nl.example": "another reason"})
    assert note.path.stat().st_ino != before


def _copied(home: Path) -> None:
    shutil.copytree(home, home.with_name("copy"))
    home.rename(home.with_name("away"))
    home.with_name("copy").rename(home)


def _of_another_form(home: Path) -> None:
    (note,) = (home.parent / "sigfed").glob("*.json")
    note.write_bytes(b'{"trust": 3}')


def _cut(home: Path) -> None:
    (note,) = (home.parent / "sigfed").glob("*.json")
    note.write_bytes(note.read_bytes()[:-1])


@pytest.mark.parametrize("change", [_copied, _of_another_form, _cut])
def test_what_is_not_of_this_folder_is_nothing(identity: Identity, change: Callable[[Path], None]) -> None:
    OutsideNote.of_home(identity).begin({"trust": 3})
    change(identity.home.folder)
    assert noted(identity) == Note()
    OutsideNote.of_home(identity).begin({"trust": 1})
    assert noted(identity) == Note(sizes={"trust": 1})


def test_nothing_is_left_of_homes_that_are_gone(identity: Identity, place: Path, tmp_path: Path) -> None:
    gone, stays = founded(tmp_path / "gone"), founded(tmp_path / "stays")
    for one in (gone, stays):
        OutsideNote.of_home(one).begin({"trust": 1})
    (place / "others.json").write_text("{}")
    shutil.rmtree(gone.home.folder)
    OutsideNote.of_home(identity).begin({"trust": 1})
    assert noted(stays) == noted(identity) == Note(sizes={"trust": 1})
    assert sorted(path.suffix or path.name for path in place.iterdir()) == [".json", ".json", ".json", "lock"]
    assert (place / "others.json").exists(), "which is none of ours"


def test_a_place_of_somebody_else_is_not_used(identity: Identity, place: Path) -> None:
    place.mkdir(mode=0o755)
    OutsideNote.of_home(identity).begin({"trust": 1})
    assert noted(identity) == Note(sizes={"trust": 1})
    assert not list(place.iterdir())


def test_a_place_that_takes_nothing_says_what_to_do(
    identity: Identity, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(outside_note, "replace_private", full)
    with pytest.raises(StoreDownError, match="no room is left") as refused:
        OutsideNote.of_home(identity).begin({"trust": 1})
    assert str(place) in str(refused.value)
    assert "make room" in refused.value.hint


@pytest.fixture
def on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every place is a folder on a disk, as in a container; the file that says which start of the machine it is."""
    for name in ("_MOUNTS", "_BOOT"):
        (tmp_path / name).write_text("" if name == "_MOUNTS" else "the first start\n")
        monkeypatch.setattr(outside_note, name, tmp_path / name)
    return tmp_path / "_BOOT"


@pytest.mark.threat("an old state")
def test_a_note_on_a_disk_is_nothing_after_the_next_start_of_the_machine(
    identity: Identity, on_a_disk: Path
) -> None:
    OutsideNote.of_home(identity).begin({"trust": 3})
    assert noted(identity).sizes
    on_a_disk.write_text("the next start\n")
    assert noted(identity) == Note()


def test_where_nothing_says_which_start_it_is_nothing_is_noted_outside(
    identity: Identity, place: Path, on_a_disk: Path
) -> None:
    on_a_disk.unlink()
    OutsideNote.of_home(identity).leave({"nl.example": _WHY})
    assert noted(identity) == Note(silent={"nl.example": _WHY}), "as people read it"
    OutsideNote.of_home(identity).begin({"trust": 3})
    assert noted(identity).sizes, "the process remembers"
    assert not list(place.iterdir())


def test_what_is_in_memory_goes_with_the_start_of_the_machine_by_itself(identity: Identity) -> None:
    """A unit with `ProcSubset=pid` and the commands beside it share a note, though one cannot read the number."""
    mounted = [line.split() for line in outside_note._MOUNTS.read_text().splitlines()]
    memory = [Path(line[4]) for line in mounted if line[line.index("-") + 1] == "tmpfs"]
    assert any(outside_note._start(place) == "" for place in memory)
    assert outside_note._start(Path("/proc/self")) not in {"", None}
