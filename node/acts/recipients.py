"""Recipients, accredited holders of raw hashes: what gives more away takes two persons; what takes away, one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from keys.message import Message, marked
from node.acts.act import Act, Done, Field, Node, act
from node.store.accounts.records import Request

if TYPE_CHECKING:
    from node.recipients.accreditation import Recipients, Wanted
    from protocol.lists.grant import Grant

SWITCHED_OFF = "recipients are switched off: [recipients] enabled = true, then sigfed run"
_REFUSED = marked("It is refused even in the middle of a download; what it fetched, it keeps.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A recipient."""

    name: Annotated[
        str,
        Field(
            label=marked("Name of the recipient"),
            help=marked("Small letters, digits and hyphens."),
            argument=True,
            record=True,
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted(Named):
    """A recipient and what it may fetch, as both are typed."""

    collections: Annotated[
        str,
        Field(
            label=marked("Collections that it may fetch"),
            help=marked("Names between commas, as baseline. Private ones are never given away."),
            option="grant",
            record=True,
        ),
    ]
    until: Annotated[
        str,
        Field(
            label=marked("Last day"),
            help=marked("YYYY-MM-DD, at most a year away."),
            input="date",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Accredited(Granted):
    """A new recipient."""

    purpose: Annotated[
        str, Field(label=marked("What it does with them"), help=marked("For people; no hashes."), record=True)
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed(Named):
    """Whose key to replace, and how."""

    keep_old: Annotated[
        bool,
        Field(
            label=marked("The old key is not stolen: let it count for a day more."), input="tick", record=True
        ),
    ] = False


@act(
    "recipient.add",
    title=marked("Ask a second person"),
    explains=marked(
        "Raw hashes cannot be called back. Somebody else approves it; then its key is made on its own page."
    ),
    fresh=True,
)
def add(node: Node, given: Accredited) -> Request:
    """Ask another person to approve that somebody may fetch raw hashes here."""
    wanted = _wanted(given, given.purpose)
    _recipients(node).check_new(wanted)
    return _request("recipient.add", wanted)


@act(
    "recipient.grant",
    title=marked("Change the grant"),
    explains=marked(
        "Less takes effect at once. More or longer gives hashes away that nobody can call back,"
        " so a second person decides."
    ),
    fresh=True,
)
def grant(node: Node, given: Granted) -> Done | Request:
    """Replace what a recipient may fetch: less at once, more or longer when a second person approves it."""
    recipients, wanted = _recipients(node), _wanted(given)
    wider = recipients.widens(wanted.name, wanted.grant)
    recipients.check_grant(wanted.grant)
    if wider:
        return _request("recipient.grant", wanted)
    recipients.narrow(wanted.name, wanted.grant)
    return Done(
        said=Message("{name} may fetch {grant}", given.name, _words(wanted.grant)),
        facts={"recipient": given.name, "grant": given.collections, "until": given.until},
    )


@act(
    "recipient.key",
    title=marked("Make a key"),
    explains=marked(
        "Whoever has the key is the recipient. It is shown once, ends after a year,"
        " and takes the place of the one that it has."
    ),
    fresh=True,
    irreversible=True,
)
def key(node: Node, given: Keyed) -> Done:
    """Make a recipient's key, in place of the one it has; it is shown once and ends after a year."""
    recipients = _recipients(node)
    make = recipients.change_key if given.keep_old else recipients.make_key
    made = make(given.name, entropy=node.identity.entropy)
    old = (
        "The key before it counts for a day more."
        if given.keep_old
        else "An older key of this recipient no longer counts."
    )
    return Done(
        said=Message("{name} has a new key", given.name),
        facts={"recipient": given.name, "key": made},
        once="key",
        notes=(
            f"Whoever has this key is {given.name}. Hand it over by a channel you trust: it is not stored in the",
            f"clear and cannot be shown again. {old}",
        ),
        following=() if node.identity.settings.recipients.enabled else (SWITCHED_OFF,),
    )


@act("recipient.suspend", title=marked("Suspend"), explains=_REFUSED)
def suspend(node: Node, given: Named) -> Done:
    """Refuse a recipient from now on, even in the middle of a download."""
    _recipients(node).set_suspended(given.name, suspended=True)
    return _done(Message("{name} is refused from now on", given.name), given, suspended=True)


@act("recipient.resume", title=marked("Resume"), fresh=True)
def resume(node: Node, given: Named) -> Done:
    """Let a suspended recipient fetch again, with the key it has, until its end."""
    _recipients(node).set_suspended(given.name, suspended=False)
    return _done(Message("{name} may fetch again, until its end", given.name), given, suspended=False)


@act("recipient.remove", title=marked("Forget it and its key"), explains=_REFUSED, fresh=True)
def remove(node: Node, given: Named) -> Done:
    """Forget a recipient and its key; what it fetched, it keeps."""
    return _done(_recipients(node).remove(given.name, by=node.identity.actor), given, removed=True)


ACTS: tuple[Act[Any], ...] = (add, grant, key, suspend, resume, remove)


def _recipients(node: Node) -> "Recipients":
    from node.recipients.accreditation import Recipients

    return Recipients(node.store, node.identity.clock)


def _wanted(given: Granted, purpose: str = "") -> "Wanted":
    from node.access.notation import grant_of
    from node.recipients.accreditation import Wanted

    held = grant_of(given.collections, given.algorithms, given.until)
    return Wanted(name=given.name, grant=held, purpose=purpose)


def _words(held: "Grant") -> str:
    from node.access.grants import grant_words

    return grant_words(held)


def _request(kind: str, wanted: "Wanted") -> Request:
    from node.recipients.accreditation import recipient_payload

    who = f"{wanted.name} ({wanted.purpose})" if wanted.purpose else wanted.name
    return Request(
        kind=kind,
        subject=Message("{who} may fetch raw hashes: {grant}", who, _words(wanted.grant)),
        payload=recipient_payload(wanted),
    )


def _done(said: Message, given: Named, **fact: bool) -> Done:
    return Done(said=said, facts={"recipient": given.name, **fact})
