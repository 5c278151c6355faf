"""What happens next after a scan, and by when: for the person who has to see to it.

Nothing that a scan does hides, moves or deletes a file, and nobody was told of a hit: both are acts of the owner.
"""

from collections.abc import Iterator

from node.clock import DAY_MS, minute
from node.hoster.hits.instructions import FOUND, UNDO
from node.hoster.scan.reports.selection import Gathered
from node.hoster.scan.results import ScanSummary, Status
from node.pages.text import counted

_OLD_MS = 2 * DAY_MS


def next_steps(summary: ScanSummary, found: Gathered) -> Iterator[str]:
    """The steps, first things first."""
    if summary.to_undo:
        yield f"{counted(summary.to_undo, 'hit')} of before withdrawn: `sigfed hit ls --open`. {UNDO}"
    if summary.count(Status.HIT):
        yield from _hits(summary, found)
    if not summary.ended_ms:
        yield "The scan was interrupted: type the same command again; it goes on where it stopped."
    if unconfirmed := summary.count(Status.UNCONFIRMED):
        yield (
            f"{counted(unconfirmed, 'file')} may be on the list: the agency's node was not asked about them yet. Scan "
            "again with a connection to it; nothing is read twice."
        )
    if unread := summary.count(Status.UNREADABLE) + summary.count(Status.PARTLY):
        yield (
            f"{counted(unread, 'file')} could not be looked at, or not wholly: see the reasons below, mend what can be "
            "mended and scan again."
        )
    if summary.list_age_ms > _OLD_MS:
        yield "The list was old: run `sigfed update`, then scan again; only what is new in it is judged."
    if test := summary.count(Status.TEST_FILE):
        yield f"The published test file was found {counted(test, 'time')}: it is not material, and can be deleted."
    yield "Scan again regularly: what is listed tomorrow may lie here today."


def _hits(summary: ScanSummary, found: Gathered) -> Iterator[str]:
    yield FOUND
    if found.weak:
        yield (
            f"{counted(found.weak, 'file')} matched by one old hash only (marked weak): a person must judge before "
            "anything is done."
        )
    yield "Tell the agency: `sigfed hit report --all`. Nobody was told yet; the hits are kept safely on this machine."
    yield (
        "Record what became of each file within 24 hours of the finding, the first by "
        f"{minute(summary.started_ms + DAY_MS)}: `sigfed hit resolve ID --action removed` (or disabled, "
        "preserved, false-positive)."
    )
    yield "If a file is not what the list says: `sigfed hit dispute ID`. The agency must answer."
