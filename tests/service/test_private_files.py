"""Private files: whole or not at all, never overwritten, refused when others could read or swap them."""

import errno
import json
import os
import tracemalloc
from pathlib import Path
from typing import ClassVar

import pytest

from keys.key import AuthPrivateKey
from node.errors import AlreadyExistsError, ConfigError, NotFoundError
from node.files import (
    MAX_PRIVATE_BYTES,
    create_key,
    create_private,
    decode_state,
    encode_state,
    locked,
    new_file,
    read_private,
    remove_private,
    replace_private,
    sum_path,
    verify_key,
)
from node.hoster.folder import PartnerFolder
from node.objects.folder import FolderObjects


@pytest.mark.threat("a stolen partner's machine")
def test_created_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "a.json"
    create_private(path, b"first")
    assert read_private(path) == b"first"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(AlreadyExistsError):
        create_private(path, b"second")
    assert read_private(path) == b"first"
    assert os.listdir(path.parent) == ["a.json"]  # noqa: PTH208 - names are what is compared


def test_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    replace_private(path, b"one")
    replace_private(path, b"two")
    assert read_private(path) == b"two"
    assert [found.name for found in tmp_path.iterdir()] == ["state"]


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_private(tmp_path / "nothing")


def link(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to(path.with_name("real"))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def grow(path: Path) -> None:
    path.write_bytes(bytes(MAX_PRIVATE_BYTES + 1))


@pytest.mark.parametrize(
    "spoil",
    [link, folder, grow, lambda path: path.chmod(0o640), lambda path: path.chmod(0o604)],
    ids=["a link", "a folder", "too large", "group may read", "world may read"],
)
def test_refused(tmp_path: Path, spoil: object) -> None:
    assert callable(spoil)
    path = tmp_path / "key"
    create_private(path, b"secret")
    spoil(path)
    with pytest.raises(ConfigError) as refused:
        read_private(path)
    assert str(path) in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away: run the tests as root")
def test_of_another_owner(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_private(path, b"secret")
    os.chown(path, 12345, 12345)
    with pytest.raises(ConfigError, match="another user"):
        read_private(path)


def test_folders_are_the_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_private(tmp_path / "home" / "keys" / "offline" / "root-1.json", b"{}")
        FolderObjects(tmp_path / "objects").put("logs/a/tile/0/000", b"")
        with locked(tmp_path / "signer" / "a.lock"):
            pass
    finally:
        os.umask(before)
    assert [path for path in tmp_path.rglob("*") if path.stat().st_mode & 0o077] == []


def test_a_full_disk_leaves_no_half_written_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            create_private(tmp_path / "a.json", b"secret")
    assert list(tmp_path.iterdir()) == []


def _without_links(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """FAT has no hard links, and shows every file to everybody."""

    def no_links(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", no_links)


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_a_medium_that_keeps_no_owners_is_named_as_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    _without_links(monkeypatch, number)
    with pytest.raises(ConfigError, match="without owners and links") as caught:
        create_private(tmp_path / "key.json", b"secret")
    assert "ext4" in caught.value.hint
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_such_a_medium_takes_what_is_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    _without_links(monkeypatch, number)
    named = tmp_path / "named"
    with new_file(named) as file:
        file.write(b"first")
    with pytest.raises(AlreadyExistsError), new_file(named):
        pass
    other = tmp_path / "other"
    with pytest.raises(AlreadyExistsError), new_file(other):
        other.write_bytes(b"made meanwhile")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "named": b"first",
        "other": b"made meanwhile",
    }


class TestStates:
    """State files that carry their SHA-256."""

    FIELDS: ClassVar[dict[str, object]] = {"v": 1, "note": "x", "size": 7, "keys": ["a", "b"], "none": None}

    def test_give_back_what_they_were_given(self) -> None:
        assert decode_state(encode_state(self.FIELDS)) == self.FIELDS
        assert decode_state(json.dumps(self.FIELDS).encode()) == self.FIELDS, "of earlier versions"

    @pytest.mark.parametrize("bit", [1, 2, 16, 128])
    def test_no_byte_can_be_altered(self, bit: int) -> None:
        data = encode_state(self.FIELDS)
        for at in range(len(data)):
            with pytest.raises(ValueError):  # noqa: PT011 - of JSON, of its text or of its SHA-256
                decode_state(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])

    @pytest.mark.parametrize("data", [b"[]", b"7", b"", b"{"])
    def test_nothing_else_is_one(self, data: bytes) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - of JSON, of its text or of its SHA-256
            decode_state(data)

    def test_a_key_is_known_by_its_hash(self, tmp_path: Path) -> None:
        key = tmp_path / "k" / "a.key"
        create_key(key, b"k" * 32)
        assert verify_key(key) == ""
        key.write_bytes(b"j" * 32)
        assert verify_key(key) == "it is not what a.key.sha256 says"
        sum_path(key).unlink()
        assert verify_key(key) is None


@pytest.mark.parametrize(
    "kill", ["before the sum of the next key", "between the key and its sum", "not at all"]
)
def test_a_renewal_that_was_killed_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: str
) -> None:
    """Whichever of key and SHA-256 was written last, the other one is not that of another key."""
    folder = PartnerFolder(tmp_path / "partner")
    folder.pending_key(AuthPrivateKey.from_seed(b"a" * 32))
    folder.next_key(AuthPrivateKey.from_seed(b"b" * 32))
    key, following = folder.folder / "auth.key", folder.folder / "auth.next.key"
    if kill == "before the sum of the next key":
        sum_path(following).unlink()
        folder.renew_key()
    elif kill == "between the key and its sum":
        replace, left = Path.replace, iter([1])

        def dying(path: Path, target: Path) -> Path:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            folder.renew_key()
    else:
        folder.renew_key()
        assert verify_key(key) == ""
    assert folder.key().seed == b"b" * 32
    assert not verify_key(key)


def test_all_of_a_large_file_is_overwritten_before_it_goes_a_block_at_a_time(tmp_path: Path) -> None:
    """A moved database has gigabytes; one write takes two of them at most."""
    path, other = tmp_path / "large", tmp_path / "another name of it"
    size = 40 * 2**20 + 7
    path.write_bytes(b"x" * size)
    other.hardlink_to(path)
    tracemalloc.start()
    remove_private(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (path.exists(), other.read_bytes().strip(b"\0"), other.stat().st_size) == (False, b"", size)
    assert peak < 4 * 2**20
