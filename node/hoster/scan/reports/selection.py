"""One look through all results that keeps what a page shows of them, however many there are.

A page lists so many files of each kind and says how many more there are; sheet and JSON lines have all. Reasons are
counted by their words.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from node.hoster.scan.results import FileResult, Status, without_part

MOST: Final[Mapping[Status, int]] = {
    Status.HIT: 500,
    Status.TEST_FILE: 20,
    Status.UNCONFIRMED: 200,
    Status.UNREADABLE: 200,
    Status.PARTLY: 200,
}
"""Files that a page lists."""
_MOST_REASONS: Final = 200
"""Different reasons that are counted; further ones count as others."""
OTHER: Final = "other reasons"


@dataclass(slots=True)
class Gathered:
    """What a page shows of single files."""

    shown: dict[Status, list[FileResult]] = field(default_factory=dict)
    """The first ones of each status, in order."""
    counts: Counter[Status] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why files, or parts of them, were not looked at."""
    collections: Counter[str] = field(default_factory=Counter)
    """Files on the list by collection; one may be in several."""
    weak: int = 0
    """Files of which only one of md5 and sha1 matched."""


def gather(results: Iterable[FileResult]) -> Gathered:
    """Look through all results once."""
    found = Gathered()
    for result in results:
        found.counts[result.status] += 1
        if result.status is not Status.CLEAN:
            _take(found, result)
    return found


def _take(found: Gathered, result: FileResult) -> None:
    listed = found.shown.setdefault(result.status, [])
    if len(listed) < MOST[result.status]:
        listed.append(result)
    if result.status is Status.HIT:
        real = [hit for hit in result.hits if not hit.test_file]
        found.collections.update({hit.collection for hit in real})
        found.weak += all(hit.weak for hit in real)
    if result.status is not Status.UNCONFIRMED:
        for words in {without_part(reason) for reason in result.reasons}:
            known = words in found.reasons or len(found.reasons) < _MOST_REASONS
            found.reasons[words if known else OTHER] += 1
