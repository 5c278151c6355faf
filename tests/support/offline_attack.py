"""What somebody can try who has a partner's files and known hashes, and asks the node nothing.

The screen is a public function, so it can be tested as often as he likes: `odds_of_a_pass` and `passing` measure what
that tells. Against answers and labels he can only guess that they come from something he can compute: each of
`GUESSES` stands for one way in which an implementation could go wrong. `meetings` notices even a guess that is right
in part, for the first or last bits of an answer.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, sha256, sha512, shake_256
from math import sqrt
from typing import Final

import numpy as np

from protocol.digest import Digest
from protocol.oprf.suite import GROUP_TAG
from protocol.subset.label import OUTPUT_BYTES, Label, open_label
from protocol.subset.lookup import Lookup
from protocol.subset.manifest import Manifest
from protocol.subset.prf_input import prf_input
from protocol.subset.release import Release
from protocol.subset.rice import U64Array
from protocol.subset.screen import screen_value, screen_values
from support.sodium import loaded_group

SIGMAS: Final = 5
"""How far from its expectation a count may be before it counts as a finding."""


def odds_of_a_pass(release: Release) -> float:
    """By how much it multiplies the odds that a hash is screened, when its value is in the screen.

    A screened hash passes always, any other with the share of all values that the screen has.
    """
    return float((1 << release.manifest.screen_width) / len(release.screen))


def passing(release: Release, digests: Sequence[Digest]) -> int:
    """How many of `digests` have their value in the screen."""
    return int(Lookup(release).survives(screen_values(digests)).sum())


def is_chance(count: int, *, expected: float) -> bool:
    """Whether a count of rare events is one that chance explains."""
    return abs(count - expected) <= SIGMAS * sqrt(expected) + SIGMAS


Guess = Callable[[Manifest, Digest], bytes]
"""64 bytes in place of a PRF output."""


def _stretched(data: bytes) -> bytes:
    return data + shake_256(data).digest(OUTPUT_BYTES - len(data))


def _input(manifest: Manifest, digest: Digest) -> bytes:
    return prf_input(manifest.subset_id, digest)


GUESSES: Final[Mapping[str, Guess]] = {
    "the digest": lambda _, digest: _stretched(digest.value),
    "its screen value": lambda _, digest: _stretched(screen_value(digest).to_bytes(8, "big")),
    "SHA-256 of the digest": lambda _, digest: _stretched(sha256(digest.value).digest()),
    "SHA-256 of the input": lambda manifest, digest: _stretched(sha256(_input(manifest, digest)).digest()),
    "SHA-512 of the input": lambda manifest, digest: sha512(_input(manifest, digest)).digest(),
    "BLAKE2b of the input": lambda manifest, digest: blake2b(_input(manifest, digest)).digest(),
    "HMAC with the public key": lambda manifest, digest: hmac.digest(
        manifest.pk, _input(manifest, digest), "sha512"
    ),
    "HMAC with the subset": lambda manifest, digest: hmac.digest(manifest.subset_id, digest.value, "sha512"),
    "HKDF of the input": lambda manifest, digest: hmac.digest(
        hmac.digest(bytes(64), _input(manifest, digest), "sha512"), b"SIGFED-V1 label\1", "sha512"
    ),
    "no evaluation": lambda manifest, digest: _finished(manifest, digest, lambda point: point),
    "the public key for the result": lambda manifest, digest: _finished(
        manifest, digest, lambda _: manifest.pk
    ),
    "an evaluation with key 1": lambda manifest, digest: _finished(
        manifest, digest, lambda point: loaded_group().multiply_all((1).to_bytes(32, "little"), point)
    ),
    "an evaluation with the public key as key": lambda manifest, digest: _finished(
        manifest, digest, lambda point: loaded_group().multiply_all(_scalar(manifest.pk), point)
    ),
}
"""What a digest's answer would be if it could be computed from what is public."""

SLOW: Final = frozenset(name for name in GUESSES if "evaluation" in name or "result" in name)
"""Those that need group arithmetic, tried on fewer hashes."""


def _finished(manifest: Manifest, digest: Digest, evaluate: Callable[[bytes], bytes]) -> bytes:
    group, data = loaded_group(), _input(manifest, digest)
    point = group.from_uniform(group.expand_each([data], GROUP_TAG))
    (output,) = group.finish_each([data], evaluate(point))
    return output


def _scalar(data: bytes) -> bytes:
    return (int.from_bytes(data, "little") % 2**252).to_bytes(32, "little")


def guessed_tags(guess: Guess, manifest: Manifest, digests: Sequence[Digest]) -> U64Array:
    """The first eight bytes of each guess."""
    data = b"".join(guess(manifest, digest)[:8] for digest in digests)
    return np.frombuffer(data, dtype=">u8").astype(np.uint64)


@dataclass(frozen=True, slots=True)
class Meetings:
    """How many guesses meet an answer in some of its bits, and how many would if they had nothing to do with it."""

    count: int
    expected: float


def meetings(release: Release, tags: U64Array, *, bits: int, last: bool) -> Meetings:
    """Compare the first or the last `bits` of all answers with the same bits of guessed tags."""
    cut = np.uint64(64 - release.manifest.answers_width)
    guesses, answers = _part(release, tags >> cut, bits=bits, last=last), _answers(release, bits, last)
    return Meetings(int(np.isin(guesses, answers).sum()), len(tags) * len(answers) / (1 << bits))


def _part(release: Release, values: U64Array, *, bits: int, last: bool) -> U64Array:
    above = 0 if last else release.manifest.answers_width - bits
    return values >> np.uint64(above) & np.uint64((1 << bits) - 1)


@lru_cache(8)
def _answers(release: Release, bits: int, last: bool) -> U64Array:
    """What there is of a part of its answers: sorted once for all guesses."""
    return np.unique(_part(release, release.answers, bits=bits, last=last))


def open_with(guess: bytes, sealed: bytes, manifest: Manifest) -> Label:
    """Try a guess on a label; raises `SubsetError`."""
    return open_label(sealed, output=guess, subset_id=manifest.subset_id, epoch=manifest.epoch)
