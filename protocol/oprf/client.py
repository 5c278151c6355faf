"""The asking side: blind a batch, check what came back, take the blinds off.

Decides nothing about what is asked. The rule it keeps: no output leaves this file
before the proof of its whole batch holds. A blinded element is uniformly random whatever its input is, so
it tells the server nothing. Source: RFC 9497 sections 3.3.1 and 3.3.2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from protocol.errors import OprfError
from protocol.oprf.group import Group
from protocol.oprf.proof import Statement, verify
from protocol.oprf.suite import GROUP_TAG
from protocol.oprf.xmd import MAX_INPUT_BYTES, UNIFORM_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class Blinding:
    """A blinded batch: `inputs`, their secret `blinds` (32 B each) and the `elements` (32 B each) to send."""

    inputs: tuple[bytes, ...] = field(repr=False)
    blinds: bytes = field(repr=False)
    elements: bytes = field(repr=False)


def blind(group: Group, inputs: Sequence[bytes], *, entropy: Callable[[int], bytes]) -> Blinding:
    """Blind a batch of one or more inputs with fresh scalars; a blinding is for one request only."""
    blinds = group.reduce(entropy(UNIFORM_BYTES * len(inputs)))
    return blind_with(group, inputs, blinds=blinds)


def blind_with(group: Group, inputs: Sequence[bytes], *, blinds: bytes) -> Blinding:
    """Blind a batch with given scalars (32 B each, in the order of the inputs), as test vectors do.

    Raises:
        OprfError: an input is longer than 65 535 bytes, a blind is zero, or the counts differ.
    """
    if any(len(one) > MAX_INPUT_BYTES for one in inputs):
        raise OprfError("an input has at most {most} bytes", MAX_INPUT_BYTES)
    elements = group.hash_multiply_each(blinds, inputs, GROUP_TAG)
    return Blinding(tuple(inputs), blinds, elements)


def unblind(group: Group, blinding: Blinding, evaluated: bytes) -> bytes:
    """Take the blinds off evaluated elements (32 B each), proving nothing about them.

    Raises:
        OprfError: another number of elements came back than was sent, or one is not admissible.
    """
    if len(evaluated) != len(blinding.elements):
        raise OprfError("another number of elements came back than was sent")
    return group.multiply_each(group.invert_each(blinding.blinds), evaluated)


def finalize(
    group: Group, blinding: Blinding, evaluated: bytes, *, proof: bytes, public: bytes
) -> list[bytes]:
    """The PRF outputs (64 B each) of a batch, after its proof held for `public`.

    Raises:
        OprfError: the proof does not hold for this batch and key, or an element is not admissible.
    """
    verify(group, Statement(public, blinding.elements, evaluated), proof)
    return group.finish_each(blinding.inputs, unblind(group, blinding, evaluated))
