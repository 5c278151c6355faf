"""Scan a folder with Dask: workers hash and screen, this process confirms and records.

    python dask_scan.py FOLDER [ADDRESS-OF-A-SCHEDULER]

The workers need the package and the files, and nothing else: no enrolment, no key, no way to the agency.
"""

import sys
from contextlib import ExitStack
from pathlib import Path

from distributed import Client as Cluster
from distributed import LocalCluster, as_completed

from node import sdk

FILES_A_TASK = 500


def scan(paths: list[str], screen: sdk.Screen) -> list[sdk.Row[str]]:
    """Runs on a worker: rows of the files that the screen does not clear."""
    return list(sdk.scan_partition(((path, path) for path in paths), screen))


def main(folder: str, scheduler: str = "") -> int:
    """The number of hits."""
    paths = sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())
    tasks = [paths[at : at + FILES_A_TASK] for at in range(0, len(paths), FILES_A_TASK)]
    hits = 0
    with ExitStack() as stack:
        sigfed = stack.enter_context(sdk.Client())
        if not scheduler:
            local = LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
            scheduler = stack.enter_context(local).scheduler_address
        cluster = stack.enter_context(Cluster(scheduler))
        [screen] = cluster.scatter([sigfed.screen()], broadcast=True)
        for _, rows in as_completed(cluster.map(scan, tasks, screen=screen), with_results=True):
            for result in sigfed.confirm(rows):
                print(f"{result.name}: {result.outcome} {result.hit_id or result.reason}")
                hits += result.listed
    print(f"{len(paths)} files, {hits} on the list")
    return hits


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
