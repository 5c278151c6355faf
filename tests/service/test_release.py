"""Releases of two agencies' lists: what is in them, what a run of releasing does, what damage it stops at."""

import re
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from keys.trust.members import Member
from node.errors import AlreadyExistsError, NotFoundError, StoreError, TripwireError, UsageError
from node.judgement import effective
from node.judgement.conditions import Conditions
from node.judgement.effective import Current
from node.lists.changes import ExtTemplate
from node.lists.corrections.withdraw import withdraw
from node.lists.guards import Guards
from node.lists.imports.intake import Statement
from node.objects.folder import FolderObjects
from node.objects.release_files import KEPT, ReleaseFolder
from node.ports.evaluator import EpochSecret
from node.ports.objects import ObjectStore
from node.store.store import Store
from node.subsets.catalogue import create_subset, report_subset, report_subsets
from node.subsets.conditions import conditions
from node.subsets.draft import LIFE
from protocol.digest import Digest
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import CONTENT_ID_BYTES, Basis, Reason
from protocol.subset.canary import ABSENT, PRESENT
from protocol.subset.deltas.removals import answers_gone
from protocol.subset.deltas.values import align
from protocol.subset.label import LabelSource, open_label
from protocol.subset.manifest import ReleaseKind
from protocol.subset.prf_input import prf_input
from protocol.subset.release import check_successor
from protocol.tlog.checkpoint import open_checkpoint
from protocol.tlog.note import VerifierKey
from support.releases import FILTER, LOG_KEY, SUBSET, ReleasingAgency, folder, listed, release_both
from support.stores import Agency, file_digests, row, rows, sqlite_dsn

RELYING = Statement(basis=Basis.RELIES_ON, criteria=1)


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    """What is special to a database is tested in test_release_killed."""
    return sqlite_dsn(tmp_path)


@pytest.mark.threat("a release beside the rule", "one agency is enough")
def test_lists_what_two_countries_list(fr: ReleasingAgency, other: Agency) -> None:
    fr.lists.add(rows("both", "only fr"))
    other.add(rows("both", "only nl"))
    other.add(rows("national", collection=NATIONAL))
    fr.lists.add(rows("national", collection=NATIONAL))
    fr.follow(other)
    report = fr.release()
    assert (report.version, report.published, report.entries) == (1, True, 2)
    assert (report.added, report.removed, report.kind) == (2, 0, ReleaseKind.ORDINARY)
    assert report.not_after == fr.clock.now() + LIFE
    assert listed(fr) == set(file_digests("both"))


def test_reliance_is_no_second_word(fr: ReleasingAgency, other: Agency) -> None:
    fr.lists.add(rows("relied on", "both"))
    other.add(rows("relied on"), RELYING)
    other.add(rows("both"))
    fr.follow(other)
    fr.release()
    assert listed(fr) == set(file_digests("both"))


@pytest.mark.parametrize("other_file", ["b", "c", "d"])
def test_hashes_that_are_judged_as_others_are_still_break_up_a_file(
    fr: ReleasingAgency, other: Agency, other_file: str
) -> None:
    """A peer says of two files that they are one, of which a single one is released: no value stands for both."""
    fr.lists.add([row("a", digests=[each]) for each in file_digests("a")])
    with_id = ExtTemplate.with_id
    for name in ("a", "b", "c", "d"):
        shared = bytes(CONTENT_ID_BYTES) if name in {"a", other_file} else None
        with patch.object(
            ExtTemplate, "with_id", lambda self, own, shared=shared: with_id(self, shared or own)
        ):
            other.add(rows(name))
    fr.follow(other)
    fr.release()
    assert folder(fr).load().release.manifest.screen_count == len({*file_digests("a"), PRESENT})


@pytest.mark.threat("a release beside the rule")
def test_manifest_says_what_it_was_made_from(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a")
    held = folder(fr).load().release
    manifest = held.manifest
    assert [(source.number, source.origin) for source in manifest.sources] == [
        (0, "fr.example/lists/csam"),
        (1, "nl.example/lists/csam"),
    ]
    heads = {log.origin: log.head for log in (fr.lists.log, fr.lists.log_of(other.origin))}
    assert all(
        (source.size, source.root) == (heads[source.origin].size, heads[source.origin].root)
        for source in manifest.sources
    )
    assert manifest.rules.members == fr.trust.members().sha256
    assert manifest.rules.filter == FILTER.sha256()
    assert manifest.rules.criteria == sha256(b"").digest()
    assert (manifest.pk, manifest.epoch) == (fr.subset.pk, 1)
    assert (manifest.screen_count, manifest.answers_count) == (2, 3)  # one value a file, and the test file


def test_the_release_log_is_signed_and_holds_the_manifest(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a")
    log, record = fr.lists.log_of(fr.subset.origin), fr.records[0]
    assert log.note is not None
    key = VerifierKey.of_log(fr.subset.origin, LOG_KEY.public)
    opened = open_checkpoint(log.note, origin=fr.subset.origin, log_keys=[key])
    assert (opened.checkpoint.size, opened.checkpoint.root) == (1, log.head.root)
    assert fr.lists.files(fr.subset.origin).events(0, size=1) == [folder(fr).manifest()]
    assert (record.note, log.pending) == (log.note, None)


def test_labels_open_to_the_entries_of_both(fr: ReleasingAgency, other: Agency) -> None:
    other.add(rows("first at nl"))
    release_both(fr, other, "a", "b")
    release = folder(fr).load().release
    [wanted] = fr.evaluator.outputs(SUBSET, 1, [prf_input(release.manifest.subset_id, file_digests("b")[0])])
    labels = []
    for place in range(release.manifest.answers_count):
        try:
            labels.append(
                open_label(release.label(place), output=wanted, subset_id=release.manifest.subset_id, epoch=1)
            )
        except Exception:  # noqa: BLE001 - another digest's
            continue
    assert [(label.collection, label.sources) for label in labels] == [
        (BASELINE, (LabelSource(0, 2), LabelSource(1, 4)))
    ]


def test_an_authority_alone_is_enough(fr: ReleasingAgency, other: Agency) -> None:
    fr.admit(
        Member(
            node="icse.example", root_sha256=b"\x02" * 32, country=None, authority_for=frozenset({BASELINE})
        )
    )
    authority = Agency(other.store, other.folder, node="icse.example")
    authority.add(rows("a"))
    fr.follow(authority)
    fr.release()
    assert listed(fr) == set(file_digests("a"))


def test_nothing_new_is_no_release_until_half_of_its_life(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a")
    fr.lists.add(rows("only fr"))
    fr.clock.advance(LIFE / 2)
    same = fr.release()
    assert (same.version, same.published, same.entries, same.added) == (1, False, 2, 0)
    fr.clock.advance(timedelta(minutes=1))
    again = fr.release()
    assert (again.version, again.published, again.added, again.removed) == (2, True, 0, 0)
    assert again.not_after == fr.clock.now() + LIFE
    assert listed(fr) == set(file_digests("a"))  # stale lists keep what was listed


def test_a_changed_register_makes_a_release(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a")
    fr.admit(Member(node="be.example", root_sha256=b"\x03" * 32, country="BE"))
    assert fr.release().version == 2


def test_what_is_new_needs_fresh_lists(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a")
    other.add(rows("b"))
    fr.follow(other)
    fr.lists.add(rows("b"))
    fr.clock.advance(timedelta(days=2))
    assert not fr.release().published
    fr.follow(other)
    assert fr.release().added == 2


def test_a_withdrawal_is_a_small_removal(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, *(f"file {number}" for number in range(100)))
    before = folder(fr).load().release
    withdraw(fr.store, fr.lists.origin, file_digests("file 7")[0], reason=Reason.LEGAL)
    report = fr.release()
    assert (report.kind, report.removed, report.added, report.entries) == (
        ReleaseKind.REMOVAL_ONLY,
        2,
        0,
        198,
    )
    assert listed(fr).isdisjoint(file_digests("file 7"))
    after = folder(fr).load().release
    assert len(answers_gone(before, after.manifest, after.answers)) == 2
    assert len(align(before.answers, after.answers).inserted) == 0
    assert [source.number for source in after.manifest.sources] == [0, 1]


def test_widths_stay_until_a_snapshot_is_needed(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a", "b")
    widths = []
    for grown in (["c"], ["d", "e", "f", "g", "h", "i"]):
        fr.lists.add(rows(*grown))
        other.add(rows(*grown))
        fr.follow(other)
        before = folder(fr).load().release.manifest
        fr.release()
        manifest = folder(fr).load().release.manifest
        check_successor(before, manifest)
        widths.append((manifest.screen_width, manifest.answers_width))
    assert widths == [(14, 35), (16, 37)]


def test_the_absent_test_file_stays_out(fr: ReleasingAgency, other: Agency) -> None:
    for agency in (fr.lists, other):
        agency.add([row("canary", digests=(ABSENT,)), row("canary", line=3, digests=(PRESENT,)), *rows("b")])
    fr.follow(other)
    report = fr.release()
    assert listed(fr) == set(file_digests("b"))
    assert report.entries == 2
    assert folder(fr).load().release.manifest.answers_count == 3


def test_a_release_without_labels_and_one_without_screen(store: Store, tmp_path: Path, other: Agency) -> None:
    bare = type(FILTER)(
        collections=FILTER.collections, algorithms=FILTER.algorithms, screen_bits=0, labels=False
    )
    fr = ReleasingAgency(store, tmp_path / "fr", subset_filter=bare)
    release_both(fr, other, "a")
    release = folder(fr).load().release
    assert (release.labels, release.manifest.labels_root) == (None, None)
    assert (len(release.screen), release.manifest.screen_width) == (0, 0)
    fr.evaluator.close()


def test_outputs_of_an_epoch_are_computed_once(fr: ReleasingAgency, other: Agency) -> None:
    asked = fr.evaluations()
    release_both(fr, other, "a", "b")
    fr.lists.add(rows("c"))
    other.add(rows("c"))
    fr.follow(other)
    fr.release()
    fr.release()
    assert asked == [4, 1, 2]  # what two files are listed by, the test file, and one more


def test_a_wrong_key_file_releases_nothing(fr: ReleasingAgency, other: Agency) -> None:
    release_both(fr, other, "a")
    fr.evaluator.hold([EpochSecret(subset=SUBSET, epoch=1, seed=b"\x06" * 32)])
    with pytest.raises(StoreError, match="key file"):
        fr.release()


# ------------------------------------------------------------------ subsets, what is kept


def test_old_files_go_and_the_newest_stay(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.objects.release_files.KEPT", 2)
    assert KEPT > 2
    release_both(fr, other, "a")
    for name in ("b", "c", "d"):
        fr.lists.add(rows(name))
        other.add(rows(name))
        fr.follow(other)
        fr.release()
    kept = [ReleaseFolder(fr.store, record).exists() for record in fr.records]
    assert kept == [False, False, True, True]
    with fr.store.read() as unit:
        assert len(unit.listed.all(SUBSET)) == len(listed(fr)) == 8


def test_labels_that_others_are_made_of_stay_as_long_as_these(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And are written whole again before that: what was shredded since lies in them."""
    monkeypatch.setattr("node.objects.release_files.KEPT", 2)
    found: list[list[str]] = []
    for more in ("ghijklmn", *"abcdef"):  # too few hashes would get other widths
        release_both(fr, other, *more)
        for record in fr.records[-2:]:
            assert ReleaseFolder(fr.store, record).load().release.labels, "its root is the manifest's"
        names = fr.store.objects.ls(f"releases/{SUBSET}/")
        found.append(
            sorted(re.sub("-[0-9a-f]{32}", "", name.split("/", 2)[2]) for name in names if "/labels" in name)
        )
    wholes = [[name for name in names if name.endswith("/labels") and "since" not in name] for names in found]
    assert wholes == [
        ["1/labels"],
        ["1/labels"],
        ["1/labels"],
        ["1/labels", "4/labels"],
        ["4/labels"],
        ["4/labels"],
        ["4/labels", "7/labels"],
    ]
    assert [name for name in found[-1] if "labels-of" in name] == ["6/labels-of-4"]
    assert not ReleaseFolder(fr.store, fr.records[3]).exists(), "labels alone are no release"


def test_labels_in_too_many_pieces_are_written_whole(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_both(fr, other, *"efghijklmn")
    monkeypatch.setattr("node.objects.release_files._RUNS", 3)
    release_both(fr, other, "b", "c", "d")
    names = list(fr.store.objects.ls(folder(fr).prefix))
    assert f"{folder(fr).prefix}labels" in names
    assert not [name for name in names if "/labels-of-" in name]
    assert listed(fr) == {digest for name in "bcdefghijklmn" for digest in file_digests(name)}


def test_objects_of_a_release_hold_no_digest(fr: ReleasingAgency, other: Agency, tmp_path: Path) -> None:
    release_both(fr, other, "a", "b")
    assert isinstance(fr.store.objects, FolderObjects)
    names = list(fr.store.objects.ls("releases/"))
    stored = b"".join(map(fr.store.objects.get, names))
    assert PRESENT.value not in stored
    assert not [
        digest for digest in listed(fr) if digest.value in stored or digest.value.hex().encode() in stored
    ]
    subset = folder(fr).load().release.manifest.subset_id
    outputs = fr.evaluator.outputs(SUBSET, 1, [prf_input(subset, digest) for digest in listed(fr)])
    database = b"".join(path.read_bytes() for path in tmp_path.glob("*.db*"))
    assert all(output[:8] in database for output in outputs), "its tag is in each row"
    assert not [output for output in outputs if output[8:16] in stored + database]
    assert not [digest for digest in listed(fr) if digest.value in database]


def test_subsets_are_made_once_and_reported(fr: ReleasingAgency, other: Agency) -> None:
    with pytest.raises(AlreadyExistsError):
        create_subset(fr.store, "fr.example", SUBSET, FILTER, pk=bytes(32), now_ms=0)
    with pytest.raises(UsageError):
        create_subset(fr.store, "fr.example", "Not A Name", FILTER, pk=bytes(32), now_ms=0)
    with pytest.raises(NotFoundError):
        report_subset(fr.store, "nothing")
    assert report_subset(fr.store, SUBSET).newest is None
    release_both(fr, other, "a")
    (report,) = report_subsets(fr.store)
    assert report.subset == fr.subset
    assert report.newest == fr.records[-1]


# ------------------------------------------------------------------ damage and a bad signer


DAMAGE = {
    "the screen was altered": ("/screen", lambda objects, name: objects.put(name, b"\1\0\0\0\0\0\0\0\0")),
    "the labels are missing": ("/labels", lambda objects, name: objects.delete(name)),
    "the manifest was altered": ("/manifest", lambda objects, name: objects.put(name, b"\xa0")),
}


@pytest.mark.parametrize(("part", "damage"), DAMAGE.values(), ids=DAMAGE)
def test_damage_stops_the_next_release(
    fr: ReleasingAgency, other: Agency, part: str, damage: Callable[[ObjectStore, str], None]
) -> None:
    release_both(fr, other, "a")
    damage(fr.store.objects, next(name for name in fr.store.objects.ls("releases/") if part in name))
    withdraw(fr.store, fr.lists.origin, file_digests("a")[0], reason=Reason.OTHER)
    with pytest.raises(StoreError):
        fr.release()
    assert len(fr.records) == 1


BAD_NOTES = {
    "no note": lambda note: b"",
    "another head": lambda note: note.replace(b"\n1\n", b"\n2\n", 1),
    "another log": lambda note: note.replace(b"/subsets/", b"/lists/"),
}


@pytest.mark.parametrize("alter", BAD_NOTES.values(), ids=BAD_NOTES)
def test_a_signer_that_signs_something_else_is_not_believed(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch, alter: Callable[[bytes], bytes]
) -> None:
    fr.lists.add(rows("a"))
    other.add(rows("a"))
    fr.follow(other)
    sign = fr.signer.sign
    monkeypatch.setattr(fr.signer, "sign", lambda *args, **kwargs: alter(sign(*args, **kwargs)))
    with pytest.raises(StoreError, match="signer"):
        fr.release()
    assert fr.records == []
    monkeypatch.undo()
    assert fr.release().version == 1


class TestTripwires:
    """A release that would list what must never be released is refused; withdrawals get out all the same."""

    def test_it_names_the_entries_and_nothing_is_released(self, fr: ReleasingAgency, other: Agency) -> None:
        release_both(fr, other, "a")
        fr.lists.add(rows("b", "logo"))
        other.add(rows("b", "logo"))
        fr.follow(other)
        logo = file_digests("logo")[0]
        Guards(fr.store).add_tripwires([logo], note="our logo", now_ms=1)
        with pytest.raises(TripwireError) as caught:
            fr.release()
        text = str(caught.value)
        assert "entry 4 of fr.example/lists/csam, entry 4 of nl.example/lists/csam" in text
        assert "stays in force" in text
        assert logo.value.hex() not in text + caught.value.hint
        assert [record.version for record in fr.records] == [1]
        assert listed(fr) == set(file_digests("a"))
        Guards(fr.store).remove_tripwires([1])
        assert fr.release().added == 4

    @pytest.mark.threat("stock pictures of a CMS")
    def test_the_first_release_is_refused_too(self, fr: ReleasingAgency, other: Agency) -> None:
        Guards(fr.store).add_tripwires(file_digests("a"), note="", now_ms=1)
        with pytest.raises(TripwireError):
            release_both(fr, other, "a")
        assert list(fr.records) == []

    def test_withdrawals_get_out_and_nothing_comes_in(self, fr: ReleasingAgency, other: Agency) -> None:
        kept = [f"file {number}" for number in range(40)]
        release_both(fr, other, "a", *kept)
        fr.lists.add(rows("c", "logo"))
        other.add(rows("c", "logo"))
        withdraw(fr.store, fr.lists.origin, file_digests("a")[0], reason=Reason.ERROR)
        fr.follow(other)
        Guards(fr.store).add_tripwires(file_digests("logo"), note="", now_ms=1)
        with pytest.raises(TripwireError, match="release 2 takes out 2 and adds nothing"):
            fr.release()
        assert listed(fr) == {digest for name in kept for digest in file_digests(name)}
        kinds = {record.version: record.kind for record in fr.records}
        assert kinds == {1: ReleaseKind.ORDINARY, 2: ReleaseKind.REMOVAL_ONLY}
        with pytest.raises(TripwireError, match="nothing was released"):
            fr.release()
        assert len(fr.records) == 2

    def test_what_is_released_already_goes(self, fr: ReleasingAgency, other: Agency) -> None:
        release_both(fr, other, "a", "logo")
        Guards(fr.store).add_tripwires(file_digests("logo"), note="", now_ms=1)
        with pytest.raises(TripwireError, match="takes out 2"):
            fr.release()
        assert listed(fr) == set(file_digests("a"))

    def test_one_that_comes_and_goes_takes_nothing_with_it(
        self, fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While a release is made whole: that of one hash must not be that of all that are judged with it."""
        release_both(fr, other, "a", "b", "c")
        folder(fr).forget_basis()
        guards, judge = Guards(fr.store), effective.judge_held
        seen: list[Digest] = []

        def judged(*args: Any, **kwargs: Any) -> Current:
            found = judge(*args, **kwargs)
            if not seen:
                seen.extend(digest for _, digest in found.decision.effective)
                guards.add_tripwires(seen[:1], note="", now_ms=1)
            return found

        def begun(*args: Any) -> Conditions | None:
            if seen:
                guards.remove_tripwires([each.id for each, _ in guards.tripwires()])
            return conditions(*args)

        monkeypatch.setattr(effective, "judge_held", judged)
        monkeypatch.setattr("node.subsets.draft.conditions", begun)
        fr.release()
        assert seen
        assert listed(fr) == {digest for name in "abc" for digest in file_digests(name)}

    def test_what_is_listed_does_not_run_out(self, fr: ReleasingAgency, other: Agency) -> None:
        release_both(fr, other, "a")
        fr.lists.add(rows("logo"))
        other.add(rows("logo"))
        Guards(fr.store).add_tripwires(file_digests("logo"), note="", now_ms=1)
        fr.clock.advance(LIFE / 2 + timedelta(minutes=1))
        fr.follow(other)
        with pytest.raises(TripwireError, match="release 2 takes out 0 and adds nothing"):
            fr.release()
        assert listed(fr) == set(file_digests("a"))
