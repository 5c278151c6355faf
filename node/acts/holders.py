"""Agencies that this one may ask who holds a hash."""

from dataclasses import dataclass
from typing import Annotated

from keys.errors import SigfedError
from keys.message import Message, marked
from node.acts.act import Done, Field, Node, act

_LEAVES = (
    "The member learns that this agency asks, when and how much, and never about what.",
    "It answers with its name, the collection and its contact; case data is in no list and in no answer.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The string that another agency made for this one."""

    invitation: Annotated[str, Field(label=marked("String of the other agency"), record=False)]
    seconds: Annotated[float | None, Field(record=False)] = None
    """For so long its node may take; None: as long as it takes."""


@act("holders.join", fresh=True)
def join(node: Node, given: Joined) -> Done:
    """Enrol this agency with the string that another member made for it (`sigfed partner invite --agency`)."""
    import asyncio

    from node.app.peers import holders as asking

    before = {holder.node for holder in asking.holders(node.identity)}
    try:
        done = asyncio.run(asking.join(node.identity, given.invitation, seconds=given.seconds))
    except Exception as exc:
        # The string may be used up all the same: then the enrolment stands, and its list comes with a question.
        new = [holder for holder in asking.holders(node.identity) if holder.node not in before]
        if not new:
            raise
        return Done(
            said=Message(
                "{node} may be asked; its list has not come yet, and is fetched with the first question",
                new[0].node,
            ),
            facts={"node": new[0].node, "subset": new[0].subset},
            outcome="partly",
            failure=None if isinstance(exc, SigfedError) else exc,
        )
    name, entries = done.enrolment.partner, done.report.entries
    count = f"{entries:,}"
    return Done(
        said=Message("{node} may be asked about {count} entries, as {name}", done.node, count, name),
        facts={
            "node": done.node,
            "name": name,
            "subset": done.enrolment.subset,
            "version": done.report.new,
            "entries": entries,
        },
        notes=_LEAVES,
        following=("sigfed entry holders",),
    )
