import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedError, ProofError, ProtocolError
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint
from protocol.tlog.conflict import Conflict, ConflictKind
from protocol.tlog.merkle import (
    CompactRange,
    consistency_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from protocol.tlog.note import Note, NoteSignature, VerifierKey
from protocol.tlog.policy import parse_policy
from protocol.tlog.proof import TlogProof
from protocol.tlog.tiles import parse_entries_path, parse_tile_path
from support.logs import LOG_KEY, ORIGIN, WITNESS_KEYS, head, signed_note
from support.trees import inclusion_proof, leaves

LEAVES = leaves(600)
HASHES = st.binary(min_size=32, max_size=32)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="+"), min_size=1, max_size=20
)
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
TEXTS = st.lists(LINES, min_size=1, max_size=4).map(lambda lines: "".join(f"{line}\n" for line in lines))
SIGNATURES = st.builds(
    NoteSignature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)
)
CHECKPOINTS = st.builds(Checkpoint, NAMES, st.integers(1, 2**48), HASHES)
SIZES = st.integers(1, len(LEAVES))


@given(st.lists(st.integers(0, 40), max_size=12))
def test_frontier_grows_alike_in_any_portions(portions: list[int]) -> None:
    tree = CompactRange()
    for portion in portions:
        tree = CompactRange.from_bytes(tree.to_bytes())
        tree.extend(LEAVES[tree.size : tree.size + portion])
    assert tree.root() == root_of(LEAVES[: tree.size])


@given(
    st.binary(max_size=8 + 32 * 3)
    | st.integers(0, 7).map(lambda n: n.to_bytes(8, "big") + b"h" * 32 * n.bit_count())
)
def test_frontier_has_one_encoding(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert CompactRange.from_bytes(data).to_bytes() == data


@given(SIZES, st.data())
def test_proofs_hold_for_their_leaf_and_sizes_only(size: int, data: st.DataObject) -> None:
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    root, proof = root_of(LEAVES[:size]), inclusion_proof(LEAVES, index, size)
    verify_inclusion(index=index, size=size, leaf=LEAVES[index], proof=proof, root=root)
    if other != index:
        with pytest.raises(ProofError):
            verify_inclusion(index=other, size=size, leaf=LEAVES[index], proof=proof, root=root)
    old = index + 1
    old_root, steps = root_of(LEAVES[:old]), consistency_proof(LEAVES, old, size)
    verify_consistency(old_size=old, old_root=old_root, new_size=size, new_root=root, proof=steps)


@given(
    st.integers(-1, 2**48),
    st.integers(-1, 2**48),
    HASHES,
    HASHES,
    st.lists(HASHES | st.binary(max_size=33), max_size=60),
)
def test_made_up_proofs_only_fail_as_proofs(
    a: int, b: int, one: bytes, two: bytes, proof: list[bytes]
) -> None:
    with pytest.raises(ProofError):
        verify_inclusion(index=a, size=b, leaf=one, proof=[*proof, two], root=two)
    with pytest.raises(ProofError):
        verify_consistency(old_size=a, old_root=one, new_size=b + 1, new_root=two, proof=[*proof, two])


@given(TEXTS, st.lists(SIGNATURES, min_size=1, max_size=4))
def test_notes_round_trip(text: str, signatures: list[NoteSignature]) -> None:
    note = Note(text, tuple(signatures))
    assert Note.parse(note.to_bytes()) == note


@given(CHECKPOINTS)
def test_checkpoints_round_trip(checkpoint: Checkpoint) -> None:
    assert Checkpoint.from_text(checkpoint.text()) == checkpoint


@given(st.sampled_from([ConflictKind.FORK, ConflictKind.ROLLBACK]), st.binary(), st.binary())
def test_conflicts_round_trip(kind: ConflictKind, held: bytes, offered: bytes) -> None:
    conflict = Conflict(kind, held, offered)
    assert Conflict.from_bytes(conflict.to_bytes()) == conflict


@given(st.integers(0, 2**48), st.lists(HASHES, max_size=5), st.binary(), st.none() | st.binary(max_size=40))
def test_proofs_round_trip(index: int, hashes: list[bytes], note: bytes, extra: bytes | None) -> None:
    proof = TlogProof(index, tuple(hashes), note, extra)
    assert TlogProof.from_bytes(proof.to_bytes()) == proof


GOOD_NOTE = signed_note(head(7), {"a": 1})
SEEDS = [
    GOOD_NOTE,
    LOG_KEY.to_text().encode(),
    head(7).text().encode(),
    TlogProof(5, (b"h" * 32,), GOOD_NOTE, b"x").to_bytes(),
    Conflict(ConflictKind.FORK, GOOD_NOTE, GOOD_NOTE).to_bytes(),
    f"log {LOG_KEY.to_text()}\nwitness a {WITNESS_KEYS[0].to_text()}\ngroup g 1 a\nquorum g\n".encode(),
    b"tile/0/x001/x234/067.p/12",
    b"tile/entries/x001/000",
]


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A genuine document with a slice of it replaced; or anything."""
    seed = draw(st.sampled_from(SEEDS))
    begin = draw(st.integers(0, len(seed)))
    end = draw(st.integers(begin, min(len(seed), begin + 8)))
    return seed[:begin] + draw(st.binary(max_size=8)) + seed[end:]


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


CANONICAL: list[Callable[[bytes], bytes]] = [
    lambda data: Note.parse(data).to_bytes(),
    lambda data: TlogProof.from_bytes(data).to_bytes(),
    lambda data: Conflict.from_bytes(data).to_bytes(),
    lambda data: Checkpoint.from_text(text_of(data)).text().encode(),
    lambda data: VerifierKey.from_text(text_of(data)).to_text().encode(),
]
TOTAL: list[Callable[[bytes], object]] = [
    parse_policy,
    lambda data: open_checkpoint(data, origin=ORIGIN, log_keys=[LOG_KEY], witnesses=WITNESS_KEYS),
    lambda data: parse_tile_path(text_of(data)),
    lambda data: parse_entries_path(text_of(data)),
]


@given(mangled() | st.binary(max_size=80))
def test_readers_are_total_and_accept_one_encoding(data: bytes) -> None:
    for reencode in CANONICAL:
        with contextlib.suppress(MalformedError):
            assert reencode(data) == data
    for read in TOTAL:
        with contextlib.suppress(ProtocolError):
            read(data)


@given(st.integers(0, len(GOOD_NOTE) - 1), st.integers(1, 255))
def test_a_changed_byte_never_changes_what_is_trusted(at: int, flip: int) -> None:
    changed = GOOD_NOTE[:at] + bytes([GOOD_NOTE[at] ^ flip]) + GOOD_NOTE[at + 1 :]
    with contextlib.suppress(ProtocolError):
        opened = open_checkpoint(changed, origin=ORIGIN, log_keys=[LOG_KEY], witnesses=WITNESS_KEYS)
        assert opened.checkpoint == head(7)
        assert opened.signers == (LOG_KEY,)
