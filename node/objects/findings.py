"""Verdicts on the files of a home, told as findings of `sigfed doctor`: what is wrong, checked, and not checked."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from node.health import Check, Health
from node.home import Home
from node.objects.integrity import Verdict

_LOCKS: Final = ".lock"
_BY_ITSELF: Final = ("-wal", "-shm")
"""Ends of the names of files that belong to a database."""
_DEEPER: Final = {"objects": 1, "partner": 1, "followed": 2}
"""In these, how many folders further down the files are told of."""


def told(home: Home, verdicts: Iterable[Verdict], *, step: str) -> Iterator[Check]:
    """The verdicts as findings, and the files of the home that none is about."""
    worst = {verdict.name: verdict.wrong for verdict in sorted(verdicts, key=lambda each: each.wrong)}
    for name, wrong in sorted(worst.items()):
        if wrong:
            yield Check("damaged", Health.FAIL, f"{name}: {wrong}", step)
    whole = Counter(_kind(name) for name, wrong in worst.items() if not wrong)
    yield Check("checked", Health.OK, f"{whole.total():,} files are whole: {_counted(whole)}")
    rest = Counter(_kind(name) for name in _files(home) if name not in worst)
    if rest:
        yield Check("not checked", Health.OK, f"nothing says what these must be: {_counted(rest)}")


def _kind(name: str) -> str:
    """What a file is told of by: its folder; itself where it lies in the home, or beside what a partner has."""
    parts = name.split("/")
    deep = _DEEPER.get(parts[0], 0)
    return name if len(parts) <= 1 + deep else "/".join(parts[: 1 + deep]) + "/"


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(kind if count == 1 else f"{kind} {count:,}" for kind, count in sorted(kinds.items()))


def _files(home: Home) -> Iterator[str]:
    """Without those of other subsets that a client follows: each of them is told of for itself."""
    others = [each.partner for each in home.followed if each.partner != home.partner]
    for path in sorted(home.folder.rglob("*")):
        if any(path.is_relative_to(other) for other in others):
            continue
        if path.is_file() and path.suffix != _LOCKS and not path.name.endswith(_BY_ITSELF):
            yield path.relative_to(home.folder).as_posix()


def below(home: Home, folder: Path, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Named by the home instead of by the folder."""
    prefix = folder.relative_to(home.folder).as_posix()
    return (Verdict(f"{prefix}/{each.name}", each.wrong) for each in verdicts)
