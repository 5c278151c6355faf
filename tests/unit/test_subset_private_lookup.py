"""The whole private look-up without a network: a node's release, a partner's blinded batch, labels and canaries."""

from dataclasses import replace
from hashlib import shake_256
from typing import Final

from protocol.digest import Algorithm, Digest
from protocol.oprf.client import blind, finalize
from protocol.oprf.server import evaluate, outputs
from protocol.oprf.suite import KeyPair, epoch_key
from protocol.subset.canary import ABSENT, CANARIES, PRESENT
from protocol.subset.chunks import labels_root
from protocol.subset.files import ReleaseFiles, read_release, write_answers, write_labels, write_screen
from protocol.subset.label import CANARY_LABEL, LABEL_BYTES, seal_label
from protocol.subset.lookup import Lookup, check_canaries
from protocol.subset.manifest import Manifest
from protocol.subset.prf_input import prf_input
from protocol.subset.release import verify_release
from protocol.subset.screen import screen_values
from protocol.subset.widths import answer_width, screen_width
from support.answers import build_answers
from support.sodium import loaded_group
from support.subsets import EMPTY_MANIFEST, LABEL, SUBSET, build_screen, digest, values_root

KEY: Final = epoch_key(loaded_group(), b"s" * 32)
LISTED: Final = [
    digest(name, algorithm) for name in range(5) for algorithm in (Algorithm.MD5, Algorithm.SHA256)
]


def _entropy(size: int) -> bytes:
    return shake_256(b"entropy").digest(size)


def _publish() -> tuple[bytes, ReleaseFiles]:
    """Manifest and files of a release of `LISTED`, of which each two of one name are one file, known by MD5."""
    present = [*LISTED, PRESENT]
    screened = [each for each in present if each == PRESENT or each.algorithm is Algorithm.MD5]
    screen = build_screen(screened, screen_width(len(screened), 12))
    own = outputs(loaded_group(), KEY, [prf_input(SUBSET, item) for item in present])
    answers = build_answers(own, answer_width(len(own)))
    labels = b"".join(
        seal_label(
            own[place],
            subset_id=SUBSET,
            epoch=EMPTY_MANIFEST.epoch,
            label=(CANARY_LABEL if present[place] == PRESENT else LABEL).to_bytes(),
        )
        for place in answers.order
    )
    manifest = replace(
        EMPTY_MANIFEST,
        pk=KEY.public,
        screen_count=len(screen),
        screen_width=screen_width(len(screened), 12),
        screen_root=values_root(screen),
        answers_count=len(own),
        answers_width=answer_width(len(own)),
        answers_root=values_root(answers.values),
        labels_root=labels_root([labels], LABEL_BYTES),
    )
    release = verify_release(manifest, screen=screen, answers=answers.values, labels=labels)
    files = ReleaseFiles(
        screen=write_screen(release), answers=write_answers(release), labels=write_labels(release)
    )
    return manifest.to_bytes(), files


def _ask(digests: list[Digest], key: KeyPair = KEY) -> list[bytes]:
    """The PRF outputs of a partner's digests, evaluated and proven by the holder of `key`."""
    inputs = [prf_input(SUBSET, item) for item in digests]
    blinding = blind(loaded_group(), inputs, entropy=_entropy)
    answer = evaluate(loaded_group(), key, blinding.elements, entropy=_entropy)
    return finalize(loaded_group(), blinding, answer.elements, proof=answer.proof, public=key.public)


def test_a_listed_file_is_a_hit_by_each_of_its_hashes_and_a_clean_one_is_none() -> None:
    data, files = _publish()
    lookup = Lookup(read_release(Manifest.from_bytes(data), files))
    clean = [digest("clean", Algorithm.MD5), digest("clean")]
    screened = lookup.survives(screen_values([*LISTED[:2], *clean]))
    assert screened.tolist() == [True, False, False, False]  # one value a file is enough to find it
    found = lookup.match(_ask([*LISTED[:2], *clean]))
    assert [match and match.label for match in found] == [LABEL, LABEL, None, None]
    check_canaries(lookup, _ask([*CANARIES]))
    (canary, absent) = lookup.match(_ask([PRESENT, ABSENT]))
    assert canary is not None
    assert canary.label == CANARY_LABEL
    assert absent is None


def test_another_epochs_key_finds_nothing() -> None:
    data, files = _publish()
    lookup = Lookup(read_release(Manifest.from_bytes(data), files))
    other = epoch_key(loaded_group(), b"t" * 32)
    assert lookup.match(_ask(LISTED, other)) == [None] * len(LISTED)
