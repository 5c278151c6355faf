"""Releases: files against manifest, one release after another, and looking up."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from protocol.errors import MalformedError, NotCanonicalError, SubsetError
from protocol.subset.canary import ABSENT, CANARIES, PRESENT, is_canary
from protocol.subset.chunks import labels_root
from protocol.subset.deltas.labels import Labelled, apply_label_delta, encode_label_delta
from protocol.subset.deltas.values import difference
from protocol.subset.files import (
    Change,
    Held,
    ReleaseFiles,
    read_labels,
    read_release,
    splice_labels,
    write_answers,
    write_change,
    write_labels,
    write_screen,
    write_whole_labels,
)
from protocol.subset.filter import EXACT, SubsetFilter
from protocol.subset.label import CANARY_LABEL, LABEL_BYTES, PLAINTEXT_BYTES, Label, LabelSource, seal_label
from protocol.subset.lookup import Lookup, Match, check_canaries
from protocol.subset.manifest import ReleaseKind
from protocol.subset.release import Release, answers_root, check_labels_root, check_successor, verify_release
from protocol.subset.rice import U64Array
from protocol.subset.screen import screen_values, truncate
from support.subsets import LABEL, SOURCES, SUBSET, build_screen, digest, make_release, output, u64

NAMES = range(20)
LABELS = [Label(1, (LabelSource(0, place),)) for place in NAMES]
RELEASE = make_release(NAMES, labels=LABELS)
SEALED = bytes(RELEASE.labels or b"")
PLAIN = make_release(NAMES)
NO_SCREEN = make_release(NAMES, screen_width=0)


def _wider(values: U64Array, width: int) -> U64Array:
    changed = values.copy()
    changed[-1] = 1 << width
    return changed


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"screen": RELEASE.screen[1:]}, "screen: number", id="a screen value less"),
        pytest.param({"answers": RELEASE.answers[1:]}, "answers: number", id="an answer less"),
        pytest.param({"screen": RELEASE.screen[::-1]}, "screen: order", id="screen not sorted"),
        pytest.param({"answers": RELEASE.answers[::-1]}, "answers: order", id="answers not sorted"),
        pytest.param(
            {"screen": np.sort(RELEASE.screen[[0, 0, *range(2, 20)]])},
            "screen: more than 1 of",
            id="a screen value twice",
        ),
        pytest.param(
            {"screen": _wider(RELEASE.screen, 17)}, "screen: value wider", id="screen value too wide"
        ),
        pytest.param({"answers": _wider(RELEASE.answers, 37)}, "answers: value wider", id="answer too wide"),
        pytest.param({"screen": RELEASE.screen ^ u64(*[0] * 19, 1)}, "screen: .*root", id="screen"),
        pytest.param({"answers": RELEASE.answers ^ u64(*[0] * 19, 1)}, "answers: .*root", id="answers"),
        pytest.param({"labels": SEALED[:-1]}, "labels: one for each", id="a label cut"),
        pytest.param({"labels": SEALED[48:] + SEALED[:48]}, "labels: .*root", id="labels moved"),
        pytest.param({"labels": None}, "labels: some where", id="labels left out"),
    ],
)
def test_files_that_are_not_the_manifests(changes: dict[str, Any], text: str) -> None:
    files = {"screen": RELEASE.screen, "answers": RELEASE.answers, "labels": RELEASE.labels} | changes
    with pytest.raises(SubsetError, match=text):
        verify_release(RELEASE.manifest, **files)


def test_the_filter_is_the_one_whose_hash_the_manifest_has() -> None:
    made_by = SubsetFilter(collections=frozenset({1}), algorithms=EXACT, screen_bits=12, labels=False)
    manifest = replace(PLAIN.manifest, rules=replace(PLAIN.manifest.rules, filter=made_by.sha256()))
    files: dict[str, Any] = {"screen": PLAIN.screen, "answers": PLAIN.answers, "labels": None}
    assert verify_release(manifest, **files).filter is None
    assert verify_release(manifest, **files, filter_bytes=made_by.to_bytes()).filter == made_by
    another = replace(made_by, screen_bits=8).to_bytes()
    with pytest.raises(SubsetError, match="filter: not the one"):
        verify_release(manifest, **files, filter_bytes=another)


def test_labels_where_the_manifest_has_none() -> None:
    with pytest.raises(SubsetError, match="labels: some where none"):
        verify_release(PLAIN.manifest, screen=PLAIN.screen, answers=PLAIN.answers, labels=RELEASE.labels)


def test_labels_that_are_verified_later() -> None:
    files: dict[str, Any] = {"screen": RELEASE.screen, "answers": RELEASE.answers, "pieces": None}
    moved = SEALED[48:] + SEALED[:48]
    assert verify_release(RELEASE.manifest, **files, labels=moved).labels is moved
    with pytest.raises(SubsetError, match="labels: one for each"):
        verify_release(RELEASE.manifest, **files, labels=SEALED[:-48])
    with pytest.raises(SubsetError, match="labels: some where"):
        verify_release(RELEASE.manifest, **files, labels=None)
    with pytest.raises(SubsetError, match="labels: some where none"):
        verify_release(PLAIN.manifest, screen=PLAIN.screen, answers=PLAIN.answers, labels=SEALED, pieces=None)
    check_labels_root(RELEASE.manifest, labels_root([SEALED], 48))
    with pytest.raises(SubsetError, match="labels: not those"):
        check_labels_root(RELEASE.manifest, labels_root([moved], 48))


@pytest.mark.threat("an altered release")
def test_every_flipped_bit_of_the_values_is_noticed() -> None:
    for place in range(len(RELEASE.answers)):
        for bit in range(64):
            answers = RELEASE.answers.copy()
            answers[place] ^= np.uint64(1 << bit)
            with pytest.raises(SubsetError):
                verify_release(
                    RELEASE.manifest, screen=RELEASE.screen, answers=answers, labels=RELEASE.labels
                )


def test_label_of_a_place() -> None:
    assert RELEASE.label(1) == SEALED[48:96]


# ------------------------------------------------------------------ look-up


def test_screen_misses_end_here_and_listed_hashes_survive() -> None:
    lookup = Lookup(RELEASE)
    assert lookup.survives(screen_values(digest(name) for name in NAMES)).all()
    clean = lookup.survives(screen_values(digest(name) for name in range(100, 1100)))
    assert clean.sum() < 10  # odds of 20 in 2^17 each
    assert lookup.survives(u64()).tolist() == []


@pytest.mark.parametrize("width", [3, 6, 12, 17, 31])
@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_many_at_once_survive_as_they_do_one_by_one(count: int, width: int) -> None:
    rng = np.random.default_rng(count * width)
    screen = np.unique(truncate(rng.integers(0, 1 << 64, count, dtype=np.uint64), width))
    release = replace(
        PLAIN, manifest=replace(PLAIN.manifest, screen_width=width, screen_count=len(screen)), screen=screen
    )
    asked = rng.integers(0, 1 << 64, 200_000, dtype=np.uint64)
    asked[:: len(asked) // len(screen)][: len(screen)] = screen << np.uint64(64 - width)
    expected = np.isin(truncate(asked, width), screen)
    assert expected.sum() >= len(screen)
    assert np.array_equal(Lookup(release).survives(asked), expected)


def test_without_a_screen_everything_survives() -> None:
    assert Lookup(NO_SCREEN).survives(u64(1, 2)).tolist() == [True, True]


def test_an_empty_release_has_no_survivors_and_no_hits() -> None:
    lookup = Lookup(make_release([]))
    assert lookup.survives(u64(1)).tolist() == [False]
    assert lookup.match([output(1)]) == [None]
    assert lookup.match([]) == []


def test_a_hit_opens_its_label() -> None:
    found = Lookup(RELEASE).match([output("clean"), output(7), output(3)])
    assert [match and match.label for match in found] == [None, LABELS[7], LABELS[3]]
    assert all(len(match.places) == 1 for match in found if match)


def test_without_labels_a_hit_waits_for_its_receipt() -> None:
    (match,) = Lookup(PLAIN).match([output(7)])
    assert match is not None
    assert match.label is None
    assert PLAIN.answers[match.places[0]] == truncate(u64(int.from_bytes(output(7)[:8], "big")), 37)[0]


def test_a_tag_kept_from_an_earlier_evaluation_meets_its_answer() -> None:
    tags = u64(*(int.from_bytes(output(name)[:8], "big") for name in (3, "clean")))
    assert Lookup(RELEASE).answered(tags).tolist() == [True, False]


TWINS = [b"\x05" * 8 + bytes([last]) * 56 for last in (9, 3, 7)]


def test_outputs_with_equal_tags_each_find_their_own_label() -> None:
    release = make_release(range(3), outputs=TWINS, labels=LABELS[:3])
    found = Lookup(release).match(TWINS)
    assert [match and match.label for match in found] == LABELS[:3]
    assert sorted(match.places[0] for match in found if match) == [0, 1, 2]


def test_outputs_with_equal_tags_meet_all_their_answers_when_there_are_no_labels() -> None:
    found = Lookup(make_release(range(3), outputs=TWINS)).match(TWINS[:1])
    assert found == [Match(range(3), None)]


@pytest.mark.threat("logging look-ups")
def test_no_more_answers_are_equal_than_chance_makes() -> None:
    """Each is tried with an output that meets them: that would take as long as a node wants, and it would see it."""
    outputs = [b"\x05" * 8 + bytes([last]) * 56 for last in range(9)]
    release = make_release(range(8), outputs=outputs[:8])
    assert len(release.answers) == 8
    with pytest.raises(SubsetError, match="answers: more than 8 of one value"):
        make_release(range(9), outputs=outputs)
    with pytest.raises(SubsetError, match="answers: more than 8 of one value"):
        answers_root([u64(4, 5, 5, 5), u64(5), u64(5, 5, 5, 5, 5, 6)], 40)


def test_a_chance_meeting_opens_no_label() -> None:
    stranger = b"\x05" * 8 + b"x" * 56
    release = make_release(range(3), outputs=TWINS, labels=LABELS[:3])
    assert Lookup(release).match([stranger]) == [None]


# ------------------------------------------------------------------ canaries


def _with_canary(
    present_label: Label = CANARY_LABEL, *, screened: bool = True, answered: bool = True, absent: bool = False
) -> Lookup:
    outputs = [
        output("other"),
        *([output("present")] if answered else []),
        *([output("absent")] if absent else []),
    ]
    labels = [LABEL, *([present_label] if answered else []), *([LABEL] if absent else [])]
    release = make_release(range(len(outputs)), outputs=outputs, labels=labels)
    screen = build_screen([PRESENT] if screened else [ABSENT], release.manifest.screen_width)
    return Lookup(replace(release, screen=screen))


def test_canaries_pass() -> None:
    lookup = _with_canary()
    check_canaries(lookup, [output("present"), output("absent")])
    (match,) = lookup.match([output("present")])
    assert match is not None
    assert match.label == CANARY_LABEL


@pytest.mark.threat("logging look-ups")
@pytest.mark.parametrize("strange", [b"\xff" * PLAINTEXT_BYTES, Label(1, (LabelSource(200, 0),)).to_bytes()])
def test_what_a_node_sealed_and_is_no_label_makes_a_hit_without_one(strange: bytes) -> None:
    """Nothing fails: the node would see at whom."""
    release = make_release([7], labels=LABELS[:1])
    sealed = seal_label(output(7), subset_id=SUBSET, epoch=release.manifest.epoch, label=strange)
    (match,) = Lookup(replace(release, labels=sealed)).match([output(7)])
    assert match == Match(range(1), None)


def test_canaries_fail_with_what_is_no_label() -> None:
    release = make_release([0], outputs=[output("present")], labels=[CANARY_LABEL])
    screen = build_screen([PRESENT], release.manifest.screen_width)
    sealed = seal_label(
        output("present"), subset_id=SUBSET, epoch=release.manifest.epoch, label=b"\xff" * PLAINTEXT_BYTES
    )
    with pytest.raises(SubsetError, match="a label of material"):
        check_canaries(
            Lookup(replace(release, screen=screen, labels=sealed)), [output("present"), output("absent")]
        )


def test_canaries_pass_without_labels() -> None:
    release = make_release([0], outputs=[output("present")])
    screen = build_screen([PRESENT], release.manifest.screen_width)
    check_canaries(Lookup(replace(release, screen=screen)), [output("present"), output("absent")])


@pytest.mark.threat("a wrong answer")
@pytest.mark.parametrize(
    ("lookup", "text"),
    [
        pytest.param(_with_canary(screened=False), "the screen misses", id="screen"),
        pytest.param(_with_canary(answered=False), "the answers miss", id="answers"),
        pytest.param(_with_canary(LABEL), "a label of material", id="label"),
        pytest.param(_with_canary(absent=True), "on no list", id="absent"),
    ],
)
def test_canaries_fail(lookup: Lookup, text: str) -> None:
    with pytest.raises(SubsetError, match=text):
        check_canaries(lookup, [output("present"), output("absent")])


def test_canaries_are_two_digests_and_a_hit_on_material_is_none() -> None:
    assert CANARIES == (PRESENT, ABSENT)
    assert [is_canary(PRESENT), is_canary(ABSENT), is_canary(digest("listed"))] == [True, True, False]


# ------------------------------------------------------------------ one release after another


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"subset_id": bytes(16)}, "another subset", id="subset"),
        pytest.param({"epoch": 0}, "earlier epoch", id="epoch"),
        pytest.param({"pk": bytes(32)}, "another key", id="key"),
        pytest.param(
            {"kind": ReleaseKind.REMOVAL_ONLY, "epoch": 2}, "removal-only", id="removal in a new epoch"
        ),
        pytest.param(
            {"kind": ReleaseKind.REMOVAL_ONLY, "answers_width": 40}, "removal-only", id="removal, width"
        ),
        pytest.param(
            {"sources": (replace(SOURCES[0], origin="x"),)}, "another log", id="number of another log"
        ),
        pytest.param({"sources": (replace(SOURCES[0], size=69),)}, "went back", id="source rolled back"),
        pytest.param({"sources": (replace(SOURCES[0], root=bytes(32)),)}, "forked", id="source forked"),
    ],
)
def test_successor_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(SubsetError, match=text):
        check_successor(RELEASE.manifest, replace(RELEASE.manifest, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the same again"),
        pytest.param(
            {"epoch": 2, "pk": bytes(32), "sources": (replace(SOURCES[0], size=1),)}, id="a new epoch"
        ),
        pytest.param({"sources": (replace(SOURCES[0], size=71, root=bytes(32)),)}, id="a source grew"),
        pytest.param({"sources": (replace(SOURCES[0], number=2, origin="x"),)}, id="a new source"),
        pytest.param({"answers_width": 40}, id="a snapshot with other widths"),
        pytest.param({"kind": ReleaseKind.REMOVAL_ONLY}, id="removal-only"),
    ],
)
def test_successor_is_accepted(changes: dict[str, Any]) -> None:
    check_successor(RELEASE.manifest, replace(RELEASE.manifest, **changes))


# ------------------------------------------------------------------ files


def _files(release: Release, since: Held | None = None) -> ReleaseFiles:
    labels = None if release.labels is None else write_labels(release, since=since)
    return ReleaseFiles(
        screen=write_screen(release, since=since), answers=write_answers(release, since=since), labels=labels
    )


def _same(left: Release, right: Release) -> bool:
    return (
        left.manifest == right.manifest
        and left.labels == right.labels
        and left.screen.tolist() == right.screen.tolist()
        and left.answers.tolist() == right.answers.tolist()
    )


@pytest.mark.parametrize("release", [RELEASE, PLAIN, NO_SCREEN, make_release([], labels=[])])
def test_whole_files(release: Release) -> None:
    assert _same(read_release(release.manifest, _files(release)), release)


HELD = Held(3, RELEASE)
SAME_WIDTHS: dict[str, Any] = {
    "screen_width": RELEASE.manifest.screen_width,
    "answers_width": RELEASE.manifest.answers_width,
}
CHANGED = make_release([*NAMES[3:], "new"], labels=[LABEL, *LABELS[4:], LABEL], **SAME_WIDTHS)


def test_whole_labels_are_read_some_at_a_time() -> None:
    data = write_labels(RELEASE)
    pieces = list(read_labels(data, RELEASE.answers))
    assert b"".join(pieces) == RELEASE.labels
    assert b"".join(write_whole_labels(pieces)) == data
    assert (
        bytes(
            read_release(RELEASE.manifest, _files(RELEASE), pieces=lambda each: iter([bytes(each)])).labels
            or b""
        )
        == RELEASE.labels
    )


def test_labels_are_spliced_of_those_in_another_file() -> None:
    files, new = _files(RELEASE), SEALED[-LABEL_BYTES:]
    assert files.labels is not None
    parts: list[slice | bytes] = [slice(LABEL_BYTES, len(SEALED)), new]
    file = splice_labels(files.labels, parts)
    assert bytes(file) == b"".join(write_whole_labels([SEALED[LABEL_BYTES:], new]))
    again = splice_labels(file, [slice(0, len(SEALED) - LABEL_BYTES), new])
    assert (bytes(again), again.runs) == (bytes(file), 3)
    spliced = splice_labels(files.labels, [slice(0, LABEL_BYTES), SEALED[LABEL_BYTES:]])
    read = read_release(RELEASE.manifest, replace(files, labels=spliced))
    assert bytes(read.labels or b"") == SEALED
    assert [read.label(place) for place in (0, 1)] == [
        SEALED[:LABEL_BYTES],
        SEALED[LABEL_BYTES : 2 * LABEL_BYTES],
    ]


def test_delta_files() -> None:
    files = _files(CHANGED, HELD)
    assert files.labels is not None
    head = bytes.fromhex("0100000000000003")
    assert all(data[:8] == head for data in (files.screen, files.answers, files.labels))
    assert len(files.labels) < 8 + 4 + 3 + 2 * LABEL_BYTES
    assert _same(read_release(CHANGED.manifest, files, held=HELD), CHANGED)


def _labels_by_answer(release: Release) -> dict[int, bytes]:
    labels = bytes(release.labels or b"")
    cut = [labels[at : at + LABEL_BYTES] for at in range(0, len(labels), LABEL_BYTES)]
    return dict(zip(release.answers.tolist(), cut, strict=True)) if cut else {}


@pytest.mark.parametrize(
    ("held", "release"),
    [
        pytest.param(RELEASE, CHANGED, id="some go, one comes, a label changes"),
        pytest.param(CHANGED, RELEASE, id="and back"),
        pytest.param(RELEASE, RELEASE, id="nothing"),
        pytest.param(PLAIN, make_release(NAMES[1:], **SAME_WIDTHS), id="no labels"),
        pytest.param(
            NO_SCREEN,
            make_release(NAMES[1:], screen_width=0, answers_width=SAME_WIDTHS["answers_width"]),
            id="no screen",
        ),
        pytest.param(make_release([], labels=[], **SAME_WIDTHS), RELEASE, id="from none"),
    ],
)
def test_what_is_known_of_a_change_makes_the_same_deltas(held: Release, release: Release) -> None:
    before, after = _labels_by_answer(held), _labels_by_answer(release)
    written = [at for at, each in enumerate(release.answers.tolist()) if before.get(each) != after.get(each)]
    change = Change(
        screen=difference(held.screen, release.screen),
        answers=difference(held.answers, release.answers),
        places=u64(*written),
        labels=None
        if release.labels is None
        else b"".join(after[release.answers.tolist()[at]] for at in written),
    )
    assert write_change(3, held.manifest, release.manifest, change) == _files(release, Held(3, held))


@pytest.mark.parametrize(
    ("held", "release", "whole"),
    [
        pytest.param(
            RELEASE, make_release(NAMES, labels=LABELS, epoch=2), (False, True, True), id="new epoch"
        ),
        pytest.param(
            RELEASE, make_release(range(40), labels=LABELS * 2), (True, True, True), id="new widths"
        ),
        pytest.param(PLAIN, RELEASE, (False, False, True), id="labels from now on"),
        pytest.param(NO_SCREEN, RELEASE, (True, False, True), id="a screen from now on"),
        pytest.param(
            RELEASE, make_release(NAMES, labels=LABELS, screen_width=0), (True, False, False), id="no screen"
        ),
    ],
)
def test_files_are_whole_where_a_delta_has_no_start(
    held: Release, release: Release, whole: tuple[bool, bool, bool]
) -> None:
    base = Held(3, held)
    files = _files(release, base)
    written = tuple(data[4:8] == bytes(4) for data in (files.screen, files.answers, files.labels) if data)
    expected = whole if held.labels is not None else (*whole[:2], True)
    assert written == expected
    assert _same(read_release(release.manifest, files, held=base), release)


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        pytest.param(b"\1\0\0\0\0\0\0", MalformedError, "head", id="short"),
        pytest.param(b"\2\0\0\0\0\0\0\0", MalformedError, "format", id="format"),
        pytest.param(b"\1\0\0\1\0\0\0\0", NotCanonicalError, "reserved", id="reserved"),
        pytest.param(b"\1\0\0\0\0\0\0\4", SubsetError, "not held", id="another version"),
    ],
)
def test_file_head_is_refused(data: bytes, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        read_release(RELEASE.manifest, replace(_files(RELEASE), screen=data), held=HELD)


def test_a_delta_without_what_it_starts_from() -> None:
    with pytest.raises(SubsetError, match="not held"):
        read_release(CHANGED.manifest, _files(CHANGED, HELD))


def test_a_label_delta_from_a_release_without_labels() -> None:
    files = replace(_files(CHANGED), labels=write_labels(CHANGED, since=HELD))
    with pytest.raises(SubsetError, match="without labels"):
        read_release(CHANGED.manifest, files, held=Held(3, PLAIN))


def test_bytes_in_the_screen_that_there_is_not() -> None:
    files = replace(_files(NO_SCREEN), screen=write_screen(PLAIN))
    with pytest.raises(MalformedError):
        read_release(NO_SCREEN.manifest, files)


# ------------------------------------------------------------------ label deltas

A, B, C = (bytes([letter]) * LABEL_BYTES for letter in b"ABC")
BEFORE = Labelled(answers=u64(1, 5), labels=A + B)


@pytest.mark.parametrize(
    ("answers", "labels", "written"),
    [
        pytest.param([1, 5], A + B, b"", id="nothing changed"),
        pytest.param([1, 5], A + C, C, id="a label changed"),
        pytest.param([1, 3, 5], A + C + B, C, id="an answer came"),
        pytest.param([5], B, b"", id="an answer went"),
        pytest.param([1, 5, 5], A + B + bytes(48), bytes(48), id="an equal came, its label all zeros"),
        pytest.param([], b"", b"", id="all went"),
    ],
)
def test_label_delta_writes_what_changed(answers: list[int], labels: bytes, written: bytes) -> None:
    new = Labelled(answers=u64(*answers), labels=labels)
    data = encode_label_delta(BEFORE, new)
    assert data.endswith(written)
    assert int.from_bytes(data[:4], "big") == len(written) // LABEL_BYTES
    assert b"".join(apply_label_delta(BEFORE, data, new.answers)) == labels


@pytest.mark.parametrize(
    ("data", "answers", "error"),
    [
        pytest.param(b"\0\0\0", [1, 5], MalformedError, id="short"),
        pytest.param(b"\0\0\0\1" + b"\x80" + C[:-1], [1, 5], MalformedError, id="a label cut"),
        pytest.param(
            b"\0\0\0\3" + b"\xe0" + A + B + C, [1, 5], MalformedError, id="more labels than answers"
        ),
        pytest.param(b"\0\0\0\0" + b"\x80", [1, 5], MalformedError, id="code of nothing"),
        pytest.param(b"\0\0\0\0", [1, 3, 5], NotCanonicalError, id="a new answer without a label"),
        pytest.param(b"\0\0\0\1" + b"\x80" + A, [1, 5], NotCanonicalError, id="writes what did not change"),
    ],
)
def test_label_delta_is_refused(data: bytes, answers: list[int], error: type[Exception]) -> None:
    with pytest.raises(error):
        b"".join(apply_label_delta(BEFORE, data, u64(*answers)))
