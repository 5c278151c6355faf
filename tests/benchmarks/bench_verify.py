"""What a follower pays to verify a list, against the bare loop of the same leaf and commitment hashes.

Run it as `python -m benchmarks.bench_verify` with `tests` and the repository on the path. The follower is a whole pull:
signature of the checkpoint, form of bundles and openings, rules of a list, commitments, Merkle tree and root. The list
is read from a file bundle by bundle, and both loops take turns on each; of the ratios of passes the median counts.
It hashes as a node does, with the kernel where that is compiled and the processor has instructions for SHA-256.
Seconds are of processor time. Memory is the growth of the peak of a process of its own.
"""

import multiprocessing
import random
import re
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from statistics import median

from benchmarks.results import Result, report

from keys.key import LogPrivateKey
from node.group.load import load_hasher
from protocol.digest import SIZES, Algorithm, Digest
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.event import BASELINE, NATIONAL, Event, Header, Op
from protocol.lists.ext import Basis, Ext, Reason
from protocol.lists.opening import DOMAIN, Opening, commitment, origin_hash
from protocol.pull.inputs import Held, LogTrust
from protocol.pull.machine import GetBundle, Pull, Pulled
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.hasher import HASHLIB
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.note import VerifierKey
from protocol.tlog.tiles import decode_bundle, encode_bundle

COUNT = 1_000_000
PASSES = 5
MOST_RATIO = {True: 1.3, False: 2.7}
"""With the kernel, and without."""
MOST_MIB = 64

ORIGIN = "bench.example/lists/main"
KEY = LogPrivateKey.from_seed(b"b" * 32)
GRANTED = frozenset({BASELINE, NATIONAL})
START_MS = 1_700_000_000_000
NOW = datetime(2026, 11, 25, tzinfo=UTC)
ROUND = 5000
"""Events of one publication: they share its time."""
_HEAD = struct.Struct(">III")
_WARM = 2 * BUNDLE_WIDTH


@dataclass(frozen=True, slots=True)
class Pass:
    """Seconds of one pass over the list."""

    bare: float
    verify: float


def write_list(path: Path, count: int) -> bytes:
    """A list of three digests a file with a content id, some withdrawn, some relied on, some hidden algorithms.

    Returns its signed checkpoint.
    """
    rng, tree = random.Random(1), CompactRange()
    with path.open("wb") as file:
        for first in range(0, count, BUNDLE_WIDTH):
            rows = [_row(rng, index) for index in range(first, min(first + BUNDLE_WIDTH, count))]
            tree.extend(leaf_hash(event) for event, _ in rows)
            events = encode_bundle([event for event, _ in rows])
            openings = encode_bundle([opening for _, opening in rows])
            file.write(_HEAD.pack(len(rows), len(events), len(openings)) + events + openings)
    return sign_checkpoint(Checkpoint(ORIGIN, tree.size, tree.root()), [KEY])


def _row(rng: random.Random, index: int) -> tuple[bytes, bytes]:
    time_ms = START_MS + index // ROUND
    if index % 20 == 19:
        header = Header(op=Op.WITHDRAW, collection=BASELINE, time_ms=time_ms, ref=index - 19)
        opening = Opening(rng.randbytes(16), None, Ext(reason=Reason.DUPLICATE))
    else:
        algorithm = (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5)[index % 3]
        shown = algorithm if index % 2 else Algorithm.HIDDEN
        collection = NATIONAL if index % 20 == 7 else BASELINE
        header = Header(op=Op.ADD, collection=collection, algorithm=shown, time_ms=time_ms)
        basis = Basis.RELIES_ON if index % 5 == 1 else Basis.OWN
        ext = Ext(content_id=rng.randbytes(16), criteria=3, basis=basis, legality=("FR", "NL"))
        opening = Opening(rng.randbytes(16), Digest(algorithm, rng.randbytes(SIZES[algorithm])), ext)
    data = opening.to_bytes()
    return Event(header, commitment(origin_hash(ORIGIN), header.to_bytes(), data)).to_bytes(), data


def read_list(path: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Width, entry bundle and its openings, one bundle at a time."""
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            width, events, openings = _HEAD.unpack(head)
            yield width, file.read(events), file.read(openings)


def bare_loop(events: list[bytes], openings: list[bytes]) -> None:
    """The two hashes of each event, and nothing else."""
    prefix = DOMAIN + origin_hash(ORIGIN)
    for event, opening in zip(events, openings, strict=True):
        sha256(b"\0" + event).digest()
        sha256(prefix + event[:24] + opening).digest()


def one_pass(path: Path, note: bytes) -> Pass:
    """Pull the whole list once, with the bare loop beside it."""
    trust = LogTrust(origin=ORIGIN, log_keys=(VerifierKey.of_log(ORIGIN, KEY.public),))
    pull = Pull(Held(), trust, granted=GRANTED, now=NOW, hasher=load_hasher())
    pull.receive_head(note)
    bare = verify = 0.0
    for width, entries, opened in read_list(path):
        events, openings = decode_bundle(entries, width), decode_bundle(opened, width)
        started = time.process_time()
        bare_loop(events, openings)
        hashed = time.process_time()
        assert isinstance(pull.next_request(), GetBundle)
        pull.receive_bundle(entries, opened)
        verify += time.process_time() - hashed
        bare += hashed - started
    assert isinstance(pull.result, Pulled)
    return Pass(bare, verify)


def measure_here(path: Path, note: bytes, passes: int) -> tuple[list[Pass], float]:
    """All passes, and the growth of this process's peak memory over them in MiB."""
    warm = path.with_suffix(".warm")
    one_pass(warm, write_list(warm, _WARM))  # what is loaded and remembered once is not the list's
    before = peak_mib()
    done = [one_pass(path, note) for _ in range(passes)]
    return done, peak_mib() - before


def peak_mib() -> float:
    """The most memory that this process ever had resident, in MiB."""
    # Not `ru_maxrss`, which a process inherits: below the peak of what started it, no growth would be seen.
    (kib,) = re.findall(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kib) / 1024


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Time and memory."""
    count = COUNT // divisor
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list")
        note = write_list(path, count)
        with multiprocessing.get_context("spawn").Pool(1) as process:
            passes, growth = process.apply(measure_here, (path, note, PASSES if divisor == 1 else 2))
    by_kernel = load_hasher() is not HASHLIB
    bare, verify = median(each.bare for each in passes), median(each.verify for each in passes)
    yield Result(
        name="verifying a list",
        value=median(each.verify / each.bare for each in passes),
        limit=MOST_RATIO[by_kernel],
        detail=f"{count:,} events in {verify:.2f} s against the two hashes of each in {bare:.2f} s,"
        f" by {'the kernel' if by_kernel else 'hashlib'}",
    )
    yield Result(
        name="verifying a list, growth of peak memory",
        value=growth,
        limit=MOST_MIB,
        unit="MiB",
        detail=f"{count:,} events, {len(passes)} passes",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
