"""The log signer appends; it cannot be made to fork or to go back."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keys.key import LogPrivateKey
from node.errors import ConflictError, StoreError
from node.signing.log_signer import FolderLogSigner
from protocol.tlog.checkpoint import open_checkpoint
from protocol.tlog.merkle import CompactRange, consistency_proof, leaf_hash, root_of
from protocol.tlog.note import VerifierKey

ORIGIN = "fr.example/lists/csam"
KEY = LogPrivateKey.from_seed(bytes(32))
LEAVES = [leaf_hash(bytes([number])) for number in range(10)]


@pytest.fixture
def signer(tmp_path: Path) -> FolderLogSigner:
    return FolderLogSigner(tmp_path / "signer", lambda _: [KEY])


def opened(note: bytes) -> tuple[int, bytes]:
    keys = [VerifierKey.of_log(ORIGIN, KEY.public)]
    checkpoint = open_checkpoint(note, origin=ORIGIN, log_keys=keys).checkpoint
    return checkpoint.size, checkpoint.root


def test_it_computes_the_root_itself(signer: FolderLogSigner) -> None:
    assert opened(signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES[:3])) == (3, root_of(LEAVES[:3]))
    assert opened(signer.sign(ORIGIN, start=3, leaf_hashes=LEAVES[3:])) == (10, root_of(LEAVES))
    assert signer.size(ORIGIN) == 10


def test_an_empty_log_can_be_signed(signer: FolderLogSigner) -> None:
    note = signer.sign(ORIGIN, start=0, leaf_hashes=[])
    assert opened(note) == (0, root_of([]))
    assert signer.sign(ORIGIN, start=0, leaf_hashes=[]) == note


def test_the_last_batch_again_gives_the_same_note(signer: FolderLogSigner, tmp_path: Path) -> None:
    signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES[:3])
    note = signer.sign(ORIGIN, start=3, leaf_hashes=LEAVES[3:5])
    again = FolderLogSigner(tmp_path / "signer", lambda _: [KEY])
    assert again.sign(ORIGIN, start=3, leaf_hashes=LEAVES[3:5]) == note


def test_the_last_head_is_signed_again_by_the_keys_that_sign_now(tmp_path: Path) -> None:
    keys = [KEY]
    signer = FolderLogSigner(tmp_path / "signer", lambda _: keys)
    assert signer.renew(ORIGIN) == b""
    signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES[:3])
    keys[:] = [LogPrivateKey.from_seed(b"n" * 32)]
    note = signer.renew(ORIGIN)
    known = [VerifierKey.of_log(ORIGIN, keys[0].public)]
    assert open_checkpoint(note, origin=ORIGIN, log_keys=known).checkpoint.size == 3
    assert signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES[:3]) == note, (
        "a publication cut off is finished with it"
    )


@pytest.mark.threat("a stolen online key")
@pytest.mark.parametrize(
    ("start", "leaves"),
    [
        pytest.param(0, LEAVES[:1], id="a second first batch"),
        pytest.param(3, [LEAVES[9], LEAVES[8]], id="other entries at the same size"),
        pytest.param(3, LEAVES[3:4], id="a smaller head"),
        pytest.param(4, [LEAVES[9]], id="another last entry"),
        pytest.param(0, LEAVES[:5], id="all of it as one batch"),
        pytest.param(6, LEAVES[6:], id="with a gap"),
        pytest.param(5, [], id="nothing to sign"),
        pytest.param(0, [], id="an empty log again"),
    ],
)
def test_refused(signer: FolderLogSigner, start: int, leaves: list[bytes]) -> None:
    signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES[:3])
    signer.sign(ORIGIN, start=3, leaf_hashes=LEAVES[3:5])
    if (start, leaves) == (5, []):
        assert opened(signer.sign(ORIGIN, start=start, leaf_hashes=leaves))[0] == 5
        return
    with pytest.raises(ConflictError):
        signer.sign(ORIGIN, start=start, leaf_hashes=leaves)
    assert signer.size(ORIGIN) == 5


@pytest.mark.threat("a stolen online key")
@pytest.mark.parametrize("damage", ['{"origin": "nl.example/lists/x"}', "{}", "[]", "{"], ids=repr)
def test_damaged_state_is_never_started_over(signer: FolderLogSigner, tmp_path: Path, damage: str) -> None:
    signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES)
    (state,) = (tmp_path / "signer").glob("*.json")
    state.write_text(damage)
    with pytest.raises(StoreError):
        signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES)


def test_two_signers_at_once_sign_one_history(tmp_path: Path) -> None:
    """Two processes ask for different entries at one size: without a lock both were signed, which is a fork."""
    started = threading.Barrier(2)

    def slow_keys(_: str) -> list[LogPrivateKey]:
        time.sleep(0.05)
        return [KEY]

    def sign(leaf: bytes) -> str:
        signer = FolderLogSigner(tmp_path / "signer", slow_keys)
        started.wait()
        try:
            signer.sign(ORIGIN, start=0, leaf_hashes=[leaf])
        except ConflictError:
            return "refused"
        return "signed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(sign, LEAVES[:2])) == ["refused", "signed"]


@pytest.mark.parametrize("name", ["range", "before", "start", "note"])
def test_a_state_without_a_field_is_named(signer: FolderLogSigner, tmp_path: Path, name: str) -> None:
    signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES[:3])
    (path,) = (tmp_path / "signer").glob("*.json")
    fields = json.loads(path.read_bytes())
    del fields[name]
    path.write_text(json.dumps(fields))
    with pytest.raises(StoreError, match="damaged"):
        signer.sign(ORIGIN, start=3, leaf_hashes=LEAVES[3:])


def grown(leaves: list[bytes]) -> bytes:
    tree = CompactRange()
    tree.extend(leaves)
    return tree.to_bytes()


def test_it_goes_on_from_a_head_that_others_kept(signer: FolderLogSigner, tmp_path: Path) -> None:
    other = FolderLogSigner(tmp_path / "other", lambda _: [KEY])
    note = other.sign(ORIGIN, start=0, leaf_hashes=LEAVES[:5])
    signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES[:3])
    for _ in range(2):
        signer.resume(ORIGIN, frontier=grown(LEAVES[:5]), proof=consistency_proof(LEAVES, 3, 5), note=note)
    assert signer.sign(ORIGIN, start=5, leaf_hashes=[]) == note
    assert opened(signer.sign(ORIGIN, start=5, leaf_hashes=LEAVES[5:7])) == (7, root_of(LEAVES[:7]))


FORK = [*LEAVES[:2], *LEAVES[5:]]


@pytest.mark.parametrize(
    ("leaves", "proof"),
    [
        pytest.param(LEAVES[:2], [], id="an older head"),
        pytest.param(LEAVES[7:10], [], id="another history of that size"),
        pytest.param(FORK[:5], consistency_proof(FORK, 3, 5), id="a longer history beside it"),
        pytest.param(FORK[:5], consistency_proof(LEAVES, 3, 5), id="that with the proof of this one"),
        pytest.param(LEAVES[:5], [], id="no proof"),
        pytest.param(LEAVES[:5], consistency_proof(LEAVES, 2, 5), id="the proof from elsewhere"),
    ],
)
def test_it_goes_on_from_no_head_that_does_not_follow(
    signer: FolderLogSigner, leaves: list[bytes], proof: list[bytes]
) -> None:
    note = signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES[:3])
    with pytest.raises(ConflictError):
        signer.resume(ORIGIN, frontier=grown(leaves), proof=proof, note=b"")
    assert signer.sign(ORIGIN, start=3, leaf_hashes=[]) == note
    assert signer.ls() == [(ORIGIN, 3)]


def test_a_log_that_was_given_up_goes_on_only_behind_what_was_lost(signer: FolderLogSigner) -> None:
    signer.give_up(ORIGIN, size=7)
    with pytest.raises(ConflictError, match="never signed again"):
        signer.resume(ORIGIN, frontier=grown(LEAVES[:5]), proof=[], note=b"")
    signer.resume(ORIGIN, frontier=grown(LEAVES[:7]), proof=[], note=b"")
    assert signer.size(ORIGIN) == 7
    assert signer.states.lost_at(ORIGIN) is None


@pytest.mark.parametrize("signed", [0, 3])
def test_a_log_that_was_given_up_is_never_signed_again(signer: FolderLogSigner, signed: int) -> None:
    if signed:
        signer.sign(ORIGIN, start=0, leaf_hashes=LEAVES[:signed])
    signer.give_up(ORIGIN, size=7)
    assert signer.states.lost_at(ORIGIN) == 7
    assert signer.size(ORIGIN) == signed
    for start, leaves in ((signed, LEAVES[signed:5]), (signed, []), (7, LEAVES[7:])):
        with pytest.raises(ConflictError, match="never signed again"):
            signer.sign(ORIGIN, start=start, leaf_hashes=leaves)
    with pytest.raises(ConflictError, match="never signed again"):
        signer.renew(ORIGIN)
