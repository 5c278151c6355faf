"""Mode 2 of RFC 9497, in which client and server agree on a public `info` that the output depends on.

The product does not use it: it would give each partner another set of answers, and one logged set for all
partners is what proves equal treatment. It is here because it completes the suite, and with it the vectors
that check `group`. Source: RFC 9497 section 3.3.3.
"""

from collections.abc import Sequence

from protocol.oprf.client import Blinding, unblind
from protocol.oprf.group import Group
from protocol.oprf.proof import Statement, composite, prove, verify
from protocol.oprf.server import Evaluation
from protocol.oprf.suite import KeyPair, Mode, finish_with_info, group_tag, hash_to_scalar, tag
from protocol.oprf.xmd import prefixed


def tweak_key(group: Group, key: KeyPair, info: bytes) -> KeyPair:
    """The key pair that belongs to one `info`; raises OprfError when it would be zero."""
    assert key.mode is Mode.PARTIAL
    secret = group.scalar_add(key.secret, _offset(group, info))
    return KeyPair(key.mode, secret, group.multiply_base(secret))


def tweak_public(group: Group, public: bytes, info: bytes) -> bytes:
    """The public element (32 B) that belongs to one `info`; raises OprfError if `public` is no element."""
    return group.add(group.multiply_base(_offset(group, info)), public)


def evaluate_with_info(
    group: Group, key: KeyPair, elements: bytes, info: bytes, *, nonce: bytes
) -> Evaluation:
    """Evaluate a batch (32 B each) under `info` and prove it with the scalar `nonce`.

    Raises:
        OprfError: an element is not canonical or is the identity.
    """
    tweaked = tweak_key(group, key, info)
    evaluated = group.multiply_all(group.invert(tweaked.secret), elements)
    # The tweaked key takes results back to elements, so the two change places in the statement.
    statement = Statement(Mode.PARTIAL, tweaked.public, evaluated, elements)
    return Evaluation(evaluated, prove(group, tweaked, composite(group, statement), nonce=nonce))


def finalize_with_info(
    group: Group, blinding: Blinding, evaluation: Evaluation, info: bytes, *, public: bytes
) -> list[bytes]:
    """The PRF outputs (64 B each) of a batch under `info`, after its proof held.

    Raises:
        OprfError: the proof does not hold for this batch, key and `info`.
    """
    assert blinding.mode is Mode.PARTIAL
    tweaked = tweak_public(group, public, info)
    verify(group, Statement(Mode.PARTIAL, tweaked, evaluation.elements, blinding.elements), evaluation.proof)
    unblinded = unblind(group, blinding, evaluation.elements)
    return finish_with_info(blinding.inputs, info, unblinded)


def outputs_with_info(group: Group, key: KeyPair, inputs: Sequence[bytes], info: bytes) -> list[bytes]:
    """The PRF outputs (64 B each) of one's own inputs under `info`."""
    inverse = group.invert(tweak_key(group, key, info).secret)
    elements = group.hash_multiply_all(inverse, inputs, group_tag(Mode.PARTIAL))
    return finish_with_info(inputs, info, elements)


def _offset(group: Group, info: bytes) -> bytes:
    return hash_to_scalar(group, b"Info" + prefixed(info), tag(b"HashToScalar-", Mode.PARTIAL))
