"""Files that a process had not given their names yet when it was killed: nobody keeps them, and nobody's are taken."""

import os
from pathlib import Path

import pytest

from node.files import holding_temporaries, is_temporary, sweep_temporaries, try_locked
from node.home import Home
from node.lists.corrections.shred import prepare, shred
from node.objects.folder import FolderObjects
from node.objects.sweep import GRACE_MS, sweep
from node.subsets import release
from protocol.lists.ext import Reason
from support.dying import kill_at, kill_writing
from support.releases import ReleasingAgency, release_both
from support.stores import NOW_MS, Agency, check_whole, file_digests, rows

KILLS = 3


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.is_file()]


@pytest.mark.threat("shredded and back")
def test_a_shredded_digest_is_in_nothing_that_killed_processes_left(agency: Agency, dsn: str) -> None:
    for _ in range(KILLS):
        kill_at(agency.folder, dsn, "import", "writing")
    assert len(left(agency.folder)) == KILLS
    agency.publish(rows("dying7", "another"))
    plan = prepare(agency.store, agency.origin, file_digests("dying7")[0])
    shred(agency.store, agency.origin, plan.position, reason=Reason.ERROR)
    agency.publish()
    assert left(agency.folder) == []
    check_whole(agency)


@pytest.mark.parametrize("what", ["private", "key", "trust", "filter", "partner"])
def test_a_home_is_swept_of_what_killed_processes_left(what: str, tmp_path: Path) -> None:
    kill_writing(tmp_path, what)
    assert len(left(tmp_path)) == 1
    (tmp_path / ".profile").write_text("somebody's own")
    (tmp_path / ".netrc.0123456789abcdef").symlink_to(tmp_path / ".profile")
    assert Home(tmp_path).sweep() == 1
    assert {path.name for path in left(tmp_path)} == {".profile", ".netrc.0123456789abcdef"}


@pytest.mark.threat("shredded and back")
def test_what_a_killed_backup_held_fast_is_swept(tmp_path: Path) -> None:
    """By a second name of each file, openings too, which a shredding replaces under the first."""
    home = Home(tmp_path)
    held = home.scratch / "home/openings/a"
    held.parent.mkdir(parents=True)
    held.write_bytes(b"sealed")
    with try_locked(home.scratch_lock) as writing:
        assert writing
        assert home.sweep() == 0
        assert held.exists()
    assert home.sweep() == 1
    assert not home.scratch.exists()


def test_what_is_being_written_now_is_left_alone(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "objects")
    objects.put("a/b", b"x")
    (tmp_path / "objects/a/.tmp-1-2-3").write_bytes(b"half")
    with holding_temporaries(tmp_path / "objects"):
        assert objects.sweep() == 0
    assert objects.sweep(wait=True) == 1
    assert objects.get("a/b") == b"x"
    assert sweep_temporaries(tmp_path / "none") == 0


def test_what_gets_its_name_during_a_sweep_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects, opened = FolderObjects(tmp_path / "objects"), os.open
    objects.prepare()
    with objects.unnamed([b"x"]) as give:

        def named(path: Path, flags: int) -> int:
            if is_temporary(path):
                monkeypatch.undo()
                give("a/b")
            return opened(path, flags)

        monkeypatch.setattr("node.files.os.open", named)
        assert objects.sweep() == 0
    assert objects.get("a/b") == b"x"


class Killed(BaseException):
    """What a kill -9 looks like from inside: nothing handles it."""


def killed(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize(
    ("step", "kept"), [("next_head", False), ("require_leaves", True)], ids=["unclaimed", "claimed"]
)
def test_files_of_a_release_that_nobody_claimed_go_after_a_day(
    fr: ReleasingAgency, other: Agency, monkeypatch: pytest.MonkeyPatch, step: str, kept: bool
) -> None:
    release_both(fr, other, "a")
    before = set(fr.store.objects.ls("releases/"))
    fr.lists.add(rows("b"))
    other.add(rows("b"))
    fr.follow(other)
    with monkeypatch.context() as patch:
        patch.setattr(release, step, killed)
        with pytest.raises(Killed):
            fr.release()
    orphans = set(fr.store.objects.ls("releases/")) - before
    assert orphans
    assert sweep(fr.store, now_ms=NOW_MS) == 0
    assert orphans <= set(fr.store.objects.ls("releases/"))
    swept = sweep(fr.store, now_ms=NOW_MS + GRACE_MS)
    assert swept == (0 if kept else len(orphans))
    assert before <= set(fr.store.objects.ls("releases/"))
    assert fr.release().version == 2
