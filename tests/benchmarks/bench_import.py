"""What an import costs, against `csv.reader` and `executemany` of the same decoded digests into the same table.

Run it as `python -m benchmarks.bench_import` with `tests` and the repository on the path. The file is an ICSE export of
a million rows, two digests each, with case columns. The baseline reads it with `csv.reader`, decodes the hexadecimal
and inserts (first eight bytes, log, position, collection) into `entry_index` in one transaction: the least a program
could do that keeps the digests. An import also checks every cell, refuses and reports, looks for what is listed
already, computes keyed hashes, seals openings and case data and makes them durable. Runs take turns; medians are
compared.
"""

import csv
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import md5, sha1
from pathlib import Path
from statistics import median

from benchmarks.results import Result, in_turns, report

from node.formats import read_rows
from node.lists.catalogue import create_list
from node.lists.imports.intake import Statement, import_rows
from node.objects.folder import FolderObjects
from node.store.store import Store
from protocol.lists.event import BASELINE, INVESTIGATIVE

COUNT = 1_000_000
RUNS = 5
MOST_RATIO = 3.0

_HEADER = (
    "MD5;SHA1;ZZ40;PhotoDNA;Lace;Image ID;Is distributed;Victim identified;Offender identified;Series name;"
    "Investigation name;Agency;Number of submissions;File Available;Media Type;Baseline"
)
_INSERT = "INSERT INTO entry_index (key, log_id, position, collection) VALUES (?, ?, ?, ?)"


def write_export(path: Path, count: int) -> None:
    """An ICSE export of made-up files."""
    with path.open("w", encoding="utf-8") as file:
        file.write(_HEADER + "\n")
        for number in range(count):
            name = f"file {number}".encode()
            hashes = f"{md5(name, usedforsecurity=False).hexdigest()};{sha1(name, usedforsecurity=False).hexdigest()}"
            flag = "Yes" if number % 3 else "No"
            case = f"Y;N;N;Series {number % 97};Investigation {number % 13};Agency;{number % 5};True;Image"
            file.write(f"{hashes};;;;{number};{case};{flag}\n")


def empty_store(folder: Path) -> Store:
    """An empty store with one list."""
    store = Store.create(
        f"sqlite:///{folder}/sigfed.db",
        objects=FolderObjects(folder / "objects"),
        storage_key=bytes(32),
        entropy=os.urandom,
    )
    create_list(store, "bench.example", "main")
    return store


def time_import(path: Path) -> float:
    """Seconds for `import_rows` of the file into a new store."""
    with tempfile.TemporaryDirectory() as name, path.open("rb") as stream:
        store = empty_store(Path(name))
        started = time.perf_counter()
        report = import_rows(
            store,
            "bench.example/lists/main",
            read_rows(stream, collection=BASELINE),
            statement=Statement(criteria=1),
            now_ms=0,
        )
        seconds = time.perf_counter() - started
        _dispose(store)
    assert report.refused_total == report.duplicates == 0
    return seconds


def time_baseline(path: Path) -> float:
    """Seconds for the same digests into the same table of a new store."""
    with tempfile.TemporaryDirectory() as name:
        _dispose(empty_store(Path(name)))
        connection = sqlite3.connect(Path(name, "sigfed.db"), isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-65536")
        started = time.perf_counter()
        connection.execute("BEGIN")
        connection.executemany(_INSERT, _decoded(path))
        connection.execute("COMMIT")
        seconds = time.perf_counter() - started
        connection.close()
    return seconds


def _decoded(path: Path) -> Iterator[tuple[int, int, int, int]]:
    position = 0
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file, delimiter=";")
        next(reader)
        for cells in reader:
            collection = BASELINE if cells[15] == "Yes" else INVESTIGATIVE
            for text in cells[:2]:
                yield int.from_bytes(bytes.fromhex(text)[:8], signed=True), 1, position, collection
                position += 1


def _dispose(store: Store) -> None:
    assert isinstance(store, Store)
    store.dispose()


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """The import against its baseline."""
    count = COUNT // divisor
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "export.csv")
        write_export(path, count)
        baselines, ours = in_turns(RUNS, lambda: time_baseline(path), lambda: time_import(path))
    seconds, bare = median(ours), median(baselines)
    yield Result(
        name="importing an export",
        value=median(own / other for own, other in zip(ours, baselines, strict=True)),
        limit=MOST_RATIO,
        detail=f"{count:,} rows in {seconds:.1f} s, {count / seconds:,.0f} a second,"
        f" against csv.reader and executemany of the same {2 * count:,} digests in {bare:.1f} s",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
