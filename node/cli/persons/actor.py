"""Who is acting: a person named on the command line (or by `SIGFED_PERSON`) who proves it with a passphrase."""

import os
from typing import TYPE_CHECKING

from keys.message import Message
from node.cli.prompts import ask_hidden
from node.cli.session import Session
from node.errors import RateLimitedError, UnauthenticatedError, UsageError

if TYPE_CHECKING:
    from node.identity.identity import Identity
    from node.store.accounts.records import Approval

VARIABLE = "SIGFED_PERSON"


def acting_person(here: Session, name: str) -> str:
    """The name of the person who acts, authenticated; an empty `name` means the one of `SIGFED_PERSON`.

    Raises:
        UsageError: no name, neither here nor there.
        NotFoundError: there is no such person.
        UnauthenticatedError: another passphrase.
        RateLimitedError: too many wrong ones.
    """
    from node.app.persons import open_persons
    from node.identity.audit import tell
    from node.rotation.store import open_shelf

    wanted = name or os.environ.get(VARIABLE, "")
    if not wanted:
        raise UsageError(
            "say who you are", hint=Message("--as NAME, or set {name}; see sigfed person ls", VARIABLE)
        )
    identity = here.identity()
    with open_shelf(identity) as shelf:
        try:
            who = open_persons(identity, shelf).authenticate(wanted, _passphrase(identity, wanted))
        except (UnauthenticatedError, RateLimitedError):
            tell(identity, shelf, "person.prove", wanted, outcome="refused")
            raise
    here.acting.append(who)
    return who


def _passphrase(identity: "Identity", name: str) -> str:
    from node.files import read_private

    file = identity.settings.secrets.person_passphrase_file
    if file is not None:
        return read_private(file).rstrip(b"\r\n").decode("utf-8", "replace")
    return ask_hidden(f"passphrase of {name}")


def two_decide(here: Session) -> bool:
    """Whether two persons are known here, so that what takes two can be asked for."""
    from node.app.persons import open_persons
    from node.rotation.store import open_shelf

    identity = here.identity()
    with open_shelf(identity) as shelf:
        return open_persons(identity, shelf).is_open()


def require_two(here: Session) -> None:
    """Refuse what takes two persons where fewer are known, before anybody is asked for a passphrase."""
    from node.access.approvals import require_two as require
    from node.rotation.store import open_shelf

    with open_shelf(here.identity()) as shelf, shelf.storage.read() as unit:
        require(unit)


def request_approval(here: Session, kind: str, *, subject: str, payload: bytes, by: str) -> None:
    """Ask, in the name of the authenticated person `by`, for what a second one decides, and say how that is done."""
    from node.app.approvals import open_approvals
    from node.rotation.store import open_shelf

    identity = here.identity()
    with open_shelf(identity) as shelf:
        approval = open_approvals(identity, shelf).request(kind, subject=subject, payload=payload, by=by)
    tell_requested(here, approval)


def tell_requested(here: Session, approval: "Approval") -> None:
    """Say that a second person must decide, and how."""
    here.output.result(
        {
            "approval": approval.id,
            "kind": approval.kind,
            "subject": approval.subject,
            "requested_by": approval.requested_by,
        },
        f"request {approval.id}: {approval.subject}",
        "nothing has changed yet: another person must approve it",
    )
    here.output.following(f"sigfed approval approve {approval.id} --as NAME")
