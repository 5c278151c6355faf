"""Evidence of forks at different sizes and of trust forks: what is made convicts, and no altered byte is believed."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.errors import KeysError
from keys.trust.members import Member, Members, sign_members
from keys.trust.node_document import sign_node_document
from protocol.encoding import encode_cbor
from protocol.errors import MalformedError, ProofError, ProtocolError, TooLargeError, UntrustedError
from protocol.evidence import Finding, encode_divergence, verify_evidence
from protocol.limits import MAX_EVIDENCE_BYTES, MAX_PROOF_HASHES, MAX_TRUST_EVIDENCE_BYTES
from protocol.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from protocol.tlog.conflict import Conflict, ConflictKind, Divergence, read_conflict
from protocol.tlog.merkle import consistency_proof
from protocol.trustfork import TrustFork, content_pair, verify_trust_fork
from support.logs import LOG_KEY, ORIGIN, WITNESS_KEYS, signed_note, witness_key
from support.trees import leaves, naive_root
from support.trust import NODE, TARGETS_KEYS, node_document, trusted_root

TRUE = leaves(40)
FALSE = [*TRUE[:4], *reversed(leaves(80)[41:])]
"""Another continuation of the first four leaves."""


def opened(hashes: list[bytes], size: int, cosigned: dict[str, int] | None = None) -> SignedCheckpoint:
    note = signed_note(Checkpoint(ORIGIN, size, naive_root(hashes[:size])), cosigned)
    return open_checkpoint(note, origin=ORIGIN, log_keys=[LOG_KEY], witnesses=WITNESS_KEYS)


def divergence(
    small: int, large: int, *, cosigned: tuple[dict[str, int] | None, dict[str, int] | None] = (None, None)
) -> bytes:
    return encode_divergence(
        smaller=opened(TRUE, small, cosigned[0]),
        larger=opened(FALSE, large, cosigned[1]),
        root=naive_root(FALSE[:small]),
        proof=consistency_proof(FALSE, small, large),
    )


def judge(data: bytes) -> Finding:
    return verify_evidence(data, origin=ORIGIN, log_keys=[LOG_KEY], witnesses=WITNESS_KEYS)


SIZES = st.tuples(st.integers(5, 38), st.integers(6, 39)).filter(lambda sizes: sizes[0] < sizes[1])


@given(SIZES)
@settings(max_examples=60, deadline=None)
def test_a_fork_at_two_sizes_convicts_the_log(sizes: tuple[int, int]) -> None:
    finding = judge(divergence(*sizes))
    assert (finding.kind, finding.log_at_fault) == (ConflictKind.DIVERGENCE, True)
    assert (finding.held.checkpoint.size, finding.offered.checkpoint.size) == sizes


@given(SIZES, st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_every_altered_byte_is_refused(sizes: tuple[int, int], at: int, mask: int) -> None:
    data = bytearray(divergence(*sizes))
    data[at % len(data)] ^= mask
    with pytest.raises(ProtocolError):
        judge(bytes(data))


@given(st.integers(1, 39), st.integers(2, 40))
@settings(max_examples=60, deadline=None)
def test_one_history_makes_no_evidence(small: int, large: int) -> None:
    proof = consistency_proof(TRUE, small, large) if small <= large else []
    with pytest.raises(ProofError):
        encode_divergence(
            smaller=opened(TRUE, small),
            larger=opened(TRUE, large),
            root=naive_root(TRUE[:small]),
            proof=proof,
        )


def test_another_root_with_the_proof_of_the_true_one_proves_nothing() -> None:
    """The root at the smaller size is what the accuser says: the proof has to lead from it."""
    with pytest.raises(ProofError):
        encode_divergence(
            smaller=opened(TRUE, 9),
            larger=opened(TRUE, 30),
            root=naive_root(FALSE[:9]),
            proof=consistency_proof(TRUE, 9, 30),
        )


def test_a_head_of_size_zero_diverges_from_nothing() -> None:
    with pytest.raises(ProofError):
        encode_divergence(smaller=opened(TRUE, 0), larger=opened(TRUE, 3), root=b"r" * 32, proof=[])


@pytest.mark.threat("witnesses that collude")
def test_a_witness_of_both_histories_is_at_fault() -> None:
    data = divergence(9, 30, cosigned=({"a": 10, "b": 10}, {"c": 11, "b": 9}))
    assert judge(data).witnesses_at_fault == (witness_key("b"),)


@given(st.binary(max_size=300))
def test_the_readers_are_total(data: bytes) -> None:
    for read in (read_conflict, Divergence.from_bytes, TrustFork.from_bytes):
        with suppress(MalformedError):
            assert read(data).to_bytes() == data


HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=MAX_PROOF_HASHES).map(tuple)


@given(st.binary(max_size=50), st.binary(max_size=50), st.binary(min_size=32, max_size=32), HASHES)
def test_a_divergence_is_read_as_it_was_written(
    one: bytes, other: bytes, root: bytes, proof: tuple[bytes, ...]
) -> None:
    written = Divergence(smaller=one, larger=other, root=root, proof=proof)
    assert read_conflict(written.to_bytes()) == written


def test_the_other_kinds_are_read_by_the_same_reader() -> None:
    fork = Conflict(ConflictKind.FORK, b"one", b"other")
    assert read_conflict(fork.to_bytes()) == fork


ROOT = b"r" * 32


@pytest.mark.parametrize(
    "fields",
    [
        {0: 1, 1: 3, 2: b"", 3: b""},
        {0: 2, 1: 3, 2: b"", 3: b"", 4: ROOT, 5: []},
        {0: 1, 1: 3, 2: b"", 3: b"", 4: ROOT, 5: [], 6: 0},
        {0: 1, 1: 3, 2: "", 3: b"", 4: ROOT, 5: []},
        {0: 1, 1: 3, 2: b"", 3: b"", 4: ROOT[1:], 5: []},
        {0: 1, 1: 3, 2: b"", 3: b"", 4: ROOT, 5: [ROOT[1:]]},
        {0: 1, 1: 3, 2: b"", 3: b"", 4: ROOT, 5: [7]},
        {0: 1, 1: 3, 2: b"", 3: b"", 4: ROOT, 5: [ROOT] * (MAX_PROOF_HASHES + 1)},
        {0: 1, 1: 4, 2: b"", 3: b"", 4: ROOT, 5: []},
    ],
    ids=["short", "version", "more", "text", "root", "hash", "number", "too many hashes", "kind"],
)
def test_no_divergence(fields: dict[int, object]) -> None:
    with pytest.raises(MalformedError):
        read_conflict(encode_cbor(fields))  # type: ignore[arg-type]  # the table is of all values


def test_evidence_is_bounded() -> None:
    big = Divergence(smaller=bytes(MAX_EVIDENCE_BYTES), larger=b"", root=ROOT, proof=()).to_bytes()
    with pytest.raises(TooLargeError):
        read_conflict(big)
    huge = TrustFork(node=NODE, what="node", one=bytes(MAX_TRUST_EVIDENCE_BYTES), other=b"").to_bytes()
    with pytest.raises(TooLargeError):
        TrustFork.from_bytes(huge)


# trust files

SIGNERS = TARGETS_KEYS[:2]
DOCUMENT = node_document()
REGISTER = Members(version=3, k=2, block_cap=9, members=(Member(node=NODE, root_sha256=ROOT, country="FR"),))
ONE = sign_node_document(DOCUMENT, SIGNERS)
OTHER = sign_node_document(replace(DOCUMENT, subsets=(), logs=()), SIGNERS)
REGISTERS = [sign_members(REGISTER, SIGNERS), sign_members(replace(REGISTER, k=1), SIGNERS)]


def trust_fork(one: bytes = ONE, other: bytes = OTHER, *, what: str = "node", node: str = NODE) -> bytes:
    return TrustFork(node=node, what=what, one=one, other=other).to_bytes()


def test_two_documents_of_one_serial_convict_the_node() -> None:
    found = verify_trust_fork(trust_fork(), trusted_root())
    assert (found.node, found.what, found.version) == (NODE, "node", DOCUMENT.serial)


def test_two_registers_of_one_version_convict_the_node() -> None:
    found = verify_trust_fork(trust_fork(*REGISTERS, what="members"), trusted_root())
    assert (found.what, found.version) == ("members", REGISTER.version)


TRUST_FORK = trust_fork()


@given(st.integers(0, len(TRUST_FORK) - 1), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_every_altered_byte_of_a_trust_fork_is_refused(at: int, mask: int) -> None:
    data = bytearray(TRUST_FORK)
    data[at] ^= mask
    with pytest.raises((ProtocolError, KeysError)):
        verify_trust_fork(bytes(data), trusted_root())


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (trust_fork(ONE, ONE), ProofError),
        (trust_fork(ONE, sign_node_document(DOCUMENT, TARGETS_KEYS)), ProofError),
        (trust_fork(ONE, sign_node_document(replace(DOCUMENT, serial=9), SIGNERS)), ProofError),
        (trust_fork(ONE, sign_node_document(replace(DOCUMENT, logs=()), SIGNERS[:1])), KeysError),
        (trust_fork(ONE, REGISTERS[0]), KeysError),
        (trust_fork(what="members"), KeysError),
        (trust_fork(node="other.example"), UntrustedError),
        (trust_fork(node="No Name"), MalformedError),
        (encode_cbor({0: 1, 1: 4, 2: ONE, 3: OTHER, 4: NODE, 5: "root"}), MalformedError),
        (encode_cbor({0: 1, 1: 4, 2: ONE, 3: OTHER, 4: NODE, 5: "node", 6: 0}), MalformedError),
        (b"", MalformedError),
    ],
    ids=[
        "one file twice",
        "signed once more",
        "another serial",
        "too few signatures",
        "a register",
        "called a register",
        "another node",
        "no node",
        "another file",
        "more",
        "nothing",
    ],
)
def test_no_trust_fork(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        verify_trust_fork(data, trusted_root())


def test_a_contradiction_has_one_name_in_either_order() -> None:
    assert content_pair(b"one", b"other") == content_pair(b"other", b"one") != content_pair(b"one", b"one")
