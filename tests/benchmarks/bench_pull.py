"""Verifying 1 000 000 events through `protocol.pull`, against the bare loop of their leaf and commitment hashes.

    python tests/benchmarks/bench_pull.py [EVENTS] [ROUNDS]

Both see the same bytes, made beforehand and kept as the bundles a peer would send. The bare loop is handed events and
openings already taken apart, a bundle at a time, and hashes them; the pull reads, checks rules, hashes, checks
openings, extends the tree and compares the root. Rounds alternate; the medians and the ratio of medians are printed, then the growth of peak memory over one more pull, in a fresh process that streams the bundles from a file.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256, shake_256
from pathlib import Path
from struct import Struct
from time import perf_counter
from typing import Final

from keys.key import LogPrivateKey
from protocol.digest import SIZES, Algorithm, Digest
from protocol.event import BASELINE, Header, Op
from protocol.limits import BUNDLE_WIDTH
from protocol.opening import DOMAIN, Basis, Ext, Opening, commitment, origin_hash
from protocol.pull import GetBundle, Held, LogTrust, Pull, Pulled
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.note import VerifierKey
from protocol.tlog.tiles import decode_bundle, encode_bundle

ORIGIN: Final = "agency.example/lists/main"
KEY: Final = LogPrivateKey.from_seed(b"b" * 32)
NOW: Final = datetime(2026, 11, 25, tzinfo=UTC)
START_MS: Final = 1_700_000_000_000
ALGORITHMS: Final = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)
MOST_RATIO: Final = 2.5
MOST_MIB: Final = 64
_SIZES: Final = Struct(">II")


def bundles(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Entries and openings of a list as an import makes them: files with three digests each."""
    events: list[bytes] = []
    openings: list[bytes] = []
    origin = origin_hash(ORIGIN)
    for index in range(count):
        algorithm = ALGORITHMS[index % 3]
        stream = shake_256(index.to_bytes(8)).digest(64)
        content = shake_256((index // 3).to_bytes(9)).digest(16)
        ext = Ext(content_id=content, criteria=1, basis=Basis.OWN)
        opening = Opening(stream[:16], Digest(algorithm, stream[16 : 16 + SIZES[algorithm]]), ext).to_bytes()
        header = Header(
            op=Op.ADD, collection=BASELINE, algorithm=algorithm, time_ms=START_MS + index // 1000
        ).to_bytes()
        events.append(header + commitment(origin, header, opening))
        openings.append(opening)
        if len(events) == BUNDLE_WIDTH or index == count - 1:
            yield encode_bundle(events), encode_bundle(openings)
            events, openings = [], []


def write(path: Path, count: int) -> bytes:
    """Write the bundles to a file; returns the signed note of the list."""
    tree = CompactRange()
    with path.open("wb") as file:
        for entries, openings in bundles(count):
            tree.extend(map(leaf_hash, decode_bundle(entries, len(entries) // 58)))
            file.write(_SIZES.pack(len(entries), len(openings)) + entries + openings)
    return sign_checkpoint(Checkpoint(ORIGIN, tree.size, tree.root()), [KEY])


def read(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """The bundles of a file, one after the other."""
    with path.open("rb") as file:
        while head := file.read(_SIZES.size):
            entries, openings = _SIZES.unpack(head)
            yield file.read(entries), file.read(openings)


def bare(path: Path) -> float:
    """Seconds of the two hashes alone."""
    seconds = 0.0
    prefix = DOMAIN + origin_hash(ORIGIN)
    for entries, openings in read(path):
        width = len(entries) // 58
        rows = list(zip(decode_bundle(entries, width), decode_bundle(openings, width), strict=True))
        begin = perf_counter()
        for event, opening in rows:
            sha256(b"\x00" + event).digest()
            sha256(prefix + event[:24] + opening).digest()
        seconds += perf_counter() - begin
    return seconds


def pull(path: Path, note: bytes) -> float:
    """Seconds of a whole pull, without reading the file."""
    trust = LogTrust(origin=ORIGIN, log_keys=(VerifierKey.of_log(ORIGIN, KEY.public),))
    machine = Pull(Held(), trust, granted=frozenset({BASELINE}), now=NOW)
    begin = perf_counter()
    machine.receive_head(note)
    seconds = perf_counter() - begin
    for entries, openings in read(path):
        begin = perf_counter()
        assert isinstance(machine.next_request(), GetBundle)
        machine.receive_bundle(entries, openings)
        seconds += perf_counter() - begin
    assert isinstance(machine.result, Pulled)
    return seconds


def growth(path: Path, note: bytes) -> int:
    """Bytes by which peak memory grows in one pull, after everything was imported and run once."""
    small = path.with_suffix(".small")
    pull(small, write(small, 2 * BUNDLE_WIDTH))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pull(path, note)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bundles")
        note = write(path, count)
        times = [(bare(path), pull(path, note)) for _ in range(rounds)]
        loop, whole = (statistics.median(column) for column in zip(*times, strict=True))
        path.with_suffix(".note").write_bytes(note)
        child = subprocess.run(
            [sys.executable, __file__, "--growth", str(path)], check=True, capture_output=True, env=os.environ
        )
    sys.stdout.write(
        f"{count:,} events, medians of {rounds}: hashes alone {loop:.3f} s, pull {whole:.3f} s"
        f" ({whole / count * 1e6:.2f} us an event), ratio {whole / loop:.2f} (at most {MOST_RATIO});"
        f" peak memory +{int(child.stdout) / 2**20:.1f} MiB (at most {MOST_MIB})\n"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--growth"]:
        file = Path(sys.argv[2])
        sys.stdout.write(str(growth(file, file.with_suffix(".note").read_bytes())))
    else:
        main()
