"""What a scan costs: the screen, judging a stored scan anew after an update, memory, and all of it against clamscan.

Run it as `python -m benchmarks.bench_scan` with `tests` and the repository on the path. Lists are made up, everything
else is real: walk, worker processes, hashes, state. Processor time counts where one process works, wall time where
several do. The comparison with `clamscan` is left out where that is not installed (Debian: clamav).
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from statistics import median
from zipfile import ZipFile

import numpy as np
from benchmarks.results import Better, Result, in_turns, report

from node.hashing.file_hashes import Part
from node.hashing.plan import HashPlan
from node.hoster.scan.judge import Screening, rejudge
from node.hoster.scan.part_codec import pack
from node.hoster.scan.state import Kept, ScanState, open_state
from protocol.digest import SIZES, Algorithm, Digest
from protocol.subset.files import Held
from protocol.subset.lookup import Lookup
from support.processes import environment
from support.scanning_alone import list_of, random_list, scan

ENTRIES = 1_000_000
VALUES = 20_000_000
STORED = 1_000_000
ADDED = 200
SOAKED = 100_000
COMPARED = 4_000
COMPARED_BYTES = 100_000
LISTED_BY_CLAMAV = 200_000
RUNS = 3
LEAST_MILLIONS = 10.0
MOST_REJUDGING_S = 2.0
MOST_REJUDGING = 4.0
MOST_GROWTH = 1.3
MOST_OF_CLAMSCAN = 1.0
_EXACT = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)


def screening_speed(*, divisor: int = 1) -> Iterator[Result]:
    """Look-ups in the screen by one core."""
    release = random_list(max(1000, ENTRIES // divisor)).release
    asked = np.random.default_rng(2).integers(0, 1 << 64, max(10_000, VALUES // divisor), dtype=np.uint64)
    cut = asked >> np.uint64(64 - release.manifest.screen_width)

    def sieved() -> float:
        began = time.process_time()
        Lookup(release).survives(asked)
        return time.process_time() - began

    def searched() -> float:
        began = time.process_time()
        places = np.minimum(np.searchsorted(release.screen, cut), len(release.screen) - 1)
        assert np.equal(release.screen[places], cut).shape == asked.shape
        return time.process_time() - began

    own, plain = in_turns(RUNS, sieved, searched)
    yield Result(
        name="screen look-ups, millions a second and core",
        value=median(len(asked) / seconds / 1e6 for seconds in own),
        limit=LEAST_MILLIONS,
        better=Better.HIGHER,
        detail=f"{len(asked):,} values against {len(release.screen):,}; a search by numpy alone:"
        f" {median(len(asked) / seconds / 1e6 for seconds in plain):.1f}",
    )


def _stored(state: ScanState, files: int) -> None:
    """Files with three hashes each, as a scan keeps them."""
    rng = np.random.default_rng(3)
    run = state.runs.begin(["/made/up"], now_ms=1)
    for start in range(0, files, 10_000):
        count = min(10_000, files - start)
        screens = rng.integers(0, 1 << 64, (count, 3), dtype=np.uint64).astype("<u8")
        kept = [
            Kept(
                path=f"/made/up/{number % 1000}/file number {number}.jpg".encode(),
                source="/made/up",
                size=1000,
                mark=f"{number}:{number}:{number}:plan",
                screens=screens[number - start].tobytes(),
                parts=_PARTS,
            )
            for number in range(start, start + count)
        ]
        state.files.keep(run, kept)


_PARTS = pack([Part("", tuple(Digest(each, bytes(SIZES[each])) for each in _EXACT))])


def _next_list(held: Held, added: int) -> Held:
    """The list with some entries more, of files that are stored."""
    bits = held.release.manifest.screen_width
    new = np.random.default_rng(4).integers(0, 1 << bits, added, dtype=np.uint64)
    return list_of(np.unique(np.concatenate([held.release.screen, new])), bits, version=held.version + 1)


def rejudging(*, divisor: int = 1) -> Iterator[Result]:
    """A stored scan after an update, against reading the hashes out of the state and nothing else."""
    files = max(30, STORED // divisor // 3)
    lists = [random_list(max(1000, ENTRIES // divisor))]
    for _ in range(RUNS):
        lists.append(_next_list(lists[-1], ADDED))
    with tempfile.TemporaryDirectory() as name, open_state(Path(name) / "scan.db", bytes(32)) as state:
        _stored(state, files)
        rejudge(state, Screening(lists[0]))
        updates = iter(lists[1:])

        def judge() -> float:
            following = next(updates)
            began = time.process_time()
            rejudge(state, Screening(following))
            return time.process_time() - began

        def read() -> float:
            began = time.process_time()
            assert sum(len(page.ids) for page in state.verdicts.pages()) == files
            return time.process_time() - began

        own, plain = in_turns(RUNS, judge, read)
    yield Result(
        name="judging a stored scan anew after an update, seconds",
        value=median(own),
        limit=MOST_REJUDGING_S,
        detail=f"{3 * files:,} stored hashes, {ADDED} entries added to {len(lists[0].release.screen):,}",
    )
    yield Result(
        name="judging a stored scan anew",
        value=median(seconds / other for seconds, other in zip(own, plain, strict=True)),
        limit=MOST_REJUDGING,
        detail=f"{median(own):.2f} s against {median(plain):.2f} s for reading the values out of the state",
    )


def _fill(folder: Path, files: int, size: int) -> None:
    """Files of made-up bytes, one in a hundred of them hostile."""
    chance = random.Random(7)
    for number in range(files):
        inner = folder / f"{number % 100:02}"
        if number < 100:
            inner.mkdir(parents=True)
        name, data = _hostile(number // 100) if number % 100 == 99 else ("bin", b"")
        (inner / f"{number}.{name}").write_bytes(data or chance.randbytes(size))


@cache
def _bomb() -> bytes:
    with tempfile.TemporaryFile() as file:
        with ZipFile(file, "w", compression=8) as archive:
            archive.writestr("inside", bytes(50_000_000))
        file.seek(0)
        return file.read()


def _hostile(number: int) -> tuple[str, bytes]:
    kinds = (
        ("png", b"\x89PNG\r\n\x1a\n" + bytes(range(200))),
        ("jpg", b"\xff\xd8\xff\xe0" + b"cut off"),
        ("gif", b"GIF89a\xff\xff\xff\xff\xf7\x00\x00"),
        ("zip", b"PK\x03\x04" + bytes(60)),
        ("zip", _bomb()),
    )
    return kinds[number % len(kinds)]


def soak(*, divisor: int = 1) -> Iterator[Result]:
    """A hundred thousand files, against a tenth of them: every one accounted for, and memory flat."""
    files = max(200, SOAKED // divisor)
    told = []
    with tempfile.TemporaryDirectory() as name:
        for count in (files // 10, files):
            folder = Path(name) / f"{count}"
            _fill(folder, count, 500)
            done = subprocess.run(
                [sys.executable, "-m", "support.scanning_alone", folder, f"{folder}.db", "2", "100000"],
                env=environment(),
                capture_output=True,
                check=True,
            )
            told.append(json.loads(done.stdout))
            assert told[-1]["files"] == told[-1]["listed"] == count, "every file is accounted for"
    small, large = told
    yield Result(
        name="memory of a long scan",
        value=large["memory_kib"] / small["memory_kib"],
        limit=MOST_GROWTH,
        detail=f"{files:,} files in {large['seconds']:.0f} s, {large['counts'].get('partly', 0):,} looked at in part:"
        f" {large['memory_kib'] / 1024:.0f} MiB, {files // 10:,} files: {small['memory_kib'] / 1024:.0f} MiB",
    )


def against_clamscan(*, divisor: int = 1) -> Iterator[Result]:
    """The same folder and a list of the same size; without clamscan there is nothing to compare with."""
    clamscan = shutil.which("clamscan")
    if clamscan is None:
        return
    files, entries = max(20, COMPARED // divisor), max(100, LISTED_BY_CLAMAV // divisor)
    with tempfile.TemporaryDirectory() as name:
        folder, listed = Path(name) / "files", Path(name) / "list.hsb"
        folder.mkdir()
        chance = random.Random(8)
        for number in range(files):
            (folder / f"{number}.bin").write_bytes(chance.randbytes(COMPARED_BYTES))
        hashes = (sha256(b"%d" % number).hexdigest() for number in range(entries))
        listed.write_text("".join(f"{value}:{COMPARED_BYTES}:n{at}:73\n" for at, value in enumerate(hashes)))
        fresh = iter(range(RUNS))

        def own() -> float:
            state = Path(name) / f"{next(fresh)}.db"
            return float(str(scan(folder, state, jobs=1, entries=entries, plan=_PLAIN)["seconds"]))

        def theirs() -> float:
            began = time.perf_counter()
            command = [clamscan, "-d", str(listed), "-r", "-i", "--no-summary", str(folder)]
            subprocess.run(command, check=True, capture_output=True)
            return time.perf_counter() - began

        mine, others = in_turns(RUNS, own, theirs)
    yield Result(
        name="a scan by one worker against clamscan",
        value=median(seconds / other for seconds, other in zip(mine, others, strict=True)),
        limit=MOST_OF_CLAMSCAN,
        detail=f"{files:,} files of {COMPARED_BYTES / 1000:.0f} kB, {entries:,} hashes:"
        f" {median(mine):.1f} s against {median(others):.1f} s",
    )


_PLAIN = HashPlan(images=False, archives=False)


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """All of them."""
    for part in (screening_speed, rejudging, soak, against_clamscan):
        yield from part(divisor=divisor)


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
