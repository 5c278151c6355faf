"""A medium that somebody prepared: nothing outside of it is read or written, and nothing on it is endless."""

import os
from pathlib import Path

import pytest

from node.errors import InputRefusedError, MissingObjectError, StoreError
from node.objects.medium import MAX_FILE_BYTES, MediumObjects


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "stick"
    made.mkdir()
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file of this machine that is no business of a medium."""
    made = tmp_path / "home" / "checkpoint"
    made.parent.mkdir()
    made.write_bytes(b"mine")
    return made


def test_plain_files_are_read_and_written(folder: Path) -> None:
    medium = MediumObjects(folder)
    medium.put("lists/main/checkpoint", b"a note")
    assert medium.get("lists/main/checkpoint") == b"a note"
    for name in ("lists/main/other", "lists/main/checkpoint/below"):
        with pytest.raises(MissingObjectError):
            medium.get(name)
    with pytest.raises(StoreError):
        medium.get("../home/checkpoint")


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    """The operator names it: /media/stick is often one."""
    link = tmp_path / "link"
    link.symlink_to(folder)
    MediumObjects(link).put("transfer.json", b"{}")
    assert MediumObjects(link).get("transfer.json") == b"{}"


@pytest.mark.threat("a medium lost or altered")
@pytest.mark.parametrize("name", ["lists/main/checkpoint", "lists/checkpoint"], ids=["the file", "a folder"])
def test_no_link_leads_out_of_it(folder: Path, outside: Path, name: str) -> None:
    (folder / "lists" / "main").mkdir(parents=True)
    (folder / "lists" / "main" / "checkpoint").symlink_to(outside)
    (folder / "trust").symlink_to(outside.parent)
    (folder / "lists" / "checkpoint").symlink_to(outside)
    medium = MediumObjects(folder)
    for place in (name, "trust/checkpoint"):
        with pytest.raises(InputRefusedError):
            medium.get(place)
        with pytest.raises(InputRefusedError):
            medium.put(place, b"theirs")
    assert outside.read_bytes() == b"mine"


def test_nothing_endless_is_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with (folder / "huge").open("wb") as stream:
        stream.truncate(MAX_FILE_BYTES + 1)
    (folder / "a-folder").mkdir()
    medium = MediumObjects(folder)
    for name in ("pipe", "huge", "a-folder"):
        with pytest.raises(InputRefusedError):
            medium.get(name)
