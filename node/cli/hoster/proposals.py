"""`sigfed proposal` in a partner's home: what was proposed, and what became of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from node.cli.exit_codes import ExitCode, unfinished
from node.cli.output import listing, moment, spelled
from node.cli.session import Session, wait_for
from node.errors import UsageError
from node.fields import Fact
from node.pages.text import counted
from node.short_ids import SHORT
from protocol.lists.event import collection_name
from protocol.statement.proposal_state import FileOutcome, FileState

if TYPE_CHECKING:
    from node.hoster.proposals.exchange import Shown
    from node.hoster.proposals.folder import OwnProposal

STATES = {
    FileState.WAITING: "waiting",
    FileState.TAKEN: "taken up",
    FileState.REFUSED: "refused",
    FileState.WITHDRAWN: "withdrawn",
}


def list_proposals(here: Session) -> None:
    """All proposals, oldest first, as the node last said; it is not asked."""
    from node.hoster.proposals.folder import proposals

    found = proposals(here.home)
    rows = (
        (each.id[:SHORT], each.word, moment(each.made_ms), f"{len(each.names):,}", _counts(each))
        for each in found
    )
    header = ("id", "state", "made", "files", "")
    here.output.each(map(_facts, found), listing(header, rows, none="no proposals"))
    here.output.following(
        *(["sigfed proposal send --all"] if any(each.waiting for each in found) else []),
        *(
            ["sigfed proposal show ID, which asks the agency"]
            if found
            else ["sigfed propose FILE --reason TEXT"]
        ),
    )


def show_proposal(here: Session, text: str, *, hashes: bool) -> None:
    """One proposal file by file; the hashes only when they were asked for."""
    from node.hoster.proposals.exchange import show

    shown = wait_for(show(here.home, text))
    own = shown.proposal
    files = [_file(own, place, hashes=hashes) for place in range(len(own.names))]
    received = shown.receipt.received_ms if shown.receipt else 0
    facts: dict[str, Fact] = {**_facts(own), "received_ms": received, "outcomes": files}
    here.output.result(facts, *_lines(shown, hashes=hashes))
    if shown.not_asked is not None:
        here.output.talk(f"the agency was not asked: {shown.not_asked}")
    short = own.id[:SHORT]
    here.output.following(
        *([f"sigfed proposal send {short}"] if own.waiting else []),
        *([f"sigfed proposal withdraw {short}, to take back what waits"] if own.word == "sent" else []),
        *(["sigfed proposal ls"] if own.word in {"decided", "refused"} else []),
    )


def send_waiting(here: Session, ids: Sequence[str], *, every: bool) -> int:
    """Send proposals that wait here; the exit code says whether all that was asked for is done."""
    if bool(ids) == every:
        raise UsageError("name proposals, or --all", hint="sigfed proposal ls")
    return send_proposals(here, ids)


def send_proposals(here: Session, ids: Sequence[str]) -> int:
    """Send these, or without ids all that wait."""
    from node.hoster.proposals.exchange import send

    done = wait_for(send(here.home, ids))
    for each in done.proposals:
        here.output.result(_facts(each), _sent(each))
    for each, why in done.failed:
        here.output.failure(_facts(each), f"{each.id[:SHORT]}: not sent yet, {why}")
    if not (done.proposals or done.problem):
        here.output.result({"sent": 0}, "nothing waits to be sent")
    if done.problem:
        here.output.talk(f"{counted(done.left, 'proposal')} not sent yet: {done.problem}")
        here.output.following("sigfed proposal send --all, later; nothing is lost meanwhile")
        return unfinished(done, some=bool(done.proposals))
    here.output.following("sigfed proposal show ID, to see what becomes of it")
    return ExitCode.PARTIAL if any(each.refused for each in done.proposals) else ExitCode.OK


def withdraw_proposal(here: Session, text: str) -> None:
    """Take back what waits of a proposal."""
    from node.hoster.proposals.exchange import withdraw

    own = wait_for(withdraw(here.home, text))
    words = _counts(own) if own.receipt else "it was never sent, and is forgotten here"
    here.output.result(_facts(own), f"{own.id[:SHORT]}: taken back; {words}")
    here.output.following("sigfed proposal ls")


def _facts(own: "OwnProposal") -> dict[str, Fact]:
    return {
        "proposal": own.id,
        "state": own.word,
        "made_ms": own.made_ms,
        "files": len(own.names),
        "claim": collection_name(own.proposal.claim) if own.proposal.claim else None,
        "reason": own.proposal.reason,
        "contact": own.proposal.contact,
        "not_taken": own.refused,
        **counts(_said(own)),
    }


def counts(said: Sequence[FileState]) -> dict[str, Fact]:
    """How many files are in which state, as fields of a result."""
    return {f"files_{words.replace(' ', '_')}": said.count(state) for state, words in STATES.items()}


def _said(own: "OwnProposal") -> list[FileState]:
    return [_outcome(own, place).state for place in range(len(own.names))]


def _counts(own: "OwnProposal") -> str:
    said = _said(own) if own.state else []
    return ", ".join(f"{said.count(state)} {words}" for state, words in STATES.items() if state in said)


def _outcome(own: "OwnProposal", place: int) -> FileOutcome:
    return own.state.files[place] if own.state else FileOutcome(FileState.WAITING)


def _file(own: "OwnProposal", place: int, *, hashes: bool) -> dict[str, Fact]:
    said, digests = _outcome(own, place), own.proposal.files[place].digests
    return {
        "number": place + 1,
        "file": own.names[place],
        "state": STATES[said.state].replace(" ", "_"),
        "reason": said.reason,
        "algorithms": [each.algorithm.name.lower() for each in digests],
        "hashes": [each.value.hex() for each in digests] if hashes else None,
    }


def _lines(shown: "Shown", *, hashes: bool) -> list[str]:
    own = shown.proposal
    held_for = f", held for {collection_name(own.proposal.claim)}" if own.proposal.claim else ""
    lines = [
        f"{spelled(own.id)}: {own.word}, made {moment(own.made_ms)}{held_for}",
        f"  {own.proposal.reason}" + (f" ({own.proposal.contact})" if own.proposal.contact else ""),
    ]
    if shown.receipt:
        lines.append(f"  receipt of {shown.receipt.node}, {moment(shown.receipt.received_ms)}, verified")
    if own.refused:
        lines.append(f"  not taken: {own.refused}")
    for place, name in enumerate(own.names):
        said = _outcome(own, place)
        lines.append(f"  {place + 1}  {STATES[said.state]}{': ' if said.reason else ''}{said.reason}  {name}")
        if hashes:
            lines += [
                f"     {each.algorithm.name.lower()} {each.value.hex()}"
                for each in own.proposal.files[place].digests
            ]
    return lines


def _sent(own: "OwnProposal") -> str:
    if own.refused:
        return f"{own.id[:SHORT]}: not taken, {own.refused}"
    return f"{own.id[:SHORT]}: {counted(len(own.names), 'file')} proposed, receipt verified"
