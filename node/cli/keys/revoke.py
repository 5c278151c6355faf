"""`sigfed key revoke` and `sigfed key resume`: the night a key is stolen, and the morning after.

What will happen is said before anything does, in words for whoever is on call; the rules are `keys.trust.revocations`'.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from keys.errors import SigfedError
from keys.message import Message
from node.acts import keys
from node.acts.act import Done, Node
from node.cli.acts import do, performing
from node.cli.keys.backups import instead
from node.cli.options import YES
from node.cli.output import table
from node.cli.prompts import confirm
from node.cli.session import Session, session, wait_for
from node.clock import minute
from node.errors import UsageError
from node.files import said_of
from node.pages.text import counted

if TYPE_CHECKING:  # commands that touch no key start without them
    from keys.signer import Signer
    from keys.trust.node_parts import FinalCheckpoint
    from keys.trust.revocations import Reason
    from node.identity.identity import Identity
    from node.ports.keyring import RingKey
    from node.rotation.revocation import History
    from node.rotation.revoke import Revoked
    from node.store.store import Store
    from node.witnesses.standings import Cosigned


@performing(keys.revoke)
def revoke(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The key, as sigfed key status names it.")],
    reason: Annotated[
        str,
        typer.Option(
            help="compromise (somebody else may have it), lost, superseded or ceased.", show_default=False
        ),
    ],
    last_good: Annotated[
        int | None,
        typer.Option(
            metavar="SIZE",
            help="Of a stolen log key: how many events of the log are surely this agency's.",
            min=0,
        ),
    ] = None,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Take a key back for good: it signs nothing more, another does at once, and everybody refuses it."""
    from node.rotation.revocation import reason_of
    from node.rotation.revoke import check
    from node.rotation.revoke import revoke as take_back

    here = session(context)
    why = reason_of(reason)
    identity = here.identity()
    key = check(identity, name)
    with here.reading() as store:
        good = _last_good(here, store, key, why, last_good)
    here.output.talk(*_what_happens(key, why, good))
    confirm("Take it back?", yes=yes)

    def stop(node: Node) -> Done:
        signers = identity.targets_signers()
        done = take_back(identity, node.store, key, reason=why, last_good=good, signers=signers)
        if done.proposed:
            return _proposed(done, reason)
        resumed = _resumed(identity, node.store, done, signers) if good is not None and done.goes_on else ""
        successor = "" if done.successor is None else done.successor.name
        return Done(
            said=Message("taken back: {keys}", ", ".join(done.taken_back)),
            facts={"key": name, "successor": successor, "reason": reason, "keys": len(done.taken_back)},
            lines=(
                *([f"{successor} signs from now on"] if successor else []),
                *([resumed] if resumed else []),
            ),
            following=tuple(_next_steps(done, resumed)),
        )

    given = keys.Revoked(name=name, reason=why, last_good=None if good is None else good.size, work=stop)
    do(here, keys.revoke, given)


@performing(keys.resume)
def resume(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A list, or the origin of any log of this node.")],
) -> None:
    """Say that a log whose key was stolen goes on from here, once witnesses have cosigned it under the new key."""
    from node.rotation.revoke import confirm_by_witnesses
    from node.rotation.revoke import resume as go_on

    here = session(context)
    identity = here.identity()
    origin = here.own_list(name)

    def say(node: Node) -> Done:
        standing = wait_for(confirm_by_witnesses(identity, node.store, origin))
        size = go_on(identity, node.store, origin, standing, signers=identity.targets_signers())
        return Done(
            said=Message(
                "{origin} goes on from {events} on: what is added now counts", origin, counted(size, "event")
            ),
            facts={"origin": origin, "size": size},
            following=("sigfed publish",),
        )

    do(here, keys.resume, keys.Resumed(log=origin, work=say))


def _last_good(
    here: Session, store: "Store", key: "RingKey", why: "Reason", size: int | None
) -> "FinalCheckpoint | None":
    """The last good head, where there must be one; raises `UsageError` with what to choose from."""
    from keys.trust.revocations import Reason
    from node.rotation.doubt import vouched
    from node.rotation.revocation import history, last_good
    from node.rotation.revoke import log_of

    log = log_of(store, key)
    if log is None or why is not Reason.COMPROMISE:
        if size is not None:
            raise UsageError("--last-good goes with a stolen log key")
        return None
    found = history(store, log)
    here.output.talk(*_history(found))
    good = last_good(store, found, size)
    if good.size and (words := vouched(store, log, good.size).words):
        here.output.talk(words)
    return good


def _history(found: "History") -> Iterator[str]:
    yield f"{found.log.origin} was published so, newest last:"
    rows = [
        (minute(each.time_ms), str(each.size), str(each.adds), str(each.withdrawals), str(each.others))
        for each in found.newest
    ]
    yield from table(("published", "size", "added", "withdrawn", "other"), rows)


def _what_happens(key: "RingKey", why: "Reason", good: "FinalCheckpoint | None") -> Iterator[str]:
    from node.rotation.revocation import consequences

    yield f"{key.name} is taken back for good; this cannot be undone."
    yield from (f"  {sentence}" for sentence in consequences(key, why, good))


def _proposed(done: "Revoked", reason: str) -> Done:
    name = done.taken_back[0]
    return Done(
        said=Message(
            "stopped here: {keys}; nobody else knows before the holders have signed",
            ", ".join(done.taken_back),
        ),
        facts={"key": name, "successor": "", "reason": reason, "keys": len(done.taken_back)},
        following=(
            "every holder who has to sign: sigfed key sign FILE --keys FOLDER, then here: sigfed key publish FILE",
            f"sigfed key revoke {name} with the same options, once more: another key signs from then on",
        ),
    )


def _resumed(identity: "Identity", store: "Store", done: "Revoked", signers: "Sequence[Signer]") -> str:
    """Where the log goes on, in words; or why that cannot be said yet."""
    from node.rotation.revoke import confirm_by_witnesses
    from node.rotation.revoke import resume as go_on

    try:
        standing: Cosigned = wait_for(confirm_by_witnesses(identity, store, done.origin))
        size = go_on(identity, store, done.origin, standing, signers=signers)
    except (SigfedError, OSError) as exc:
        # The key is taken back, and nothing else of this command is as urgent.
        return f"nothing added to {done.origin} counts yet: {said_of(exc)}"
    return f"{done.origin} goes on from {counted(size, 'event')} on"


def _next_steps(done: "Revoked", resumed: str) -> Iterator[str]:
    yield "sigfed peer sync, and tell the other agencies by telephone: they learn of it at their next sync"
    if resumed.startswith("nothing"):
        yield f"sigfed key resume {done.origin}, once the witnesses have cosigned"
    elif done.origin and not done.goes_on:
        yield from instead(done.origin)
    elif done.origin.split("/")[1:2] == ["lists"]:
        yield "sigfed entry import, again, what this agency itself had added since the last good size; sigfed publish"
    elif done.origin.split("/")[1:2] == ["subsets"]:
        yield "sigfed subset release NAME: partners take nothing from the releases that are doubted"
