"""Reading files of this machine: what was read must be what was found."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from node.hashing.outcomes import Outcome
from node.hashing.plan import HashPlan
from node.hashing.workers import HashWorkers
from node.hoster.scan import reader
from node.hoster.scan.reader import locally, plan_name
from node.hoster.scan.sources import Item, look_at

_PLAN = HashPlan(images=False, archives=False)


class _Workers(HashWorkers):
    """Workers during whose work something happens to the files."""

    def __init__(self, before: Callable[[], None], after: Callable[[], None]) -> None:
        super().__init__(1, _PLAN)
        self._before, self._after = before, after

    @override
    def results(self, paths: Iterable[Path]) -> Generator[Outcome, None, None]:
        found = list(paths)
        self._before()
        for outcome in list(super().results(found)):
            self._after()
            yield outcome


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("shown", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    return tmp_path


def test_what_was_hashed_in_another_way_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [plan_name(_PLAN), plan_name(HashPlan())]
    monkeypatch.setattr(reader, "WAY", 0)
    assert len({*names, plan_name(_PLAN)}) == 3


def exchange(folders: Path) -> None:
    """Neither file is written to or moved: only what is above them."""
    for old, new in (("shown", "kept"), ("other", "shown"), ("kept", "other")):
        (folders / old).rename(folders / new)


def nothing() -> None:
    """Nobody does anything."""


CASES: dict[str, tuple[bool, bool, bool]] = {
    "left alone": (False, False, False),
    "exchanged": (True, False, True),
    "exchanged, and put back": (True, True, True),
}


@pytest.mark.threat("a file that evades a scan")
@pytest.mark.parametrize("case", CASES)
def test_another_file_that_was_read_is_found_out(case: str, folders: Path) -> None:
    before, after, found_out = CASES[case]
    path = os.fsencode(folders / "shown" / "file")
    item = look_at("", path)
    item = replace(item, mark=f"{item.mark}:plan")

    def change() -> None:
        exchange(folders)

    def items() -> Iterator[Item]:
        yield item

    with _Workers(change if before else nothing, change if after else nothing) as workers:
        (read,) = locally(workers)(items())
    assert (read.now is not None) is found_out
