"""What a partner's update by one change takes: memory of the process, and time against reading what it verifies.

Run it as `python -m benchmarks.bench_update` with `tests` and the repository on the path; a number behind it is the
answers of another release, such as 10000000. The values are random and the labels noise: nothing here opens one. Old
and new release and the files that lead from one to the other are made beforehand; each side is a process of its own.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from benchmarks.results import Result, in_turns, report

from node.hoster.folder import PartnerFolder
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.store.release import load_release, map_file
from protocol.messages import ReleasePart
from protocol.subset.chunks import labels_root
from protocol.subset.files import Held, write_answers, write_labels, write_screen
from protocol.subset.label import LABEL_BYTES
from protocol.subset.manifest import Manifest
from protocol.subset.release import Release
from protocol.subset.rice import U64Array
from protocol.subset.widths import answer_width, screen_width
from support.processes import environment
from support.subsets import EMPTY_MANIFEST, values_root

COUNT = 1_000_000
SCREEN_BITS = 12
RUNS = 3
HELD, NEW = 1, 2


def _release(screen: U64Array, answers: U64Array, labels: bytes, widths: tuple[int, int]) -> Release:
    manifest = replace(
        EMPTY_MANIFEST,
        screen_count=len(screen),
        answers_count=len(answers),
        screen_width=widths[0],
        answers_width=widths[1],
        screen_root=values_root(screen),
        answers_root=values_root(answers),
        labels_root=labels_root([labels], LABEL_BYTES),
    )
    return Release(manifest=manifest, screen=screen, answers=answers, labels=labels)


def _releases(count: int) -> tuple[Release, Release]:
    """A release, and the same with one more file; three answers to a value of the screen."""
    rng = np.random.default_rng(1)
    widths = screen_width(count // 3 + 1, SCREEN_BITS), answer_width(count + 1)
    screen = np.unique(rng.integers(0, 1 << widths[0], count // 3, dtype=np.uint64))
    answers = np.sort(rng.integers(0, 1 << widths[1], count, dtype=np.uint64))
    labels = rng.bytes(count * LABEL_BYTES)
    value = np.uint64(1 << (widths[1] - 1))
    place = int(answers.searchsorted(value, "right"))
    at = place * LABEL_BYTES
    more = labels[:at] + bytes(LABEL_BYTES) + labels[at:]
    return (
        _release(screen, answers, labels, widths),
        _release(np.union1d(screen, [np.uint64(5)]), np.insert(answers, place, value), more, widths),
    )


def prepare(folder: Path, count: int) -> None:
    """A partner's folder with the old release, and beside it the files that lead to the new."""
    old, new = _releases(count)
    releases = HeldReleases(PartnerFolder(folder / "home"))
    with releases.arriving():
        files = releases.new(HELD, old.manifest, None)
        for part, data in _files(old, None).items():
            files.write(part, data)
        releases.put_in_place(HELD)
    (folder / "manifest").write_bytes(new.manifest.to_bytes())
    for since in (None, Held(HELD, old)):
        for part, data in _files(new, since).items():
            (folder / f"{part}.{'whole' if since is None else 'delta'}").write_bytes(data)


def _files(release: Release, since: Held | None) -> dict[ReleasePart, bytes]:
    return {
        ReleasePart.SCREEN: write_screen(release, since=since),
        ReleasePart.ANSWERS: write_answers(release, since=since),
        ReleasePart.LABELS: write_labels(release, since=since),
    }


def update(folder: Path, form: str) -> None:
    """What `sigfed update` does with the files of a release once they came."""
    releases = HeldReleases(PartnerFolder(folder / "home"))
    held = releases.load(HELD)
    with releases.arriving():
        files = releases.new(NEW, Manifest.from_bytes((folder / "manifest").read_bytes()), held)
        for part in (ReleasePart.SCREEN, ReleasePart.ANSWERS, ReleasePart.LABELS):
            files.write(part, map_file(folder / f"{part}.{form}").octets)
        files.load()


def read(folder: Path) -> None:
    """Verify the release that is held twice: what an update reads, and nothing else."""
    for _ in range(2):
        load_release(folder / "home" / "releases" / str(HELD), HELD)


def _child(folder: Path, side: str) -> tuple[float, float]:
    """Seconds of the processor, and MiB at most."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_update", side, os.fspath(folder)],
        capture_output=True,
        env=environment(),
        check=True,
    )
    seconds, most = json.loads(done.stdout)
    return seconds, most


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Memory and time of an update by one change."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        count = COUNT // divisor
        prepare(folder, count)
        found: dict[str, list[tuple[float, float]]] = {"delta": [], "whole": [], "read": []}

        def side(name: str) -> float:
            found[name].append(_child(folder, name))
            return found[name][-1][0]

        runs = in_turns(max(1, RUNS // divisor), *((lambda name=name: side(name)) for name in found))
        delta, whole, least = (median(column) for column in runs)
        yield Result(
            name="an update by one change",
            value=delta / least,
            limit=2.6,
            detail=f"{count:,} answers with labels: {delta:.2f} s against {least:.2f} s to verify both"
            f" releases; from whole files {whole:.2f} s",
        )
        yield Result(
            name="memory of an update by one change",
            value=max(most for _, most in found["delta"]),
            limit=150,
            unit="MiB",
            detail=f"{max(most for _, most in found['read']):.0f} MiB of a process that verifies one; from whole files"
            f" {max(most for _, most in found['whole']):.0f} MiB",
        )


def _run(side: str, folder: Path) -> None:
    started = time.process_time()
    read(folder) if side == "read" else update(folder, side)
    status = Path("/proc/self/status").read_text()  # ru_maxrss has the process that started this one in it
    most = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    sys.stdout.write(json.dumps([time.process_time() - started, most]))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _run(sys.argv[1], Path(sys.argv[2]))
        sys.exit()
    if sys.argv[1:2] and sys.argv[1].isdigit():
        COUNT = int(sys.argv.pop(1))
    sys.exit(report([measure], sys.argv[1:]))
