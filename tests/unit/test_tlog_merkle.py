import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.errors import MalformedError, ProofError
from protocol.tlog.merkle import (
    EMPTY_ROOT,
    CompactRange,
    consistency_proof,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from support.trees import inclusion_proof, leaves, naive_path, naive_proof, naive_root

ALL = 34  # all trees up to this size: two levels past a power of two on either side
LEAVES = leaves(ALL)
ROOTS = [naive_root(LEAVES[:n]) for n in range(ALL + 1)]


def flips(value: bytes) -> Iterator[bytes]:
    number = int.from_bytes(value, "big")
    return ((number ^ 1 << bit).to_bytes(len(value), "big") for bit in range(8 * len(value)))


def test_roots_of_the_reference_implementations() -> None:
    path = Path(__file__).parents[1] / "vectors" / "rfc6962_roots.json"
    vectors = json.loads(path.read_text("utf-8"))
    hashes = [leaf_hash(bytes.fromhex(text)) for text in vectors["leaves"]]
    assert [root_of(hashes[:n]).hex() for n in range(len(hashes) + 1)] == vectors["roots"]


def test_leaf_and_node_are_separate_domains() -> None:
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"\x01" * 65) != node_hash(b"\x01" * 32, b"\x01" * 32)


@pytest.mark.parametrize("size", range(ALL + 1))
def test_root_is_the_naive_one_however_leaves_arrive(size: int) -> None:
    one_by_one = CompactRange()
    for leaf in LEAVES[:size]:
        one_by_one.append(leaf)
    assert one_by_one.size == size
    assert one_by_one.root() == root_of(LEAVES[:size]) == root_of(iter(LEAVES[:size])) == ROOTS[size]
    for cut in range(size + 1):
        two = CompactRange()
        two.extend(LEAVES[:cut])
        assert two.root() == ROOTS[cut]
        two.extend(LEAVES[cut:size])
        assert (two.size, two.root()) == (size, ROOTS[size])


def test_extend_crosses_its_own_chunks() -> None:
    many = leaves(10_001)
    tree = CompactRange()
    tree.extend(many[:3])
    tree.extend(many[3:])
    assert tree.root() == naive_root(many)


@pytest.mark.parametrize("size", range(ALL))
def test_frontier_resumes(size: int) -> None:
    tree = CompactRange()
    tree.extend(LEAVES[:size])
    data = tree.to_bytes()
    assert len(data) == 8 + 32 * size.bit_count()
    again = CompactRange.from_bytes(data)
    assert (again.size, again.root(), again.to_bytes()) == (size, ROOTS[size], data)
    again.extend(LEAVES[size:])
    assert again.root() == ROOTS[ALL]


def test_frontier_bytes_are_the_same_on_every_way_to_a_size() -> None:
    stale = CompactRange()
    stale.extend(LEAVES[:7])
    stale.append(LEAVES[7])  # heights 0 to 2 are stale now
    fresh = CompactRange()
    fresh.extend(LEAVES[:8])
    assert stale.to_bytes() == fresh.to_bytes()


def test_copy_is_independent() -> None:
    tree = CompactRange()
    tree.extend(LEAVES[:5])
    twin = tree.copy()
    twin.extend(LEAVES[5:9])
    assert (tree.size, tree.root(), twin.root()) == (5, ROOTS[5], ROOTS[9])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00" * 7, id="short"),
        pytest.param(b"\x00" * 9, id="long"),
        pytest.param((1).to_bytes(8, "big"), id="no hash"),
        pytest.param((1).to_bytes(8, "big") + b"\x00" * 31, id="short hash"),
        pytest.param((2).to_bytes(8, "big") + b"\x00" * 64, id="two hashes"),
        pytest.param((2**48 + 1).to_bytes(8, "big") + b"\x00" * 64, id="beyond the largest log"),
    ],
)
def test_broken_frontier_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        CompactRange.from_bytes(data)


@pytest.mark.parametrize("size", range(1, ALL + 1))
def test_proofs_are_the_naive_ones_and_verify(size: int) -> None:
    for index in range(size):
        proof = inclusion_proof(LEAVES, index, size)
        assert proof == naive_path(index, LEAVES[:size])
        verify_inclusion(index=index, size=size, leaf=LEAVES[index], proof=proof, root=ROOTS[size])
        old = index + 1
        steps = consistency_proof(LEAVES, old, size)
        assert steps == naive_proof(old, LEAVES[:size])
        verify_consistency(
            old_size=old, old_root=ROOTS[old], new_size=size, new_root=ROOTS[size], proof=steps
        )


def test_inclusion_proof_covers_all_leaves_by_default() -> None:
    assert inclusion_proof(LEAVES, 3) == inclusion_proof(LEAVES, 3, ALL)


@pytest.mark.parametrize("size", range(1, 10))
def test_every_flipped_bit_breaks_inclusion(size: int) -> None:
    for index in range(size):
        good = inclusion_proof(LEAVES, index, size)
        parts = [LEAVES[index], ROOTS[size], *good]
        for at, part in enumerate(parts):
            for flipped in flips(part):
                bad = [*parts[:at], flipped, *parts[at + 1 :]]
                with pytest.raises(ProofError):
                    verify_inclusion(index=index, size=size, leaf=bad[0], root=bad[1], proof=bad[2:])


@pytest.mark.parametrize("size", range(1, 10))
def test_every_flipped_bit_breaks_consistency(size: int) -> None:
    for old in range(1, size + 1):
        parts = [ROOTS[old], ROOTS[size], *consistency_proof(LEAVES, old, size)]
        for at, part in enumerate(parts):
            for flipped in flips(part):
                bad = [*parts[:at], flipped, *parts[at + 1 :]]
                with pytest.raises(ProofError):
                    verify_consistency(
                        old_size=old, old_root=bad[0], new_size=size, new_root=bad[1], proof=bad[2:]
                    )


@pytest.mark.parametrize("size", range(1, ALL + 1))
def test_inclusion_of_another_length_or_place_is_refused(size: int) -> None:
    for index in range(size):
        proof = inclusion_proof(LEAVES, index, size)
        wrong = [(index, size, [*proof, ROOTS[1]]), (index, size, [ROOTS[1], *proof])]
        wrong += [(index, size, proof[:-1]), (index, size, proof[1:])] if proof else []
        wrong += [(other, size, proof) for other in range(-1, size + 2) if other != index]
        for at, tree_size, hashes in wrong:
            with pytest.raises(ProofError):
                verify_inclusion(index=at, size=tree_size, leaf=LEAVES[index], proof=hashes, root=ROOTS[size])


@pytest.mark.parametrize("size", range(1, ALL + 1))
def test_proof_that_goes_on_above_the_root_is_refused(size: int) -> None:
    # A root signed for a larger tree must not vouch for a smaller size.
    more = LEAVES[0]
    above = [(node_hash(more, ROOTS[size]), more), (node_hash(ROOTS[size], more), more)]
    for root, extra in above:
        for index in range(size):
            proof = [*inclusion_proof(LEAVES, index, size), extra]
            with pytest.raises(ProofError):
                verify_inclusion(index=index, size=size, leaf=LEAVES[index], proof=proof, root=root)
            old = index + 1
            if old < size:
                steps = [*consistency_proof(LEAVES, old, size), extra]
                for old_root in (ROOTS[old], node_hash(more, ROOTS[old])):
                    with pytest.raises(ProofError):
                        verify_consistency(
                            old_size=old, old_root=old_root, new_size=size, new_root=root, proof=steps
                        )


@pytest.mark.parametrize("size", range(2, ALL + 1))
def test_proof_that_stops_below_the_root_is_refused(size: int) -> None:
    # The root of a subtree is a genuine hash of the tree, but not the root of this size.
    left = next(end for begin, end in inclusion_ranges(size - 1, size)[::-1] if begin == 0)
    for index in range(left):
        proof = inclusion_proof(LEAVES, index, left)
        with pytest.raises(ProofError):
            verify_inclusion(index=index, size=size, leaf=LEAVES[index], proof=proof, root=ROOTS[left])
        steps = consistency_proof(LEAVES, index + 1, left)
        with pytest.raises(ProofError):
            verify_consistency(
                old_size=index + 1,
                old_root=ROOTS[index + 1],
                new_size=size,
                new_root=ROOTS[left],
                proof=steps,
            )


@pytest.mark.parametrize("size", range(2, ALL + 1))
def test_consistency_of_another_length_or_size_is_refused(size: int) -> None:
    for old in range(1, size):
        proof = consistency_proof(LEAVES, old, size)
        wrong = [(old, [*proof, ROOTS[1]]), (old, [ROOTS[1], *proof]), (old, proof[:-1]), (old, proof[1:])]
        wrong += [(other, proof) for other in range(-1, size + 2) if other != old]
        for claimed, hashes in wrong:
            with pytest.raises(ProofError):
                verify_consistency(
                    old_size=claimed, old_root=ROOTS[old], new_size=size, new_root=ROOTS[size], proof=hashes
                )


@pytest.mark.parametrize(
    ("old_size", "new_size", "old_root", "new_root", "proof"),
    [
        pytest.param(0, 5, EMPTY_ROOT, ROOTS[5], [], id="from the empty tree"),
        pytest.param(0, 0, EMPTY_ROOT, EMPTY_ROOT, [], id="both empty"),
        pytest.param(5, 4, ROOTS[5], ROOTS[4], [], id="backwards"),
        pytest.param(5, 5, ROOTS[5], ROOTS[5], [ROOTS[1]], id="same size with a proof"),
        pytest.param(5, 5, ROOTS[5], ROOTS[4], [], id="same size, other root"),
        pytest.param(3, 5, ROOTS[3], ROOTS[5], [], id="no proof"),
        pytest.param(4, 5, ROOTS[4], ROOTS[5], [], id="no proof from a perfect tree"),
        pytest.param(4, 5, ROOTS[4][:31], ROOTS[5], consistency_proof(LEAVES, 4, 5), id="short old root"),
        pytest.param(4, 5, ROOTS[4], ROOTS[5] + b"\x00", consistency_proof(LEAVES, 4, 5), id="long new root"),
        pytest.param(4, 5, ROOTS[4], ROOTS[5], [b""], id="empty hash"),
    ],
)
def test_consistency_edges_are_refused(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: list[bytes]
) -> None:
    with pytest.raises(ProofError):
        verify_consistency(
            old_size=old_size, old_root=old_root, new_size=new_size, new_root=new_root, proof=proof
        )


def test_inclusion_in_the_empty_tree_is_refused() -> None:
    with pytest.raises(ProofError):
        verify_inclusion(index=0, size=0, leaf=LEAVES[0], proof=[], root=EMPTY_ROOT)


def test_hash_of_another_length_is_refused() -> None:
    # Without the check, leaf || sibling could be cut at another place and still hash to the parent.
    left, right = LEAVES[0], LEAVES[1]
    with pytest.raises(ProofError):
        verify_inclusion(
            index=0, size=2, leaf=left + right[:1], proof=[right[1:]], root=node_hash(left, right)
        )


def test_hash_of_another_length_in_a_consistency_proof_is_refused() -> None:
    # The same cut: the old root comes out right, and the new one is of no tree that contains the old.
    third, fourth, first_two = consistency_proof(LEAVES, 3, 4)
    short, long = third[1:], first_two + third[:1]
    assert node_hash(long, short) == ROOTS[3]
    with pytest.raises(ProofError):
        verify_consistency(
            old_size=3,
            old_root=ROOTS[3],
            new_size=4,
            new_root=node_hash(long, node_hash(short, fourth)),
            proof=[short, fourth, long],
        )


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_proving_what_is_not_there_is_a_programming_mistake(index: int, size: int) -> None:
    with pytest.raises(AssertionError):
        inclusion_proof(LEAVES, index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3)])
def test_proving_from_nothing_or_backwards_is_a_programming_mistake(old: int, new: int) -> None:
    with pytest.raises(AssertionError):
        consistency_proof(LEAVES, old, new)
