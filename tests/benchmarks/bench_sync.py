"""What an event of a first sync costs, where both sides list the same files and where they share none.

Run it as `python -m benchmarks.bench_sync` with `tests` and the repository on the path. Two agencies import, publish
and sync by the services of a node, over a link without sockets, each file with its MD5, SHA-1 and SHA-256. Processor
time is of both sides of the link.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from hashlib import md5, sha1, sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.results import Result, report

from node.formats.rows import ImportRow
from node.lists.imports.intake import Statement, import_rows
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE
from protocol.lists.opening import Basis
from support.federation import Agency, Federation

FILES = 33_000
"""As many as one day allows, with three digests each."""
MOST_US = 25


def _rows(files: range) -> Iterator[ImportRow]:
    for number in files:
        name = b"file %d" % number
        digests = (
            Digest(Algorithm.MD5, md5(name, usedforsecurity=False).digest()),
            Digest(Algorithm.SHA1, sha1(name, usedforsecurity=False).digest()),
            Digest(Algorithm.SHA256, sha256(name).digest()),
        )
        yield ImportRow(number + 2, digests, BASELINE, {}, "")


def _publish(agency: Agency, files: range) -> None:
    statement = Statement(basis=Basis.OWN, criteria=1)
    import_rows(agency.store, agency.origin, _rows(files), statement=statement, now_ms=agency.now_ms)
    agency.publish()


def microseconds(theirs: range, ours: range) -> float:
    """Of the processor, for each event of a first sync with a list of `theirs` of a node that lists `ours`."""
    with TemporaryDirectory() as scratch, Federation(Path(scratch)) as federation:
        fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
        federation.introduce(fr, nl)
        _publish(fr, theirs)
        _publish(nl, ours)
        started = time.process_time()
        outcome = asyncio.run(nl.syncer.sync(fr.name, federation.link(nl, fr)))
        spent = time.process_time() - started
        events = nl.log(fr.origin).head.size
        assert outcome.succeeded
        assert events == 3 * len(theirs)
        return 1e6 * spent / events


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Both worlds."""
    files = max(100, FILES // divisor)
    apart = microseconds(range(files), range(files, 2 * files))
    same = microseconds(range(files), range(files))
    yield Result(
        name="an event of a first sync",
        value=same,
        limit=MOST_US,
        unit="µs",
        detail=f"{3 * files:,} events, the same files on both sides; {apart:.1f} us where they share none",
    )
    yield Result(
        name="guards where both sides list the same",
        value=same / apart,
        limit=1.5,
        detail=f"{same:.1f} us an event against {apart:.1f} us where they share none",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
