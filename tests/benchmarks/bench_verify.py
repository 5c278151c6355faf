"""What a follower pays to verify a list, against the bare loop of the same leaf and commitment hashes.

Run it as `python -m benchmarks.bench_verify` with `tests` and the repository on the path. The list is read from a file
bundle by bundle, as a pull would; both loops take turns on each bundle, and the medians of whole passes are compared.
Verification cuts both bundles and checks the rules of a list, the form of each opening and its commitment; the tree is
named apart. Memory is the growth of the peak of a process of its own.
"""

import multiprocessing
import os
import random
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median

from protocol.bundle import verify_bundle
from protocol.digest import SIZES, Algorithm, Digest
from protocol.event import BASELINE, NATIONAL, Event, Header, Op
from protocol.limits import BUNDLE_WIDTH
from protocol.opening import DOMAIN, Basis, Ext, Opening, Reason, commitment, origin_hash
from protocol.pull.bundles import read_events, read_openings
from protocol.sequence import LogShape
from protocol.tlog.merkle import CompactRange
from protocol.tlog.tiles import decode_bundle, encode_bundle

COUNT = 1_000_000
PASSES = 5
MOST_RATIO = 2.5
MOST_MIB = 64

ORIGIN_HASH = origin_hash("bench.example/lists/main")
GRANTED = frozenset({BASELINE, NATIONAL})
START_MS = 1_700_000_000_000
_HEAD = struct.Struct(">III")


@dataclass(frozen=True, slots=True)
class Pass:
    """Seconds of one pass over the list."""

    bare: float
    verify: float
    tree: float


def write_list(path: Path, count: int) -> None:
    """A list of three digests a file with a content id, some withdrawn, some relied on, some hidden algorithms."""
    rng = random.Random(1)
    with path.open("wb") as file:
        rows: list[tuple[bytes, bytes]] = []
        for index in range(count):
            rows.append(_row(rng, index))
            if len(rows) == BUNDLE_WIDTH or index == count - 1:
                events = encode_bundle([event for event, _ in rows])
                openings = encode_bundle([opening for _, opening in rows])
                file.write(_HEAD.pack(len(rows), len(events), len(openings)) + events + openings)
                rows = []


def _row(rng: random.Random, index: int) -> tuple[bytes, bytes]:
    if index % 20 == 19:
        header = Header(op=Op.WITHDRAW, collection=BASELINE, time_ms=START_MS + index, ref=index - 19)
        opening = Opening(rng.randbytes(16), None, Ext(reason=Reason.DUPLICATE))
    else:
        algorithm = (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5)[index % 3]
        shown = algorithm if index % 2 else Algorithm.HIDDEN
        collection = NATIONAL if index % 20 == 7 else BASELINE
        header = Header(op=Op.ADD, collection=collection, algorithm=shown, time_ms=START_MS + index)
        basis = Basis.RELIES_ON if index % 5 == 1 else Basis.OWN
        ext = Ext(content_id=rng.randbytes(16), criteria=3, basis=basis, legality=("FR", "NL"))
        opening = Opening(rng.randbytes(16), Digest(algorithm, rng.randbytes(SIZES[algorithm])), ext)
    data = opening.to_bytes()
    return Event(header, commitment(ORIGIN_HASH, header.to_bytes(), data)).to_bytes(), data


def read_list(path: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Width, entry bundle and its openings, one bundle at a time."""
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            width, events, openings = _HEAD.unpack(head)
            yield width, file.read(events), file.read(openings)


def bare_loop(events: list[bytes], openings: list[bytes]) -> None:
    """The two hashes of each event, and nothing else."""
    prefix = DOMAIN + ORIGIN_HASH
    for event, opening in zip(events, openings, strict=True):
        sha256(b"\0" + event).digest()
        sha256(prefix + event[:24] + opening).digest()


def one_pass(path: Path) -> Pass:
    """Verify the whole list once, with the bare loop beside it."""
    shape, tree = LogShape(), CompactRange()
    bare = verify = extend = 0.0
    for width, bundle, opened in read_list(path):
        events, openings = decode_bundle(bundle, width), decode_bundle(opened, width)
        started = time.perf_counter()
        bare_loop(events, openings)
        hashed = time.perf_counter()
        report = verify_bundle(
            shape,
            origin_hash=ORIGIN_HASH,
            first_index=shape.size,
            events=read_events(bundle, width),
            openings=read_openings(opened, width),
            now_ms=START_MS + COUNT,
            granted=GRANTED,
        )
        verified = time.perf_counter()
        tree.extend(report.leaf_hashes)
        extended = time.perf_counter()
        assert not report.missing
        assert not report.unknown
        bare, verify, extend = (
            bare + hashed - started,
            verify + verified - hashed,
            extend + extended - verified,
        )
    assert tree.size == shape.size
    return Pass(bare, verify, extend)


def measure(path: Path) -> tuple[list[Pass], float]:
    """All passes, and the growth of this process's peak memory over them in MiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    passes = [one_pass(path) for _ in range(PASSES)]
    return passes, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> int:
    """Print ratio and growth; 0 when both are within their bounds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list"
        write_list(path, COUNT)
        with multiprocessing.get_context("spawn").Pool(1) as process:
            passes, growth = process.apply(measure, (path,))
    bare, verify, tree = (
        median(column) for column in zip(*((p.bare, p.verify, p.tree) for p in passes), strict=True)
    )
    ratio = verify / bare
    sys.stdout.write(
        f"{COUNT:,} events, median of {PASSES}: bare hashes {bare:.2f} s, verified {verify:.2f} s,"
        f" ratio {ratio:.2f} (at most {MOST_RATIO}); tree {tree:.2f} s more;"
        f" peak memory +{growth:.0f} MiB (at most {MOST_MIB}); {os.cpu_count()} CPUs\n"
    )
    return 0 if ratio <= MOST_RATIO and growth <= MOST_MIB else 1


if __name__ == "__main__":
    sys.exit(main())
