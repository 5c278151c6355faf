"""Evidence: contradictions that are kept here, to be handed on as a file, and what others bring, judged.

What is kept is judged again with the members' keys each time it is shown. What was brought with trust files is judged
by a root whose fingerprint words somebody compared; without them, by what this node has pinned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from node.access.notation import typed_words
from node.access.sessions import Visitor
from node.acts.act import JUDGES
from node.app.peers.evidence import accused_of, trust_files_of
from node.console.languages import translated as _
from node.console.parts import Action, Download, File, Led, Page, Values
from node.console.world import World
from node.errors import UsageError
from node.evidence.bundles import EVIDENCE, bundle, opened
from node.evidence.keep import accused_node, get_kept, verify
from node.evidence.submission import judge_brought
from node.store.peers.records import EvidenceRecord
from protocol.hit_evidence.bundle import is_hit_evidence

PATH: Final = "/console/evidence"
ROWS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One of them, judged again."""

    record: EvidenceRecord
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the page shows."""

    kept: Sequence[EvidenceRecord]
    """Newest first."""
    left_out: int
    shown: Shown | None


def gather(world: World, _visitor: Visitor, query: Values) -> Evidence:
    """What is kept, and one of it judged where it is named; raises `NotFoundError`."""
    with world.store.read() as unit:
        kept = sorted(unit.evidence.ls(), key=lambda one: -one.created_ms)
    return Evidence(
        kept=kept[:ROWS],
        left_out=max(0, len(kept) - ROWS),
        shown=_shown(world, query.text("id")) if query.text("id") else None,
    )


def _shown(world: World, name: str) -> Shown:
    record = get_kept(world.store, name)
    verdict = verify(world.store.objects.get(record.object), accused_of(world.identity, world.store))
    return Shown(record=record, words=verdict.words)


def judge(world: World, _visitor: Visitor, form: Values) -> Led:
    """Judge a file that somebody brought, and say what it shows; nothing of it is kept."""
    data = form.file("evidence").body
    if not data:
        raise UsageError("the file is missing", hint="choose the file that was handed on")
    brought, words = opened(data), form.text("words")
    if words:
        with world.store.read() as unit:
            newer = [each.envelope for each in unit.revocations.ls() if each.envelope]
        known = {one.node: one.root_sha256 for one in world.identity.trust.members().members}
        judged = judge_brought(replace(brought, members=known, newer=newer), typed_words(words))
        also = (f"not proven: {each}" for each in judged.not_proven)
        return Led(PATH, "; ".join(line.strip() for line in (*judged.lines, *also)))
    if is_hit_evidence(brought.evidence):
        raise UsageError(
            "evidence of a hit is judged by the root of the node that gave it",
            hint="type the fingerprint words of that node",
        )
    verdict = verify(brought.evidence, accused_of(world.identity, world.store))
    said = _("verified, by what this node has pinned: {words}")
    return Led(PATH, said.format(words=verdict.words))


def file(world: World, _visitor: Visitor, query: Values) -> File:
    """Evidence with the trust files of the accused, to hand on."""
    record = get_kept(world.store, query.require("id", _("the evidence")))
    data = world.store.objects.get(record.object)
    files = trust_files_of(world.identity, world.store, accused_node(data))
    name = f"evidence-{record.sha256[:16]}.zip"
    return File(name, "application/zip", bundle({EVIDENCE: data, **files}))


PAGES: Final = (Page(name="evidence", path=PATH, title="Evidence", gather=gather),)

ACTIONS: Final = (
    Action(
        name="evidence-verify",
        path=f"{PATH}/verify",
        page="evidence",
        act=judge,
        roles=JUDGES,
        most_bytes=9_000_000,
    ),
)

DOWNLOADS: Final = (
    Download(
        name="evidence-file",
        path=f"{PATH}/file",
        make=file,
        roles=JUDGES,
        record="evidence.export",
        page="evidence",
    ),
)
