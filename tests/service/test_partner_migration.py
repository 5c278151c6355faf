"""A partner's home of before, in which each thing had a file of its own: it opens, and nothing of it is lost.

The home was recorded by `vectors/record_partner_home.py` with the program of that time.
"""

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.errors import ConfigError, StoreError
from node.files import replace_private
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.hits.homes import hit_spool, unconfirmed_files
from node.hoster.proposals.folder import own_proposals
from node.hoster.release.last_update import last_update
from node.hoster.scan.history import finished_scans
from node.hoster.status import read_partner_status
from node.hoster.store import database
from node.hoster.store.database import PartnerStore
from node.hoster.store.kinds import FactName, Kind
from node.hoster.store.migrate import Earlier, remove_earlier
from support.agencies import SUBSET
from support.partner_rows import bodies
from support.preloaded import called_in_fork
from support.processes import Cli
from support.recorded_homes import lay_out
from support.sizes import size
from support.spooling import HIT

PASSING = {"overdue", "overdue_hits", "evaluations_left", "evidence", "group"}
"""What the commands tell by the clock, by where the home lies, or by what this processor can."""
ROUNDS = size(quick=12, thorough=60)
STAY = ("access.token", "allowance.json", "scan.db", ".key", ".sha256", "releases", "members", "evidence")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    lay_out("partner_home", tmp_path)
    return Home(tmp_path / "home")


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def kept(folder: Path) -> dict[tuple[str, str], bytes]:
    return {(kind, name): body for kind in Kind for name, body in bodies(folder, kind).items()}


def lasting(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in each.items() if name not in PASSING} for each in results]


def test_commands_say_what_they_said(home: Home) -> None:
    cli, said = Cli(home.folder), json.loads((home.folder / "said.json").read_text())
    for words, results in said.items():
        found = cli.run(*words.split())
        assert lasting(found.results) == lasting(results), words
    [shown] = cli.run("--subset", SUBSET, "hit", "show", said["hit ls"][0]["hit"]).results
    assert shown["state"] == said["hit ls"][0]["state"]


def test_every_file_of_before_is_a_row_and_gone(home: Home) -> None:
    for each in home.followed:
        before = files(each.partner)
        PartnerFolder(each.partner).load()
        after = files(each.partner)
        lasts = {name: data for name, data in before.items() if any(word in name for word in STAY)}
        assert {name: after.get(name) for name in lasts} == lasts
        moved = {Path(name).name: data for name, data in before.items() if name not in lasts}
        assert sorted(kept(each.partner).values()) == sorted(moved.values())
        assert after.keys() - lasts.keys() == {"state.json", "state.db"}
        assert (each.partner / "state.db").stat().st_mode & 0o777 == 0o600


def test_what_was_kept_means_what_it_meant(home: Home) -> None:
    spool = hit_spool(home)
    said = json.loads((home.folder / "said.json").read_text())["hit ls"]
    assert [hit.id for hit in spool.ls()] == [each["hit"] for each in said if each["subset"] == SUBSET]
    assert spool.last_end == bytes(range(16))
    assert sorted(each.name for each in unconfirmed_files(home).readable(9).files) == ["waits", "waits too"]
    assert [Path(one.names[0]).name for one in own_proposals(home).ls()] == ["new 0.bin", "new 1.bin"]
    assert len(finished_scans(home.partner)) == 1
    assert last_update(home.partner) is not None
    assert all(not wrong for _, wrong in spool.verify())


def test_a_file_that_was_found_before_is_no_new_hit(home: Home) -> None:
    spool = hit_spool(home)
    first = spool.ls()[0]
    spool.save(first)  # one of them has a mark already
    for hit in spool.ls():
        known = spool.recall(replace(HIT, report=hit.sent), name=hit.name)
        assert known is not None
        assert known.id == hit.id


def in_forks(count: int, act: Callable[[], None]) -> list[int]:
    """How as many processes ended that do something at once: 0 of each that did it."""
    ready, start = os.pipe()
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:  # pragma: no cover - it ends without a word
            os.close(start)
            os.read(ready, 1)
            ended = 1
            try:
                act()
                ended = 0
            finally:
                os._exit(ended)
        children.append(child)
    os.close(start)
    os.close(ready)
    return [os.waitpid(child, 0)[1] for child in children]


def test_processes_that_open_one_folder_at_once_all_read_it(home: Home, tmp_path: Path) -> None:
    """Played in a process that is small: one with all tests in it takes ten times as long to fork."""
    assert called_in_fork(open_at_once, home.partner, tmp_path) == 0


def open_at_once(partner: Path, scratch: Path) -> None:
    state = (partner / "state.json").read_bytes()
    hits = {path.stem: path.read_bytes() for path in (partner / "hits").glob("*.json")}

    def read() -> None:
        assert bodies(folder, Kind.HIT) == hits
        assert bodies(folder, Kind.FACT)[FactName.STATE] == state

    def write() -> None:
        with PartnerStore(folder).writing() as rows:
            rows.put(Kind.PROPOSAL, os.urandom(8).hex(), b"new")

    for number in range(ROUNDS):
        folder = scratch / f"{number}"
        shutil.copytree(partner, folder)
        assert in_forks(5, read) == [0] * 5
        assert {path.name for path in folder.iterdir()} >= {"state.db", "state.json"}
        folder = scratch / f"new {number}"
        assert in_forks(5, write) == [0] * 5
        assert len(bodies(folder, Kind.PROPOSAL)) == 5


def test_what_is_written_while_it_is_moved_is_not_removed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon of before goes on until it is stopped, between any two steps of who moves its files."""
    path = home.partner / "state.json"
    newer = path.read_bytes() + b" "

    def written_before(folder: Path, moved: Sequence[Earlier]) -> None:
        if path.read_bytes() != newer:
            replace_private(path, newer)
        remove_earlier(folder, moved)

    monkeypatch.setattr(database, "remove_earlier", written_before)
    PartnerFolder(home.partner).load()
    monkeypatch.undo()
    assert bodies(home.partner, Kind.FACT)[FactName.STATE] == newer


def dying_at(step: int, folder: Path) -> int:
    """Open the folder in a fork that is killed before the given one of its steps; how it ended."""
    child = os.fork()
    if child == 0:  # pragma: no cover - it is killed, or ends without a word
        left = [step]

        def count(event: str, _arguments: object) -> None:
            if event in {"open", "os.remove", "os.rename", "os.rmdir", "sqlite3.connect"}:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        PartnerFolder(folder).load()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def test_who_is_killed_anywhere_goes_on(home: Home, tmp_path: Path) -> None:
    assert called_in_fork(kill_anywhere, home.partner, tmp_path) == 0


def kill_anywhere(partner: Path, scratch: Path) -> None:
    whole = partner.with_name("whole")
    shutil.copytree(partner, whole)
    PartnerFolder(whole).load()
    names, rows = files(whole).keys(), kept(whole)
    ended, step = -1, 0
    while ended:
        step += 1
        folder = scratch / "killed"
        shutil.copytree(partner, folder)
        ended = dying_at(step, folder)
        PartnerFolder(folder).load()
        assert kept(folder) == rows, f"killed at step {step}"
        left = {name for name in files(folder) if not Path(name).name.startswith(".state.json.")}
        assert left == names, f"killed at step {step}"
        shutil.rmtree(folder)
    assert step > 30


def test_what_a_program_of_before_wrote_meanwhile_is_taken_in(home: Home) -> None:
    """A daemon that was not restarted goes on recording hits in files."""
    late = home.partner / "hits" / f"{'ab' * 16}.json"
    data = next((home.partner / "hits").glob("*.json")).read_bytes()
    newer = (home.partner / "state.json").read_bytes() + b" "
    spool = hit_spool(home)
    known = spool.ls()[0]
    spool.save(replace(known, held=True))
    replace_private(late, data)
    replace_private(late.with_name(f"{known.id}.json"), data)
    replace_private(home.partner / "state.json", newer)
    PartnerFolder(home.partner).load()
    assert bodies(home.partner, Kind.HIT)[late.stem] == data
    assert spool.get(known.id).held, "what was done about a hit since is not undone"
    assert bodies(home.partner, Kind.FACT)[FactName.STATE] == newer
    [aside] = late.parent.iterdir()
    assert aside.read_bytes() == data, "and what was not taken in is kept"
    assert aside.name.endswith(f"{known.id}.json")
    assert f"{aside} was written by an earlier version" in " ".join(read_partner_status(home).words)
    for words in (("doctor",), ("doctor", "--deep")):
        said = Cli(home.folder).told(*words).out
        assert f"{aside} was written by an earlier version" in said
        assert "then remove the file" in said
        assert f"{aside.name}: " not in said, "it is not damaged"


def test_what_was_damaged_stays_that_and_stops_nothing(home: Home) -> None:
    damaged = next((home.partner / "hits").glob("*.json"))
    damaged.write_bytes(b"")
    found = hit_spool(home).readable()
    assert (len(found.hits), found.damage is not None) == (5, True)
    assert [name for name, wrong in hit_spool(home).verify() if wrong] == [f"hit/{damaged.stem}"]


def test_a_link_is_refused_and_nothing_is_moved(home: Home, tmp_path: Path) -> None:
    path = home.partner / "state.json"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    before = files(home.partner)
    with pytest.raises(ConfigError, match="cannot be opened") as refused:
        PartnerFolder(home.partner).load()
    assert refused.value.hint == "it must not be a link"
    assert {name: data for name, data in files(home.partner).items() if name != "state.db"} == before


@pytest.mark.parametrize("name", ["hits", "console-tokens", "proposals", "reporters.json", "state.json"])
def test_what_others_could_read_is_refused_and_nothing_is_moved(home: Home, name: str) -> None:
    path = home.partner / name
    if path.suffix:
        replace_private(path, b"{}" if name == "reporters.json" else path.read_bytes())
    opened = path if path.suffix else next(path.iterdir())
    opened.chmod(0o644)
    before = files(home.partner)
    finished = Cli(home.folder).run("status")
    assert finished.exit == 2
    assert f"{opened} can be read by others" in finished.err
    assert f"chmod 600 {opened}" in finished.err
    assert {name: data for name, data in files(home.partner).items() if name != "state.db"} == before
    opened.chmod(0o600)
    assert Cli(home.folder).run("status").exit == 0


def test_rows_that_are_gone_are_damage_and_nobody_enrols_over_them(home: Home) -> None:
    PartnerFolder(home.partner).load()
    path, cli = home.partner / "state.db", Cli(home.folder)
    for lose in (Path.unlink, lambda path: os.truncate(path, 0)):
        data = path.read_bytes()
        lose(path)
        before = files(home.folder)
        for words in (("status",), ("enroll",), ("console", "token", "Alice")):
            finished = cli.run(*words, typed="made up\n")
            assert (finished.exit, f"{path} is damaged" in finished.err) == (2, True), (words, finished.err)
            assert "restore it from a backup, or move its folder away and enrol again" in finished.err
        assert files(home.folder) == before
        path.touch(mode=0o600)
        path.write_bytes(data)
    assert cli.run("status").exit == 0


def test_a_program_of_before_finds_words_and_no_state(home: Home) -> None:
    """It read the state as JSON with an enrolment in it, and takes anything else for damaged."""
    PartnerFolder(home.partner).load()
    fields = json.loads((home.partner / "state.json").read_bytes())
    assert list(fields) == ["moved"]
    assert "state.db" in fields["moved"]
    assert "earlier version" in fields["moved"]


def test_a_later_version_is_not_read(home: Home) -> None:
    PartnerFolder(home.partner).load()
    with closing(sqlite3.connect(home.partner / "state.db")) as connection:
        connection.execute("PRAGMA user_version = 2")
    cli, before = Cli(home.folder), files(home.folder)
    finished = cli.run("status")
    assert finished.exit == 2
    assert "was not written by this version of sigfed" in finished.err
    assert "use the version that wrote it, or a later one" in finished.err
    assert files(home.folder) == before
    with pytest.raises(StoreError, match="not written by this version"):
        PartnerStore(home.partner).damage()
