"""What analysts do with partners' proposals: look, recognise, take up, refuse.

A proposal lists nothing. Taking a file up is an import like any other, through the same guards, with the analyst's own
examination as its basis; who proposed it is kept with the case data, which enters no log. What a guard set aside, or a
shredding keeps out, goes on waiting: a person decides about that, too. The import comes before the decision is written:
whatever happens in between, taking up again finds the file listed.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from keys.message import Message
from node.errors import ConflictError, NotFoundError, UsageError
from node.formats.rows import ImportRow
from node.lists.guards import Guards
from node.lists.imports.intake import ImportReport, Statement, import_rows
from node.lists.lookup import Finder, Found
from node.objects.kept_proposals import KeptProposal, kept_proposal
from node.short_ids import only_one, typed_digits
from node.store.partners.records import FileRecord, ProposalRecord
from node.store.store import Store
from protocol.limits import MAX_REASON_BYTES
from protocol.lists.event import collection_name
from protocol.lists.ext import Basis
from protocol.statement.proposal import ProposedFile
from protocol.statement.proposal_state import FileState


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """One proposed file as an analyst sees it."""

    record: FileRecord
    file: ProposedFile | None = field(repr=False)
    """None: its hashes were deleted here."""
    known: tuple[str, ...]
    """What this node knows of its hashes, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenProposal:
    """A proposal as an analyst sees it."""

    record: ProposalRecord
    kept: KeptProposal
    files: tuple[SeenFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What taking files up came to."""

    imported: ImportReport
    taken: tuple[int, ...]
    """Numbers of the files that are decided now."""
    held: tuple[int, ...]
    """Numbers of those that go on waiting, because a guard or a shredding stands against them."""


def get_proposal(store: Store, text: str) -> ProposalRecord:
    """The one proposal whose id begins with these digits, perhaps after `PARTNER/`.

    Two partners may choose one id, and one that does so on purpose must not keep its proposals from being decided.

    Raises:
        UsageError: too few digits.
        NotFoundError: there is none.
    """
    partner, _, typed = text.rpartition("/")
    digits = typed_digits(typed)
    with store.read() as unit:
        names = [
            (owner, proposal_id)
            for owner, proposal_id in unit.proposals.names()
            if proposal_id.hex().startswith(digits) and partner in {"", owner}
        ]
        none = NotFoundError("there is no such proposal here", hint="see them with: sigfed proposal ls")
        found = unit.proposals.find(*only_one(names, none, of_partners=True))
    if found is None:
        raise none
    return found


def see_proposal(store: Store, guards: Guards, record: ProposalRecord) -> SeenProposal:
    """A proposal with what this node knows of its files."""
    kept = kept_proposal(store, record)
    with store.read() as unit:
        records = unit.proposals.files(record)
    known = _recognised(store, guards, kept.files)
    return SeenProposal(
        record=record,
        kept=kept,
        files=tuple(
            SeenFile(record=each, file=file, known=words)
            for each, file, words in zip(records, kept.files, known, strict=True)
        ),
    )


def take_up(
    store: Store,
    guards: Guards,
    record: ProposalRecord,
    numbers: Collection[int],
    *,
    origin: str,
    collection: int,
    statement: Statement,
    now_ms: int,
) -> Taken:
    """Queue files of a proposal for the own list `origin`; without numbers, all that wait.

    Raises:
        UsageError: the basis is not an examination of this agency's, or a file is decided already.
        NotFoundError: there is no such list or file.
        ConflictError: another import listed some of the same hashes meanwhile; nothing was changed.
    """
    if statement.basis is Basis.RELIES_ON:
        raise UsageError(
            "a partner's word is no basis: the agency examines the file itself",
            hint="--basis own or reviewed",
        )
    wanted, kept = _waiting(store, record, numbers), kept_proposal(store, record)
    rows = [
        ImportRow(number, file.digests, collection, _provenance(record, number), _name(record, number))
        for number in wanted
        if (file := kept.files[number - 1]) is not None
    ]
    report = ImportReport()
    if rows:
        report = import_rows(store, origin, rows, statement=statement, now_ms=now_ms, guards=guards)
    held = {row.line for row in report.refused}.union(report.set_aside)
    taken = [row.line for row in rows if row.line not in held]
    outcome = FileRecord(number=0, state=FileState.TAKEN, origin=origin, decided_ms=now_ms)
    with store.write() as unit:
        if taken and unit.proposals.decide(record, taken, outcome) != len(taken):
            raise ConflictError(
                "somebody decided some of these files meanwhile",
                hint="what was queued is in the list: look at the proposal again",
            )
    return Taken(
        imported=report, taken=tuple(taken), held=tuple(number for number in wanted if number not in taken)
    )


def refuse(
    store: Store, record: ProposalRecord, numbers: Collection[int], *, reason: str, now_ms: int
) -> Sequence[int]:
    """Refuse files of a proposal; without numbers, all that wait. Returns their numbers.

    Raises:
        UsageError: the reason does not fit, or a file is decided already.
        NotFoundError: there is no such file.
        ConflictError: somebody decided some of them meanwhile; nothing was changed.
    """
    if not reason or len(reason.encode("utf-8")) > MAX_REASON_BYTES or not reason.isprintable():
        raise UsageError("a reason is one line of 1 to {most} bytes", MAX_REASON_BYTES)
    wanted = _waiting(store, record, numbers)
    outcome = FileRecord(number=0, state=FileState.REFUSED, reason=reason, decided_ms=now_ms)
    with store.write() as unit:
        if unit.proposals.decide(record, wanted, outcome) != len(wanted):
            raise ConflictError(
                "somebody decided some of these files meanwhile", hint="look at the proposal again"
            )
    return wanted


def _waiting(store: Store, record: ProposalRecord, numbers: Collection[int]) -> list[int]:
    """The numbers asked for, or of all files that wait."""
    with store.read() as unit:
        files = unit.proposals.files(record)
    waiting = [each.number for each in files if each.state == FileState.WAITING]
    if unknown := set(numbers).difference(each.number for each in files):
        raise NotFoundError("the proposal has no file {unknown}", min(unknown))
    if decided := set(numbers).difference(waiting):
        raise UsageError("file {number} is decided already", min(decided), hint="a decision is final")
    if not waiting:
        raise UsageError("no file of this proposal waits", hint="see what does: sigfed proposal ls")
    return sorted(set(numbers)) or waiting


def _provenance(record: ProposalRecord, number: int) -> dict[str, str]:
    return {
        "Proposed by": record.partner,
        "Proposal": record.proposal_id.hex(),
        "File": str(number),
        "Claim": collection_name(record.claim) if record.claim else "",
    }


def _name(record: ProposalRecord, number: int) -> str:
    return f"{record.partner}/{record.proposal_id.hex()[:8]}/{number}"


def _recognised(
    store: Store, guards: Guards, files: Sequence[ProposedFile | None]
) -> Iterator[tuple[str, ...]]:
    """For each file what lists and guards of this node have of its hashes, in words."""
    digests = [file.digests if file else () for file in files]
    every = frozenset(digest for of_file in digests for digest in of_file)
    with store.read() as unit:
        found = Finder(store, unit).find(every)
    tripped, benign = guards.tripped(every), guards.benign_of(digests)
    for place, of_file in enumerate(digests):
        words = [_listed(each) for each in found if each.digest in of_file]
        words += [Message("it is in the known-benign set {name}", benign[place])] if place in benign else []
        words += [Message("a tripwire of this node")] if tripped.intersection(of_file) else []
        words += [] if of_file else [Message("its hashes were deleted: shredded, or taken back")]
        yield tuple(dict.fromkeys(words))


def _listed(found: Found) -> str:
    origin, collection = found.log.origin, collection_name(found.collection)
    if found.is_entry:
        return Message("listed in {list}, {collection}", origin, collection)
    if found.is_dispute:
        return Message("disputed in {list}, {collection}", origin, collection)
    return Message("listed before in {list}, {collection}, and ended", origin, collection)
