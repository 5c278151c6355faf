"""Partners' disputes, answered by one person, signed and for good."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from keys.message import Message
from node.acts.act import ANALYSTS, Done, Field, Node, act

if TYPE_CHECKING:
    from protocol.statement.case import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered: the first digits of the reported hit's id, perhaps after `PARTNER/`."""

    case: Annotated[str, Field(record=True)]
    outcome: Annotated["Outcome", Field(record=True)]
    reason: Annotated[str, Field(record=True)]
    withdraw: Annotated[str, Field(record=True)]
    """Origin of the own list that the file is taken off, where the partner is right; empty: none."""


@act("case.answer", roles=ANALYSTS, fresh=True, lists=True)
def answer(node: Node, given: Answer) -> Done:
    """Answer a dispute, signed and for good; the partner fetches the answer."""
    from node.app.partners.answers import answer_case
    from node.partners.hits.cases import get_case

    record, word = get_case(node.store, given.case), given.outcome.name.lower()
    done = answer_case(
        node.identity, node.store, record, given.outcome, given.reason, withdraw_from=given.withdraw
    )
    own_name = given.withdraw.rpartition("/")[2]
    said = [Message("The dispute is {outcome}, signed; the partner fetches the answer.", Message(word))]
    if done.withdrawals:
        said.append(
            Message(
                "{count} entries of the file end with the next publication of {list}.",
                done.withdrawals,
                own_name,
            )
        )
    upheld = given.outcome is type(given.outcome).UPHELD
    own = node.identity.settings.node
    return Done(
        said=Message.joined(" ", said),
        facts={
            "case": record.report_id.hex(),
            "partner": record.partner,
            "outcome": word,
            "answered_ms": done.answer.answered_ms,
            "withdrawals": done.withdrawals,
        },
        following=tuple(_steps(own, done.origins, own_name)) if upheld else (),
    )


def _steps(own: str, origins: Sequence[str], withdrawn: str) -> Iterator[str]:
    """What an upheld dispute leaves to be done; `withdrawn` is the list that the file was taken off."""
    theirs = sorted({origin.partition("/")[0] for origin in origins} - {own})
    if withdrawn:
        yield f"sigfed publish {withdrawn}, then sigfed subset release"
    else:
        mine = [origin.rpartition("/")[2] for origin in origins if origin.startswith(f"{own}/")]
        yield from (f"sigfed entry withdraw --list {name}" for name in mine)
    yield from (f"ask {node} to withdraw its entry" for node in theirs)
    if theirs:
        yield "sigfed entry dispute --list NAME, to block it until they do"
