"""What is set aside until people have looked at it: letting it in takes two persons."""

from dataclasses import dataclass
from typing import Annotated

from keys.message import marked
from node.acts.act import JUDGES, Field, Node, act
from node.store.accounts.records import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineItem:
    """What to let in, and why."""

    id: Annotated[
        str,
        Field(help="Its number, or the name of a removed member.", argument=True, metavar="ID", record=True),
    ]
    reason: Annotated[
        str,
        Field(
            label=marked("Why it may be let in"),
            help=marked("Kept with the request, which a second person decides."),
            record=True,
        ),
    ]


# Fresh: else whoever finds a session open asks in it, and approves in his own.
@act("quarantine.release", roles=JUDGES, title=marked("Ask for its release"), fresh=True)
def release(node: Node, given: QuarantineItem) -> Request:
    """Ask to release an item; a second person approves it."""
    from node.app.quarantine import release_request

    said = marked("Request {number} waits for a second person: nothing has changed yet.")
    return release_request(node.identity, node.store, given.id, reason=given.reason, said=said)
