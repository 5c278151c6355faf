"""Backups of the folder of a signer: what is in them, what a restored folder is, and what a drill finds."""

import json
from pathlib import Path

import pytest

from keys.key import LogPrivateKey
from keys.keyfile import KdfProfile
from keys.roles import Role
from node.backup.signer import create_signer_backup, drill_signer, restore_signer
from node.clock import SystemClock, system_entropy
from node.errors import AlreadyExistsError, NotInitialisedError, VerificationError
from node.signing.log_signer import FolderLogSigner
from node.signing.process.restore_mark import RestoreMark
from node.signing.process.service import LOGS, STAMPS
from protocol.tlog.merkle import leaf_hash
from support.signer_process import LIST, SignedNode

CHEAP = KdfProfile(1, 64, 1)
SECRET = b"made-up words"


@pytest.fixture
def node(tmp_path: Path) -> SignedNode:
    """A signer's folder with one log that was signed; the process does not run."""
    made = SignedNode(tmp_path / "s")
    keys = FolderLogSigner(made.folder / LOGS, lambda _: [made.keys.key(LogPrivateKey, "lists-main-1")])
    keys.sign(LIST, start=0, leaf_hashes=[leaf_hash(b"one"), leaf_hash(b"two")])
    return made


def backup(node: SignedNode) -> Path:
    made = create_signer_backup(
        node.folder,
        node.folder.with_name("backup"),
        passphrase=SECRET,
        profile=CHEAP,
        clock=SystemClock(),
        entropy=system_entropy,
    )
    return made.path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.json")}


def test_a_restored_folder_is_what_was_there_marked_and_ahead(node: SignedNode) -> None:
    new = node.folder.with_name("new")
    restore_signer(backup(node), SECRET, new)
    before, after = contents(node.folder), contents(new)
    assert after.keys() - before.keys() == {"restored.json"}
    assert {name for name in before if after[name] != before[name]} == {STAMPS}
    old, ahead = json.loads(before[STAMPS]), json.loads(after[STAMPS])
    assert {name for name in old if old[name] != ahead[name]} == {"snapshot", "timestamp", "named", "sha256"}
    assert (ahead["snapshot"], ahead["timestamp"]) == (old["snapshot"] + 1000, old["timestamp"] + 1000)
    assert RestoreMark(new).is_set
    assert not (new / "passphrase").exists()
    assert (new / "signer.toml").read_text() == (node.folder / "signer.toml").read_text()
    assert all(path.stat().st_mode & 0o077 == 0 for path in new.rglob("*"))


def test_no_secret_is_in_the_clear(node: SignedNode) -> None:
    data = backup(node).read_bytes()
    assert LIST.encode() not in data
    assert b"correct horse" not in data


def test_a_key_that_was_destroyed_meanwhile_is_left_out(node: SignedNode) -> None:
    """Destroying a key overwrites its file before it goes."""
    gone = node.folder / "keys/auth-1.json"
    gone.write_bytes(bytes(gone.stat().st_size))
    new = node.folder.with_name("new")
    restore_signer(backup(node), SECRET, new)
    assert contents(node.folder).keys() - contents(new).keys() == {"keys/auth-1.json"}


def test_it_goes_into_an_empty_folder_and_from_a_signers_alone(node: SignedNode, tmp_path: Path) -> None:
    made = backup(node)
    with pytest.raises(AlreadyExistsError):
        restore_signer(made, SECRET, node.folder)
    with pytest.raises(VerificationError):
        restore_signer(made, b"other words", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(NotInitialisedError):
        create_signer_backup(
            tmp_path,
            tmp_path / "b",
            passphrase=SECRET,
            profile=CHEAP,
            clock=SystemClock(),
            entropy=system_entropy,
        )


def drill(node: SignedNode) -> dict[str, bool]:
    tried = drill_signer(backup(node), SECRET, scratch=None, entropy=system_entropy)
    return {one.what: one.good for one in tried}


GOOD = {"keys": True, "logs": True, "witness": True, "trust files": True}


def test_a_drill_tries_everything_and_changes_nothing(node: SignedNode) -> None:
    before = contents(node.folder)
    assert drill(node) == GOOD
    assert contents(node.folder) == before


@pytest.mark.parametrize(
    ("place", "spoilt", "what"),
    [
        ("keys/auth-1.json", b"{}", "keys"),
        ("logs/*.json", b"{}", "logs"),
        ("stamps.json", b"{}", "trust files"),
    ],
)
def test_a_drill_finds_what_cannot_be_used(node: SignedNode, place: str, spoilt: bytes, what: str) -> None:
    (path,) = node.folder.glob(place)
    path.write_bytes(spoilt)
    assert drill(node) == {**GOOD, what: False}


def test_a_drill_finds_a_state_that_contradicts_its_note(node: SignedNode) -> None:
    (path,) = node.folder.glob("logs/*.json")
    fields = json.loads(path.read_bytes())
    fields["range"] = fields["before"]
    path.write_text(json.dumps(fields))
    assert drill(node) == {**GOOD, "logs": False}


def test_labels_of_before_are_those_of_the_backup(node: SignedNode) -> None:
    new = node.folder.with_name("new")
    restore_signer(backup(node), SECRET, new)
    said = json.loads((new / "restored.json").read_bytes())["tokens"].split(" ")
    assert set(said) == {label for role, label in node.keys.secrets if role is Role.TOKEN}
