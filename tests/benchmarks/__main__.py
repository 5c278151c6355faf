"""Every benchmark, one after the other: `python -m benchmarks` with `tests` and the repository on the path."""

import sys

from benchmarks import (
    bench_console,
    bench_epoch,
    bench_evaluation_node,
    bench_group,
    bench_hashing,
    bench_import,
    bench_judgement,
    bench_pdq,
    bench_recall,
    bench_resealing,
    bench_scale,
    bench_scan,
    bench_setcoding,
    bench_start,
    bench_sync,
    bench_update,
    bench_verify,
)
from benchmarks.results import Measure, report

ALL: tuple[Measure, ...] = (
    bench_verify.measure,
    bench_import.measure,
    bench_sync.measure,
    bench_setcoding.measure,
    bench_update.measure,
    bench_epoch.measure,
    bench_judgement.measure,
    bench_scale.measure,
    bench_resealing.measure,
    bench_evaluation_node.measure,
    bench_group.measure,
    bench_start.measure,
    bench_scan.measure,
    bench_hashing.measure,
    bench_pdq.measure,
    bench_recall.measure,
    bench_console.measure,
)

if __name__ == "__main__":
    sys.exit(report(ALL, sys.argv[1:]))
