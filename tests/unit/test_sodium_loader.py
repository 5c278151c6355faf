"""Loading libsodium: the system's, the carried one, and what is refused."""

import ctypes
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from node import sodium
from node.errors import LibraryError
from protocol.errors import OprfError
from support.sodium import loaded_group

ONE = (1).to_bytes(32, "little")


@pytest.fixture
def no_system_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sodium, "_NAMES", {})
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)


def test_carried_library_computes_the_same(tmp_path: Path) -> None:
    group = sodium.load_carried(cache=tmp_path / "cache")
    assert group.multiply_base(ONE) == loaded_group().multiply_base(ONE)


def test_carried_library_is_private_and_written_once(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    sodium.load_carried(cache=cache)
    [file] = cache.iterdir()
    before = file.stat()
    sodium.load_carried(cache=cache)
    assert [file] == list(cache.iterdir())
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert before.st_mode & 0o777 == 0o600


def test_rbcl_itself_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sodium.load_carried(cache=tmp_path / "cache")
    assert not [name for name in sys.modules if name.split(".")[0] == "rbcl"]
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_damaged_file_is_written_again(tmp_path: Path) -> None:
    sodium.load_carried(cache=tmp_path)
    [file] = tmp_path.iterdir()
    good = file.read_bytes()
    other = tmp_path / "moved"
    file.rename(other)  # the loaded file itself must stay as it is
    file.write_bytes(good[:-1] + b"?")
    sodium.load_carried(cache=tmp_path)
    assert file.read_bytes() == good


@pytest.mark.usefixtures("no_system_library")
def test_falls_back_to_the_carried_library(tmp_path: Path) -> None:
    sodium.load_group(cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_prefers_the_system_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = tmp_path / "carried"
    sodium.load_carried(cache=carried)
    [file] = carried.iterdir()
    monkeypatch.setattr(sodium, "_NAMES", {sys.platform: ("libnothere.so.0", str(file))})
    sodium.load_group(cache=tmp_path / "unused")
    assert not (tmp_path / "unused").exists()


def test_asks_the_system_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sodium.load_carried(cache=tmp_path)
    [file] = tmp_path.iterdir()
    monkeypatch.setattr(sodium, "_NAMES", {})
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: str(file))
    sodium.load_group(cache=tmp_path / "unused")
    assert not (tmp_path / "unused").exists()


def test_a_library_without_the_group_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sodium, "_NAMES", {sys.platform: (ctypes.util.find_library("c") or "libc.so.6",)})
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    sodium.load_group(cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_library_that_cannot_start_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        """libsodium whose `sodium_init` fails."""

        def sodium_init(self) -> int:
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    with pytest.raises(LibraryError, match="self-test"):
        sodium.load_carried(cache=tmp_path)


def test_a_wrong_library_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sodium, "_OUTPUT", bytes(64))
    with pytest.raises(OprfError, match="RFC 9497"):
        sodium.check_group(loaded_group())
    with pytest.raises(LibraryError, match="self-test"):
        sodium.load_carried(cache=tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="permission bits")
def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    with pytest.raises(LibraryError, match="others can write"):
        sodium.load_carried(cache=tmp_path)


def test_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sodium, "find_spec", lambda name: None)
    with pytest.raises(LibraryError, match="not installed") as caught:
        sodium.load_carried(cache=tmp_path)
    assert "libsodium23" in caught.value.hint


@pytest.mark.parametrize("text", [None, "sodium_bs = load('libsodium')"], ids=["no-file", "other-form"])
def test_unknown_form_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "_sodium.py").write_text(text)
    spec = ModuleSpec("rbcl", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(sodium, "find_spec", lambda name: spec)
    with pytest.raises(LibraryError, match="does not carry"):
        sodium.load_carried(cache=tmp_path / "cache")


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(LibraryError, match="no space"):
        sodium.load_carried(cache=tmp_path)
    assert list(tmp_path.iterdir()) == []
