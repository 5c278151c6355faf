"""A node at which nobody signs anything: what it still does after a week, a month, half a year, and what others see.

The other agency is attended: it signs its trust files anew each month. Both nodes run: they stamp, publish and sync.
The table is the one in the operator's manual.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from node.access.callers import StoredCallers
from protocol.digest import Algorithm
from support.federation import START, Agency, Federation
from support.lists import digest

MANUAL = Path(__file__).parents[2] / "docs/manuals/operator.md"
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """What is so after that many days."""

    time: str
    days: int
    goes_on: str
    stopped: str
    told: str
    followed: bool
    admitted: bool


LINES = (
    Line(
        "a week",
        8,
        "all that a running node does: look-ups, releases, syncs, publishing what waits, others' withdrawals",
        "invitations and requests for a second person have ended",
        "nobody",
        followed=True,
        admitted=True,
    ),
    Line(
        "a month",
        31,
        "the same; online keys follow each other by themselves",
        "partners' disputes are overdue",
        "partners see the day by which they were to be answered go by",
        followed=True,
        admitted=True,
    ),
    Line(
        "a quarter",
        95,
        "the same",
        "nothing more",
        "you: trust files are past half of their life, in `status`, `doctor` and metrics",
        followed=True,
        admitted=True,
    ),
    Line(
        "half a year",
        181,
        "what others hold of your lists stays effective with them; their withdrawals no longer reach you",
        "the node document has ended: peers, witnesses and partners refuse everything that this node signs",
        "peers and partners: your trust files have ended, at each sync and update",
        followed=False,
        admitted=False,
    ),
    Line(
        "a year",
        366,
        "the same as after half a year",
        "the root has ended: no command that needs the trust files works before the root holders sign the next one",
        "the same",
        followed=False,
        admitted=False,
    ),
)


def table() -> str:
    """The table as the manual shows it."""
    rows = [f"| {line.time} | {line.goes_on} | {line.stopped} | {line.told} |" for line in LINES]
    return "\n".join(["| nobody for | goes on | has stopped | who is told |", "|---|---|---|---|", *rows])


def test_the_manual_shows_this_table() -> None:
    assert table() in MANUAL.read_text(encoding="utf-8"), table()


def admitted(host: Agency, guest: Agency) -> bool:
    """Whether `host` accepts a credential of `guest`, as its node document names them."""
    callers, kids = (
        StoredCallers(host.store, host.clock),
        [key.kid for key in guest.trust.document().auth_keys],
    )
    return any(callers.credential(guest.name, kid) is not None for kid in kids)


async def visit(federation: Federation, fr: Agency, nl: Agency, *, name: str) -> tuple[bool, bool]:
    """One day of the two: nl takes something back and lists something; whether each followed the other."""
    nl.revise(lambda document: document)
    nl.withdraw(name)
    nl.publish(f"{name} again")
    fr.publish()
    await federation.settle()
    return nl.log(fr.origin).checked_ms == nl.now_ms, fr.log(nl.origin).checked_ms == fr.now_ms


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.time)
async def test_each_line_of_the_table(tmp_path: Path, line: Line) -> None:
    federation = Federation(tmp_path)
    fr, nl = federation.peers("fr", "nl")
    fr.add("queued before they left")
    nl.publish("taken back", "kept")
    fr.publish()
    await federation.settle()
    for _ in range(0, line.days - line.days % 28, 28):  # somebody is at nl once a month, and both nodes run
        fr.time.advance(28 * DAY)
        nl.revise(lambda document: document)
        await federation.settle()
    fr.time.moment = START + line.days * DAY
    followed, follows = await visit(federation, fr, nl, name="taken back")
    assert followed == line.followed, "whether nl follows fr"
    assert admitted(nl, fr) == line.admitted, "whether nl lets fr read"
    if line.days < 365:  # then the root of nl has ended as well
        assert follows, "what fr itself believes of nl does not depend on its own trust files"
    assert nl.digests(fr.origin) == {digest("queued before they left", Algorithm.SHA256)}
