"""The audit log: what was done here, by whom, newest first; checked whole, and taken away with its proof."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from keys.trust.tuf.target_files import NODE_FILE
from node.access.sessions import Visitor
from node.acts.act import OPERATORS, SECURITY
from node.audit.reader import Audited, count_unsigned, export_audit, get_audited, read_audit_backwards
from node.console.languages import translated as _
from node.console.parts import Action, Download, File, Led, Page, Section, Values
from node.console.world import World
from node.errors import NotFoundError
from node.identity.audit import verify_own

_ROWS: Final = 50
_LOOKED_AT: Final = 5_000
"""Records that one page looks through for what matches; the next page goes on from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the page shows."""

    started: bool
    records: Sequence[Audited]
    unsigned: int
    actor: str
    action: str
    older: int | None
    """Number of the record before which the next page begins; None: this is the last."""
    first: bool
    """Whether this page begins with the newest record."""


def gather(world: World, _visitor: Visitor, query: Values) -> Audit:
    """A page of records."""
    actor, action = query.text("actor"), query.text("action")
    before = query.number("before") or None
    try:
        shown, last = _page(world, before, actor, action)
    except NotFoundError:
        return Audit(
            started=False, records=(), unsigned=0, actor=actor, action=action, older=None, first=True
        )
    return Audit(
        started=True,
        records=shown,
        unsigned=count_unsigned(world.store),
        actor=actor,
        action=action,
        older=last or None,
        first=before is None,
    )


def _page(world: World, before: int | None, actor: str, action: str) -> tuple[Sequence[Audited], int]:
    """The newest records that match, and the number of the last that was looked at."""
    shown: list[Audited] = []
    last = 0
    for item in islice(read_audit_backwards(world.store, before=before), _LOOKED_AT):
        last = item.index
        if item.matches(actor, action):
            shown.append(item)
            if len(shown) == _ROWS:
                break
    return shown, last


def gather_record(world: World, _visitor: Visitor, query: Values) -> Audited:
    """One record with its details; raises `NotFoundError`."""
    return get_audited(world.store, query.number("number"))


def verify(world: World, _visitor: Visitor, _form: Values) -> Led:
    """Check every record against the signed head; what is wrong is raised, and says which record."""
    return Led("/console/audit", _(verify_own(world.identity, world.store).said))


def export(world: World, _: Visitor, __: Values) -> File:
    """All records with what proves them."""
    identity = world.identity
    lines = export_audit(
        world.store,
        roots=[root.data for root in identity.trust.roots()],
        document=identity.trust_files.get(NODE_FILE),
    )
    day = f"{identity.clock.now():%Y-%m-%d}"
    body = "".join(f"{line}\n" for line in lines).encode("ascii")
    return File(f"{world.node}-audit-{day}.jsonl", "application/jsonl", body)


PAGES: Final = (
    Page(name="audit", path="/console/audit", title="Audit", gather=gather, section=Section.RECORD),
    Page(name="record", path="/console/audit/record", title="Record", gather=gather_record),
)

ACTIONS: Final = (
    Action(
        name="audit-verify",
        path="/console/audit/verify",
        page="audit",
        act=verify,
        roles=OPERATORS | SECURITY,
    ),
)

DOWNLOADS: Final = (
    Download(
        name="audit-export",
        path="/console/audit/export",
        make=export,
        roles=SECURITY,
        record="audit.export",
        page="audit",
        fresh=True,
    ),
)
