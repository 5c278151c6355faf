"""One proof for a whole batch that every element was multiplied by the key behind a public element.

Decides the batched proof of equal discrete logarithms (DLEQ) of RFC 9497 section 2.2, and how the prover's
nonce is made. The statement: one scalar takes the generator to `public` and each `left[i]` to `right[i]`.
The prover's sum is additive over the batch, so parts of a batch can be worked on apart and joined. The rule
it keeps: a nonce never meets two challenges, even when the system's randomness fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha512
from typing import Final

from protocol.errors import OprfError
from protocol.oprf.group import ELEMENT_BYTES, GENERATOR, SCALAR_BYTES, Group, check_scalar
from protocol.oprf.suite import SCALAR_TAG, KeyPair, hash_to_scalar, tag
from protocol.oprf.xmd import prefixed

PROOF_BYTES: Final = 2 * SCALAR_BYTES
MAX_PROVEN: Final = 2**16 - 1
"""Elements under one proof: an index has two bytes in the transcript."""

_NONCE_TAG: Final = b"SIGFED-V1 nonce"
_NONCE_ENTROPY: Final = 32


@dataclass(frozen=True, slots=True)
class Statement:
    """What is proven of a batch: `public` (B), `left` (C) and `right` (D), of elements of 32 B each."""

    public: bytes
    left: bytes
    right: bytes


def weights(group: Group, statement: Statement, *, first: int = 0) -> bytes:
    """The scalar (32 B) of each pair, the first of which has index `first` in its batch (RFC 9497, 2.2.1).

    Raises:
        OprfError: the sides differ in length, are empty, or go beyond index 65 534.
    """
    if len(statement.left) != len(statement.right) or not statement.left:
        raise OprfError("a proof needs as many results as elements")
    if first + len(statement.left) // ELEMENT_BYTES > MAX_PROVEN:
        raise OprfError("a proof covers at most {most} elements", MAX_PROVEN)
    seed = sha512(prefixed(statement.public) + prefixed(tag(b"Seed-"))).digest()
    return group.pair_weights(seed, first, statement.left, statement.right, SCALAR_TAG)


def composite(group: Group, statement: Statement, *, first: int = 0) -> bytes:
    """The weighted sum (32 B) of the left elements: all a prover needs of a batch, or of one part of it.

    Raises:
        OprfError: an element is not canonical or is the identity.
    """
    return group.weighted_sum(weights(group, statement, first=first), statement.left)


def hedged_nonce(group: Group, key: KeyPair, combined: bytes, entropy: Callable[[int], bytes]) -> bytes:
    """The prover's secret scalar for one transcript.

    With fresh entropy alone, a restored virtual machine that draws the same bytes for another batch gives its
    key away. So the key and the transcript are hashed too: another transcript is another nonce.
    """
    message = key.secret + entropy(_NONCE_ENTROPY) + key.public + combined
    return hash_to_scalar(group, message, _NONCE_TAG)


def prove(group: Group, key: KeyPair, combined: bytes, *, nonce: bytes) -> bytes:
    """The proof (64 B: challenge, response) of a batch whose weighted sum is `combined` (RFC 9497, 2.2.1)."""
    # In one call, so that a group of several lanes works on the three side by side.
    products = group.multiply_each(key.secret + nonce + nonce, combined + GENERATOR + combined)
    image, commitment, other = (products[at : at + ELEMENT_BYTES] for at in (0, 32, 64))
    challenge = _challenge(group, key.public, combined, image, commitment, other)
    response = group.scalar_subtract(nonce, group.scalar_multiply(challenge, key.secret))
    return challenge + response


def verify(group: Group, statement: Statement, proof: bytes) -> None:
    """Check a proof; RFC 9497 section 2.2.2.

    Raises:
        OprfError: the proof does not hold, or an element, scalar or length is not admissible.
    """
    if len(proof) != PROOF_BYTES:
        raise OprfError("a proof has {size} bytes", PROOF_BYTES)
    challenge, response = proof[:SCALAR_BYTES], proof[SCALAR_BYTES:]
    check_scalar(challenge)
    check_scalar(response)
    factors = weights(group, statement)
    combined = group.weighted_sum(factors, statement.left)
    image = group.weighted_sum(factors, statement.right)
    commitment = group.weighted_sum(response + challenge, GENERATOR + statement.public)
    other = group.weighted_sum(response + challenge, combined + image)
    expected = _challenge(group, statement.public, combined, image, commitment, other)
    if expected != challenge:
        raise OprfError("the proof does not hold: these are not results of the published key")


def _challenge(group: Group, *elements: bytes) -> bytes:
    transcript = b"".join([prefixed(one) for one in elements]) + b"Challenge"
    return hash_to_scalar(group, transcript, SCALAR_TAG)
