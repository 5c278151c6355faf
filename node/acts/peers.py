"""Agencies that are followed and read here: more takes two persons, less one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from keys.message import Message, marked
from node.acts.act import Done, Field, Node, act
from node.store.accounts.records import Request

if TYPE_CHECKING:
    from protocol.lists.grant import Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A peer."""

    node: Annotated[str, Field(label=marked("Name of the peer"), argument=True, record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted(Named):
    """A peer and what it may read, as both are typed."""

    collections: Annotated[
        str,
        Field(
            label=marked("Collections whose hashes it may read here"),
            help=marked("Names between commas, as baseline."),
            option="grant",
            record=True,
        ),
    ]
    algorithms: Annotated[
        str,
        Field(
            label=marked("Kinds of hashes"),
            help=marked("Names between commas, as md5, sha1. Empty: all."),
            record=True,
        ),
    ] = ""
    until: Annotated[
        str,
        Field(label=marked("Last day"), help=marked("YYYY-MM-DD; empty: no end."), input="date", record=True),
    ] = ""


def _state(node: Node) -> object:
    with node.store.read() as unit:
        return [peer.name for peer in unit.peers.ls()]


@act(
    "peer.add",
    title=marked("Follow"),
    explains=marked(
        "Its lists are fetched and count, and it may read here what you grant. Where two persons decide, baseline is"
        " granted at once and more waits for the second."
    ),
    fresh=True,
    state=_state,
)
def add(node: Node, given: Granted) -> Done | Request:
    """Follow a member's lists, and let it read ours; more than baseline needs a second person, where two decide."""
    from node.access.approvals import two_decide
    from node.access.grants import first_part, grant_payload, grant_words, widens
    from node.app.peers.membership import membership

    wanted = _wanted(given)
    with node.store.read() as unit:
        first = first_part(wanted) if two_decide(unit) else wanted

    def follow() -> str:
        with membership(node.identity) as members:
            return members.add_peer(given.node, first).url

    def followed() -> bytes:
        follow()
        return grant_payload(given.node, wanted)

    said = Message("{node} is followed, and may read {grant} here", given.node, grant_words(first))
    if widens(first, wanted):
        return Request(
            kind="peer.grant", subject=_subject(given.node, wanted, first), payload=followed, notes=(said,)
        )
    return Done(
        said=said,
        facts={
            "peer": given.node,
            "grant": given.collections,
            "algorithms": given.algorithms,
            "url": follow(),
        },
        following=("sigfed run", f"sigfed peer sync {given.node}"),
    )


@act("peer.grant", fresh=True)
def grant(node: Node, given: Granted) -> Done | Request:
    """Replace what a peer may read here: less at once, more when a second person approves it."""
    from node.access.grants import Grants, grant_payload, grant_words

    wanted, grants = _wanted(given), Grants(node.store, node.identity.clock)
    if grants.widens(given.node, wanted):
        return Request(
            kind="peer.grant",
            subject=_subject(given.node, wanted, grants.get(given.node)),
            payload=grant_payload(given.node, wanted),
        )
    grants.narrow(given.node, wanted)
    return Done(
        said=Message("{node} may read {grant} here", given.node, grant_words(wanted)),
        facts={"peer": given.node, "grant": given.collections, "algorithms": given.algorithms},
    )


@act(
    "peer.remove",
    title=marked("Remove the peer"),
    explains=marked(
        "Nothing is fetched from it any more and it may read nothing here. It stays a member, and what is held of its"
        " lists stays and counts."
    ),
    fresh=True,
    irreversible=True,
)
def remove(node: Node, given: Named) -> Done:
    """Stop following a peer and serve it nothing; what is held of its lists stays and counts."""
    from node.app.peers.membership import membership

    with membership(node.identity) as members:
        members.remove_peer(given.node)
    return Done(
        said=Message("{node} is no peer any more; what is held of its lists stays and counts", given.node),
        facts={"peer": given.node, "removed": True},
        following=("sigfed peer ls",),
    )


ACTS = (add, grant, remove)


def _wanted(given: Granted) -> "Grant":
    from node.access.notation import grant_of

    return grant_of(given.collections, given.algorithms, given.until)


def _subject(name: str, wanted: "Grant", held: "Grant") -> Message:
    from node.access.grants import grant_words

    return Message("{peer} may read {grant} here (now: {held})", name, grant_words(wanted), grant_words(held))
