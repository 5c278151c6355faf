"""Releasing while lists move, others release, and processes die; on both databases."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from pkgutil import resolve_name as resolve

import pytest

from node.errors import ConflictError, StoreError
from node.lists.corrections.erase import carry_out
from node.lists.corrections.shred import prepare, shred
from node.lists.corrections.withdraw import withdraw
from node.objects.listed_rows import count_strange
from node.objects.release_files import ReleaseFolder
from node.subsets import release
from node.subsets.draft import Drafter
from protocol.lists.ext import Reason
from support.releases import ReleasingAgency, folder, listed, release_both
from support.stores import Agency, file_digests, rows

pytestmark = pytest.mark.both_databases


def test_a_withdrawal_during_evaluation_is_not_passed_over(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr.lists.add(rows("a", "b"))
    other.add(rows("a", "b"))
    fr.follow(other)
    draft, calls = Drafter.draft, iter([True])

    def slow(drafter: Drafter) -> object:
        made = draft(drafter)
        if next(calls, False):
            withdraw(fr.store, fr.lists.origin, file_digests("a")[0], reason=Reason.ERROR)
            fr.lists.publish()
        return made

    monkeypatch.setattr(Drafter, "draft", slow)
    assert fr.release().version == 1
    assert listed(fr) == set(file_digests("b"))


@pytest.mark.parametrize(
    "place", ["node.judgement.effective.ranges_of", "node.judgement.conditions.digests_about"]
)
def test_a_bundle_that_is_outgrown_while_it_is_read_is_read_again(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Whole, and from the release before: nothing is lost that a backup would have."""
    release_both(fr, other, "a")
    read = resolve(place)

    def overtaken(*given: object) -> object:
        monkeypatch.setattr(place, read)
        fr.lists.publish(rows("more"))
        return read(*given)

    if place.endswith("ranges_of"):
        folder(fr).forget_basis()
    for agency in (fr.lists, other):
        agency.add(rows("b"))
    fr.follow(other)
    monkeypatch.setattr(place, overtaken)
    assert fr.release().version == 2
    assert listed(fr) == {*file_digests("a"), *file_digests("b")}


def test_a_shredding_of_what_a_peer_shredded_before_is_not_passed_over(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes no tombstone that was not there, and the row that the draft ends has another name by now."""
    release_both(fr, other, "a", "b")
    _shred(other, "a")
    fr.follow(other)
    _shred(fr.lists, "a")
    with monkeypatch.context() as patch:
        # Who published it comes to that later.
        patch.setattr("node.lists.publish.carry_out", lambda *_, **__: 0)
        fr.lists.publish()
    draft, calls = Drafter.draft, iter([True])

    def overtaken(drafter: Drafter) -> object:
        made = draft(drafter)
        if next(calls, False):
            carry_out(fr.store, fr.lists.origin, now_ms=fr.lists.now_ms)
        return made

    monkeypatch.setattr(Drafter, "draft", overtaken)
    assert fr.release_only().removed == 2
    assert count_strange(fr.store, fr.records[-1]) == (0, 0)
    release_both(fr, other, "c")
    assert listed(fr) == {*file_digests("b"), *file_digests("c")}


def _shred(agency: Agency, name: str) -> None:
    position = prepare(agency.store, agency.origin, file_digests(name)[0]).position
    shred(agency.store, agency.origin, position, reason=Reason.OTHER)


def test_lists_that_never_stand_still(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(100))
    draft = Drafter.draft

    def restless(drafter: Drafter) -> object:
        made = draft(drafter)
        fr.lists.publish(rows(f"more {next(numbers)}"))
        return made

    monkeypatch.setattr(Drafter, "draft", restless)
    with pytest.raises(ConflictError, match="kept changing"):
        fr.release()
    assert fr.records == []
    assert list(fr.store.objects.ls("releases/")) == [], "nor are files that a shredding would not find"


class Killed(BaseException):
    """What a kill -9 looks like from inside: nothing handles it."""


def killed(*_: object, **__: object) -> None:
    raise Killed


def _put_one_and_killed(fr: ReleasingAgency) -> Callable[[Iterable[tuple[str, bytes]]], None]:
    put = fr.store.objects.put_all

    def put_one(items: Iterable[tuple[str, bytes]]) -> None:
        put([[*items][-1]])
        raise Killed

    return put_one


KILLS = {
    "before the files": lambda patch, fr: patch.setattr(ReleaseFolder, "put", killed),
    "between its files": lambda patch, fr: patch.setattr(
        fr.store.objects, "put_all", _put_one_and_killed(fr)
    ),
    "between files and claim": lambda patch, fr: patch.setattr(release, "next_head", killed),
    "between claim and log files": lambda patch, fr: patch.setattr(release, "require_leaves", killed),
    "between log files and signature": lambda patch, fr: patch.setattr(fr.signer, "sign", killed),
    "between signature and publication": lambda patch, fr: patch.setattr(release, "require_signed", killed),
    "before tidying": lambda patch, fr: patch.setattr(release, "tidy", killed),
}


@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS)
def test_whatever_kills_a_release_the_next_run_finishes_it(
    fr: ReleasingAgency, other: Agency, kill: Callable[[pytest.MonkeyPatch, ReleasingAgency], None]
) -> None:
    release_both(fr, other, "a")
    fr.lists.add(rows("b"))
    other.add(rows("b"))
    fr.follow(other)
    with pytest.MonkeyPatch.context() as patch:
        kill(patch, fr)
        with pytest.raises(Killed):
            fr.release()
    report = fr.release()
    assert (report.version, report.entries) == (2, 4)
    assert [record.version for record in fr.records] == [1, 2]
    log = fr.lists.log_of(fr.subset.origin)
    assert (log.head.size, log.pending) == (2, None)
    manifests = fr.lists.files(fr.subset.origin).events(0, size=2)
    assert [ReleaseFolder(fr.store, record).manifest() for record in fr.records] == manifests
    for record in fr.records:
        assert ReleaseFolder(fr.store, record).load().release.labels, "its root is the manifest's"
    assert not fr.release().published


def test_of_two_releasers_one_wins(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr.lists.add(rows("a"))
    other.add(rows("a"))
    fr.follow(other)
    fr.lists.publish()
    draft, first = Drafter.draft, iter([True])

    def overtaken(drafter: Drafter) -> object:
        made = draft(drafter)
        if next(first, False):
            fr.clock.advance(timedelta(seconds=5))
            assert fr.release_only().version == 1
        return made

    monkeypatch.setattr(Drafter, "draft", overtaken)
    with pytest.raises(ConflictError):
        fr.release_only()
    held = folder(fr).load().release
    assert held.manifest.answers_count == 3


def test_another_manifest_than_the_claimed_one_is_never_signed(fr: ReleasingAgency, other: Agency) -> None:
    fr.lists.add(rows("a"))
    other.add(rows("a"))
    fr.follow(other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "require_leaves", killed)
        with pytest.raises(Killed):
            fr.release()
    name = next(name for name in fr.store.objects.ls("releases/") if name.endswith("/manifest"))
    fr.store.objects.put(name, b"another")
    with pytest.raises(StoreError, match="pending head"):
        fr.release()
    assert fr.signer.size(fr.subset.origin) == 0
