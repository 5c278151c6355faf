"""`sigfed scan` as a user meets it: what it finds, what it never reads twice, and how it ends whatever happens."""

import hashlib
import json
import os
import signal
import subprocess
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from protocol.subset.canary import PRESENT_TEXT
from support.agencies import BOTH, UNLISTED, Federation, written
from support.processes import Cli, Finished


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files to be scanned, among them what strangers put there."""
    made = tmp_path / "uploads"
    (made / "deep" / "er").mkdir(parents=True)
    written(made / "listed", BOTH)
    written(made / "deep/clean", UNLISTED)
    written(made / "deep/er/test file", PRESENT_TEXT)
    written(made / "empty", b"")
    os.mkfifo(made / "pipe")
    (made / "out").symlink_to("/etc")
    with open(os.fsencode(made) + b"/\xff\n", "wb") as odd:  # noqa: PTH123
        odd.write(b"x")
    return made


def files(finished: Finished) -> dict[str, dict[str, Any]]:
    """What is said of each file that is not clean, by name."""
    return {Path(one["path"]).name: one for one in finished.results if one["type"] == "file"}


def summed(finished: Finished) -> dict[str, Any]:
    """The last line."""
    return finished.results[-1]


def counts(finished: Finished) -> dict[str, int]:
    """How many files of each status, without those of which there are none."""
    return {status: count for status, count in summed(finished)["counts"].items() if count}


def spooled(partner: Cli) -> list[dict[str, Any]]:
    """The hits that the partner keeps."""
    return partner.run("hit", "ls").results


def test_a_folder(partner: Cli, folder: Path) -> None:
    report = folder.with_name("run.jsonl")
    found = partner.run("scan", str(folder), "--report", str(report), "--report", f"{report}.html")
    assert found.exit == 1
    assert counts(found) == {"hit": 1, "test-file": 1, "clean": 3}
    assert (summed(found)["read"], summed(found)["passed_over"], summed(found)["evaluated"]) == (5, 2, 64)
    (hit,) = files(found)["listed"]["hits"]
    assert (hit["countries"], hit["algorithms"]) == (["FR", "NL"], ["md5", "sha256"])
    (kept,) = spooled(partner)
    assert (kept["hit"], kept["file"], kept["state"]) == (hit["hit"], str(folder / "listed"), "waiting")
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    paths = [os.fsencode(row["path"]) for row in rows[:-1]]
    assert paths == sorted(paths)
    assert len(paths) == 5
    assert report.stat().st_mode & 0o077 == 0
    assert "<html" in Path(f"{report}.html").read_text()


def test_nothing_is_read_twice(partner: Cli, folder: Path) -> None:
    first = partner.run("scan", str(folder))
    for again in (partner.run("scan", str(folder)), partner.run("scan", "--resume")):
        assert (again.exit, files(again)) == (1, files(first))
        assert (summed(again)["read"], summed(again)["evaluated"]) == (0, 64)
    written(folder / "deep/clean", BOTH)
    changed = partner.run("scan", "--resume")
    assert (counts(changed)["hit"], summed(changed)["read"]) == (2, 1)
    assert len(spooled(partner)) == 2


@pytest.mark.threat("a file that evades a scan")
def test_a_file_whose_time_was_put_back_is_read(partner: Cli, folder: Path) -> None:
    partner.run("scan", str(folder))
    clean = folder / "deep/clean"
    before = clean.stat()
    clean.write_bytes(BOTH.ljust(before.st_size)[: before.st_size])
    os.utime(clean, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert summed(partner.run("scan", str(folder)))["read"] == 1


@pytest.mark.parametrize("options", [(), ("--null",)])
def test_a_list_of_paths(partner: Cli, folder: Path, options: tuple[str, ...]) -> None:
    separator = "\0" if options else "\n"
    names = [str(folder / name) for name in ("listed", "missing", "out", "pipe", "deep")]
    found = partner.run("scan", "--files-from", "-", *options, typed=separator.join(names))
    assert found.exit == 1
    assert counts(found) == {"hit": 1, "test-file": 1, "unreadable": 3, "clean": 1}
    assert "not followed" in files(found)["out"]["reasons"][0]


def test_files_without_a_verdict_are_exit_code_3(partner: Cli, folder: Path) -> None:
    (folder / "listed").unlink()
    (folder / "deep/er/test file").unlink()
    assert partner.run("scan", str(folder)).exit == 0
    found = partner.run("scan", str(folder), str(folder / "missing"))
    assert (found.exit, counts(found)) == (3, {"unreadable": 1, "clean": 3})


def test_offline_confirms_later_without_reading(partner: Cli, folder: Path) -> None:
    screened = partner.run("scan", str(folder), "--offline")
    assert (screened.exit, counts(screened)) == (3, {"unconfirmed": 2, "clean": 3})
    assert summed(screened)["screen_only"]
    assert "the node was not asked" in screened.err
    assert spooled(partner) == []
    confirmed = partner.run("scan", str(folder))
    assert (confirmed.exit, counts(confirmed)) == (1, {"hit": 1, "test-file": 1, "clean": 3})
    assert summed(confirmed)["read"] == 0


def test_the_node_is_away(federation: Federation, partner: Cli, folder: Path) -> None:
    federation.fr_node.stop()
    try:
        away = partner.run("scan", str(folder))
    finally:
        federation.fr_node.__init__(federation.fr)  # type: ignore[misc]  # runs again
    assert (away.exit, counts(away)) == (16, {"unconfirmed": 2, "clean": 3})
    back = partner.run("scan", "--resume")
    assert (back.exit, counts(back), summed(back)["read"]) == (1, {"hit": 1, "test-file": 1, "clean": 3}, 0)
    assert len(spooled(partner)) == 1


def test_refusals(partner: Cli, folder: Path, tmp_path: Path) -> None:
    for code, says, arguments in (
        (2, "name folders or files", []),
        (2, "nothing was scanned", ["--resume"]),
        (2, "leave out --resume", ["--resume", str(folder)]),
        (2, "leave it out", ["--null", str(folder)]),
        (2, "a report ends in", [str(folder), "--report", str(tmp_path / "r.pdf")]),
        (2, "cannot be read", ["--files-from", str(tmp_path / "no list")]),
        (13, "--max-age allows 0", [str(folder), "--max-age", "0"]),
    ):
        finished = partner.run("scan", *arguments)
        assert (finished.exit, finished.out) == (code, ""), finished.err
        assert says in " ".join(finished.err.split())
    Cli(tmp_path / "nobody").refused(10, "no partner is enrolled", "scan", str(folder))


def test_bad_states(partner: Cli, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"no database at all" * 100)
    (tmp_path / "open.db").touch(mode=0o644)
    (tmp_path / "link.db").symlink_to(tmp_path / "elsewhere")
    for name, says in (
        ("other", "cannot be used"),
        ("open", "can be read by others"),
        ("link", "must not be a link"),
    ):
        path = tmp_path / f"{name}.db"
        path.chmod(0o600) if name == "other" else None
        finished = partner.run("scan", str(folder), "--state", str(path))
        assert (finished.exit, finished.out) == (2, ""), finished.err
        assert says in " ".join(finished.err.split())


HOSTILE = {
    "a.png": b"\x89PNG\r\n\x1a\n" + bytes(range(200)),
    "b.jpg": b"\xff\xd8\xff\xe0 cut off",
    "c.gif": b"GIF89a\xff\xff\xff\xff\xf7\x00\x00",
    "d.zip": b"PK\x03\x04" + bytes(60),
}


@pytest.mark.threat("a file that evades a scan")
def test_hostile_files_are_accounted_for(partner: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "soak"
    for number in range(500):
        inner = folder / str(number % 10)
        inner.mkdir(parents=True, exist_ok=True)
        written(inner / f"{number}.bin", f"clean {number}".encode())
    for name, data in HOSTILE.items():
        written(folder / name, data)
    listed = [*(str(path) for path in folder.rglob("*")), *(f"{folder}/missing {n}" for n in range(5))]
    found = partner.run("scan", "--files-from", "-", typed="\n".join(listed))
    assert (found.exit, counts(found)) == (3, {"clean": 500, "partly": len(HOSTILE), "unreadable": 5})
    assert set(files(found)) == {*HOSTILE, *(f"missing {n}" for n in range(5))}
    assert all(row["reasons"] for row in files(found).values())


@pytest.mark.threat("a scan's state or report")
def test_a_copy_of_the_state_tells_no_hash(partner: Cli, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "scan.db"
    partner.run("scan", str(folder), "--state", str(path))
    assert path.stat().st_mode & 0o077 == 0
    for content in (BOTH, UNLISTED):
        for algorithm in ("md5", "sha1", "sha256"):
            assert hashlib.new(algorithm, content).digest() not in path.read_bytes()
    (partner.home / "partner/scan.key").unlink()
    (folder / "another").write_bytes(BOTH)
    other = partner.run("scan", str(folder), "--state", str(path), "--offline")
    assert other.exit == 2
    assert "do not open with the key" in " ".join(other.err.split())


def endless(folder: Path) -> Path:
    """A file that nobody reads to its end."""
    path = folder / "zz/endless"  # the last one
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(1 << 36)
    return path


def scanning(partner: Cli, *arguments: str) -> subprocess.Popen[bytes]:
    """A scan that has read something, and goes on reading for ever."""
    state = partner.home / "partner/scan.db"
    state.unlink(missing_ok=True)
    process = partner.start("scan", "--progress", "json", *arguments)
    watchdog = Timer(120, process.kill)
    watchdog.start()
    assert process.stderr is not None
    line = b""
    while b'"files": 5' not in line:
        line = process.stderr.readline()
        assert line, "it ended"
    watchdog.cancel()
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_and_resumed(partner: Cli, folder: Path, number: signal.Signals) -> None:
    path = endless(folder)
    report = folder.with_name("report.jsonl")
    process = scanning(partner, str(folder), "--report", str(report))
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"what was read and found is kept" in err
    *_, last = map(json.loads, report.read_text().splitlines())
    assert (last["type"], last["ended_ms"], last["files"]) == ("summary", None, 5)
    path.unlink()
    resumed = partner.run("scan", "--resume")
    assert (resumed.exit, counts(resumed)) == (1, {"hit": 1, "test-file": 1, "clean": 3})
    assert summed(resumed)["read"] == 5  # in the one run, however often it was interrupted
    assert len(spooled(partner)) == 1


def test_one_scan_a_state_and_a_status_line(partner: Cli, folder: Path) -> None:
    endless(folder)
    process = scanning(partner, str(folder))
    try:
        assert partner.run("scan", str(folder)).exit == 11
        assert partner.run("scan", str(folder / "deep"), "--state", str(folder.with_name("own.db"))).exit == 1
        process.send_signal(signal.SIGUSR1)
        assert process.stderr is not None
        assert any(b"files/s" in line for line in iter(process.stderr.readline, b""))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
