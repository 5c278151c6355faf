"""The answering side: evaluate a batch with the key, prove it, and evaluate one's own list.

Decides how a batch is cut: `split` it, run `evaluate_part` on each piece wherever there is a core, and
`join` the parts. Nothing here starts a thread; a group releases the interpreter lock, so the caller's
threads run in parallel. The rule it keeps: the results and the proof do not depend on how the batch was
cut. Source: RFC 9497 section 3.3.2. Counting, quota and duplicates are checked before this file is reached.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocol.errors import OprfError
from protocol.oprf.group import ELEMENT_BYTES, Group
from protocol.oprf.proof import Statement, composite, hedged_nonce, prove
from protocol.oprf.suite import GROUP_TAG, KeyPair
from protocol.oprf.xmd import MAX_INPUT_BYTES


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer to a batch: `elements` (32 B each, in the order asked) and one `proof` (64 B)."""

    elements: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive elements (32 B each) of a batch, the first of them being number `first`."""

    first: int
    elements: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """An evaluated piece: results (32 B each) and their share of the sum that is proven (32 B)."""

    first: int
    elements: bytes
    composite: bytes


def split(elements: bytes, ways: int) -> list[Piece]:
    """Cut a batch into at most `ways` pieces of nearly equal size.

    Raises:
        OprfError: the batch is empty or not a multiple of 32 bytes.
    """
    count, rest = divmod(len(elements), ELEMENT_BYTES)
    if rest or not count:
        raise OprfError("a batch is one or more elements of {size} bytes", ELEMENT_BYTES)
    step = -(-count // ways)
    return [
        Piece(first, elements[first * ELEMENT_BYTES : (first + step) * ELEMENT_BYTES])
        for first in range(0, count, step)
    ]


def evaluate_elements(group: Group, key: KeyPair, elements: bytes) -> bytes:
    """The key times each element (32 B each): the evaluation, without proof.

    Raises:
        OprfError: an element is not canonical or is the identity.
    """
    return group.multiply_all(key.secret, elements)


def evaluate_part(group: Group, key: KeyPair, piece: Piece) -> Part:
    """Evaluate one piece and sum up its share of the proof; pieces of a batch are independent of each other.

    Raises:
        OprfError: an element is not canonical or is the identity.
    """
    evaluated = evaluate_elements(group, key, piece.elements)
    statement = Statement(key.public, piece.elements, evaluated)
    return Part(piece.first, evaluated, composite(group, statement, first=piece.first))


def join(group: Group, key: KeyPair, parts: Sequence[Part], *, entropy: Callable[[int], bytes]) -> Evaluation:
    """Put the parts of one batch together, in their order, and prove them; draws 32 B of entropy."""
    elements = b"".join([part.elements for part in parts])
    combined = group.sum(b"".join([part.composite for part in parts]))
    nonce = hedged_nonce(group, key, combined, entropy)
    return Evaluation(elements, prove(group, key, combined, nonce=nonce))


def evaluate(group: Group, key: KeyPair, elements: bytes, *, entropy: Callable[[int], bytes]) -> Evaluation:
    """Evaluate and prove a batch of elements (32 B each) in the caller's thread.

    Raises:
        OprfError: the batch is empty, or an element is not canonical or is the identity.
    """
    parts = [evaluate_part(group, key, piece) for piece in split(elements, 1)]
    return join(group, key, parts, entropy=entropy)


def outputs(group: Group, key: KeyPair, inputs: Sequence[bytes]) -> list[bytes]:
    """The PRF outputs (64 B each) of one's own inputs, as a client would obtain them.

    Inputs are independent of each other: a long list is cut by the caller, and its chunks may run in threads.

    Raises:
        OprfError: there is no input, or one is longer than 65 535 bytes.
    """
    if any(len(one) > MAX_INPUT_BYTES for one in inputs):  # before a group makes room for it
        raise OprfError("an input has at most {most} bytes", MAX_INPUT_BYTES)
    return group.finish_each(inputs, group.hash_multiply_all(key.secret, inputs, GROUP_TAG))
