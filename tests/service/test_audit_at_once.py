"""Records by several writers at once, and by writers that die; on both databases."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keys.key import LogPrivateKey
from node.audit.log import audit_log, new_record, record, sign_waiting, start_audit
from node.audit.reader import count_unsigned, read_audit
from node.signing.log_signer import FolderLogSigner
from node.store.store import Store
from protocol.audit import audit_origin
from protocol.tlog.checkpoint import open_checkpoint
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.note import VerifierKey
from support.dying import kill_at
from support.stores import NOW_MS

pytestmark = pytest.mark.both_databases

NODE = "fr.example"
ORIGIN = audit_origin(NODE)
KEY = LogPrivateKey.from_seed(b"k" * 32)


def signer(folder: Path) -> FolderLogSigner:
    return FolderLogSigner(folder / "signer", lambda _: [KEY])


def tell(store: Store, folder: Path, subject: str) -> None:
    made = new_record(store, actor="node", action="node.run", subject=subject, now_ms=NOW_MS)
    record(store, signer(folder), made)


def check_whole(store: Store, folder: Path) -> list[str]:
    """The log is what its head says, signed and read; gives its subjects."""
    with store.read() as unit:
        log = audit_log(unit)
    assert log is not None
    assert log.note is not None
    assert log.pending is None
    items = list(read_audit(store))
    tree = CompactRange()
    tree.extend([leaf_hash(item.record.to_bytes()) for item in items])
    keys = [VerifierKey.of_log(ORIGIN, KEY.public)]
    head = open_checkpoint(log.note, origin=ORIGIN, log_keys=keys, witnesses=()).checkpoint
    assert (head.size, head.root) == (tree.size, tree.root())
    assert signer(folder).size(ORIGIN) == head.size
    assert count_unsigned(store) == 0
    return [item.record.subject for item in items]


def test_writers_at_once_make_one_history(store: Store, tmp_path: Path) -> None:
    start_audit(store, NODE)
    told = [f"{writer} {number}" for writer in range(8) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda subject: tell(store, tmp_path, subject), told))
    assert sorted(check_whole(store, tmp_path)) == sorted(told)


@pytest.mark.parametrize("place", ["claim", "objects", "before-sign", "sign", "settle"])
def test_a_record_of_a_process_that_died_is_kept(store: Store, dsn: str, tmp_path: Path, place: str) -> None:
    start_audit(store, NODE)
    tell(store, tmp_path, "before")
    kill_at(tmp_path, dsn, "audit", place)
    sign_waiting(store, signer(tmp_path), now_ms=NOW_MS)
    assert check_whole(store, tmp_path) == ["before", "dying"]
    tell(store, tmp_path, "after")
    assert check_whole(store, tmp_path) == ["before", "dying", "after"]
