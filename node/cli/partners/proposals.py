"""`sigfed proposal` in an agency's home: what partners proposed, taken up after examination or refused."""

from collections.abc import Sequence
from itertools import starmap
from typing import TYPE_CHECKING

from node.cli.hoster.proposals import STATES, counts
from node.cli.output import listing, moment, spelled
from node.cli.session import Session
from node.fields import Fact
from node.short_ids import SHORT
from protocol.lists.event import collection_name
from protocol.statement.proposal_state import FileState

if TYPE_CHECKING:
    from node.partners.proposals.review import SeenFile, SeenProposal
    from node.store.partners.records import FileRecord, ProposalRecord


def list_received(here: Session) -> None:
    """Proposals of all partners: open ones first, of these the oldest."""
    with here.reading() as store, store.read() as unit:
        found = [(record, unit.proposals.files(record)) for record in unit.proposals.ls()]
    rows = (
        (
            record.proposal_id.hex()[:SHORT],
            record.partner,
            moment(record.received_ms),
            _claim(record) or "-",
            f"{record.files:,}",
            f"{sum(each.state == FileState.WAITING for each in files):,}",
        )
        for record, files in found
    )
    header = ("id", "partner", "received", "claim", "files", "waiting")
    here.output.each(starmap(_facts, found), listing(header, rows, none="no proposals"))
    here.output.following("sigfed proposal show ID" if found else "sigfed partner ls")


def show_received(here: Session, text: str, *, hashes: bool) -> None:
    """One proposal with what this node knows of its files; the hashes only when they were asked for."""
    from node.app.guards import open_guards
    from node.partners.proposals.review import get_proposal, see_proposal

    identity = here.identity()
    with here.reading() as store:
        seen = see_proposal(store, open_guards(identity, store), get_proposal(store, text))
    records = [each.record for each in seen.files]
    facts: dict[str, Fact] = {
        **_facts(seen.record, records),
        "reason": seen.kept.reason,
        "contact": seen.kept.contact,
        "outcomes": [_file(each, hashes=hashes) for each in seen.files],
    }
    here.output.result(facts, *_lines(seen, hashes=hashes))
    short = seen.record.proposal_id.hex()[:SHORT]
    if seen.record.closed_ms is None:
        here.output.following(
            f"examine the files, then: sigfed proposal take {short} --list NAME --collection NAME --basis reviewed",
            f"sigfed proposal refuse {short} --reason TEXT, which the partner is told",
        )


def _facts(record: "ProposalRecord", files: "Sequence[FileRecord]") -> dict[str, Fact]:
    return {
        "proposal": record.proposal_id.hex(),
        "partner": record.partner,
        "subset": record.subset,
        "received_ms": record.received_ms,
        "closed_ms": record.closed_ms,
        "claim": _claim(record) or None,
        "files": record.files,
        **counts([FileState(each.state) for each in files]),
    }


def _claim(record: "ProposalRecord") -> str:
    return collection_name(record.claim) if record.claim else ""


def _file(seen: "SeenFile", *, hashes: bool) -> dict[str, Fact]:
    digests = seen.file.digests if seen.file else ()
    return {
        "number": seen.record.number,
        "state": STATES[FileState(seen.record.state)].replace(" ", "_"),
        "reason": seen.record.reason,
        "list": seen.record.origin or None,
        "algorithms": [each.algorithm.name.lower() for each in digests],
        "known": list(seen.known),
        "hashes": [each.value.hex() for each in digests] if hashes else None,
    }


def _lines(seen: "SeenProposal", *, hashes: bool) -> list[str]:
    record = seen.record
    held_for = f", held for {_claim(record)}" if record.claim else ""
    lines = [
        f"{spelled(record.proposal_id.hex())}: proposed by {record.partner}, {moment(record.received_ms)}{held_for}",
        f"  {seen.kept.reason}" + (f" ({seen.kept.contact})" if seen.kept.contact else ""),
    ]
    for each in seen.files:
        digests = each.file.digests if each.file else ()
        state = STATES[FileState(each.record.state)]
        said = f": {each.record.reason}" if each.record.reason else ""
        algorithms = ", ".join(digest.algorithm.name.lower() for digest in digests) or "no hashes"
        lines.append(f"  {each.record.number}  {state}{said}  {algorithms}")
        lines += [f"     {words}" for words in each.known]
        lines += [f"     {each.algorithm.name.lower()} {each.value.hex()}" for each in digests if hashes]
    return lines
