"""What a release of one more file costs, and the first one of an epoch, against a release that is made whole.

Run it as `python -m benchmarks.bench_epoch` with `tests` and the repository on the path. Two agencies list ten thousand
files, and one of them releases them to partners: real store, real lists, real keys, the evaluation in threads of this
process. A release of one more file begins from the one before. A new epoch has a new key, so every answer is evaluated
anew and partners fetch all of them; that may not be much dearer than to judge all lists and evaluate what is new.
Processor time of all threads is compared; all release the same lists but for one file.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.results import Result, in_turns, report

from node.ports.evaluator import EpochSecret
from node.subsets.epochs import enter_epoch, epochs_of, next_number, succeed
from protocol.oprf.suite import epoch_key
from support.releases import SEED, SUBSET, ReleasingAgency, folder
from support.sodium import loaded_group
from support.stores import Agency, make_store, rows, sqlite_dsn

FILES = 10_000
RUNS = 3
MOST_RATIO = 2.0
MOST_SHARE = 0.1


class Subset:
    """A subset that two agencies' lists feed."""

    def __init__(self, folder: Path, files: int) -> None:
        folders = [folder / name for name in ("fr", "nl")]
        for each in folders:
            each.mkdir()
        self._stores = [make_store(sqlite_dsn(each), each) for each in folders]
        self.fr = ReleasingAgency(self._stores[0], folders[0])
        self._nl = Agency(self._stores[1], folders[1], node="nl.example")
        self._secrets = [EpochSecret(subset=SUBSET, epoch=1, seed=SEED)]
        self._listed = 0
        self._list(files)
        self._release()

    def _list(self, files: int) -> None:
        names = [f"file {self._listed + number}" for number in range(files)]
        self._listed += files
        for agency in (self.fr.lists, self._nl):
            agency.add(rows(*names))
        self.fr.follow(self._nl)

    def _release(self) -> float:
        """Seconds of processor time; the own list is published before, so that it is not in them."""
        self.fr.lists.publish()
        started = time.process_time()
        assert self.fr.release_only().published
        return time.process_time() - started

    def one_more(self) -> float:
        """Processor time of a release of one more file."""
        self._list(1)
        return self._release()

    def one_more_whole(self) -> float:
        """The same where there is nothing to begin from."""
        self._list(1)
        folder(self.fr).forget_basis()
        return self._release()

    def next_epoch(self) -> float:
        """Processor time of the first release of the next epoch, of the files of before and one more."""
        self._list(1)
        fr, now = self.fr, self.fr.clock.now()
        document = fr.trust.document()
        held = {each.epoch for each in self._secrets}
        number, seed = next_number(epochs_of(document, SUBSET), now, held=held), os.urandom(32)
        self._secrets.append(EpochSecret(subset=SUBSET, epoch=number, seed=seed))
        fr.evaluator.hold(self._secrets)
        made = succeed(document, SUBSET, epoch_key(loaded_group(), seed).public, now=now, at=now, held=held)
        fr.trust.revise_document(lambda old: replace(old, subsets=(made,)), signers=fr.signers)
        enter_epoch(fr.store, fr.evaluator, SUBSET, fr.trust.document(), now=now)
        return self._release()

    def close(self) -> None:
        """Close the stores."""
        self.fr.evaluator.close()
        for store in self._stores:
            store.dispose()


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """A release of every day and the first of an epoch, against one that is made whole."""
    files = max(1, FILES // divisor)
    with tempfile.TemporaryDirectory() as name:
        subset = Subset(Path(name), files)
        subset.one_more()
        sides: tuple[Callable[[], float], ...] = (subset.one_more_whole, subset.one_more, subset.next_epoch)
        whole, daily, first = in_turns(RUNS, *sides)
        subset.close()
    for what, found, limit in (
        ("a release of one more file", daily, MOST_SHARE),
        ("the first release of an epoch", first, MOST_RATIO),
    ):
        yield Result(
            name=what,
            value=median(own / other for own, other in zip(found, whole, strict=True)),
            limit=limit,
            detail=f"{2 * files:,} answers in {median(found):.2f} s of processor time"
            f" against {median(whole):.2f} s for a release that is made whole",
        )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
