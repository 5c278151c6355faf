"""`sigfed key`: which keys there are, where each is in its life, and how one follows another.

Each role's rotation is a procedure of its own; what they share is asked here. Holders' commands, revocations and
ceremonies have modules of their own and are registered here.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from keys.message import Message
from keys.roles import Role
from node.acts import keys as named
from node.acts.act import Done, Node
from node.cli import acts
from node.cli.acts import do, performing
from node.cli.keys import ceremony, proposals, revoke
from node.cli.options import YES
from node.cli.output import listing
from node.cli.session import session
from node.errors import UsageError
from node.fields import Fact

if TYPE_CHECKING:  # commands that touch no key start without them
    from node.identity.identity import Identity
    from node.ports.keyring import RingKey
    from node.rotation.rotate import Rotated

_HEADER = ("key", "stage", "since", "counts from", "until", "known to")
_MINUTE = "%Y-%m-%d %H:%M"

app = typer.Typer(help="This node's keys: see, replace and take them back.", no_args_is_help=True)
for _name, _command in proposals.COMMANDS.items():
    app.command(_name)(_command)
app.command("ceremony")(ceremony.ceremony)
app.add_typer(proposals.holder_app, name="holder")


@app.command("status")
def status(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Keys that are destroyed, too.")] = False,
) -> None:
    """Every key with its stage and its end, who knows it, and what comes next."""
    from keys.trust.lifecycle import Stage
    from node.rotation.rotate import key_facts
    from node.trust.adopt import as_listed

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        keys = identity.adopt_keys()
        facts = key_facts(identity, store, keys)
    keys = as_listed(keys, facts.listed)
    keys = tuple(sorted(keys, key=lambda key: (*_place(key), key.managed.valid.start)))
    shown = [key for key in keys if every or key.stage is not Stage.DESTROYED]
    found, peers = [(key, len(facts.peers - facts.missing(key.managed))) for key in shown], len(facts.peers)
    here.output.each(
        (_fields(key, known=known, peers=peers) for key, known in found),
        listing(_HEADER, (_cells(key, known=known, peers=peers) for key, known in found), none="no keys"),
    )
    here.output.following(_next_step(identity, keys))


@app.command("rotate")
@performing(named.rotate)
def rotate(
    context: typer.Context,
    role: Annotated[Role, typer.Argument(help="Which role's key gets a successor.")],
    of: Annotated[str, typer.Option(help="Which list, subset or witness, where there are several.")] = "",
    at: Annotated[
        str, typer.Option(help="When it begins, in UTC: YYYY-MM-DD or YYYY-MM-DDTHH:MM; default: now.")
    ] = "",
    key_at: Annotated[
        str,
        typer.Option(
            "--key",
            help="Where the successor lies already: sshagent:…, pkcs11:… or signer:…; default: a new one.",
        ),
    ] = "",
    yes: Annotated[bool, YES] = False,
) -> None:
    """Make a successor, list it in the node document, and let it begin as soon as every peer knows it.

    Keys that the root names (root, targets, snapshot, timestamp) are replaced at once, by a next root: with the
    holders' key files that are in this home.
    """
    from node.rotation.successors import Proposed, replace_key
    from node.trust.successors import SUCCEEDED

    here = session(context)
    if key_at and role not in SUCCEEDED:
        raise UsageError(
            "--key is not for {role} keys", role, hint="for a holder's: sigfed key holder new --root URI"
        )
    if role in proposals.NAMED_BY_ROOT:
        proposals.rotate(here, role, yes=yes)
        return
    moment = _moment(at)

    def replace(node: Node) -> Done:
        made = replace_key(node.identity, node.store, role, of, at=moment, uri=key_at)
        if isinstance(made, Proposed):
            said = Message("the next {role} key is made; it counts once its holders have signed", made.role)
            return Done(said=said, facts={"role": made.role, "of": made.of})
        return _replaced(made, role)

    do(here, named.rotate, named.Rotated(role=role, of=of, at=at, key=key_at, work=replace))


def _replaced(made: "Rotated", role: Role) -> Done:
    key = made.key
    return Done(
        said=Message(
            "{name} is {stage}; it counts from {start} UTC on",
            key.name,
            key.stage,
            f"{key.managed.valid.start:{_MINUTE}}",
        ),
        facts={"key": key.name, "stage": key.stage, "start": _iso(key.managed.valid.start), "role": role},
        lines=tuple(f"{each.name} ends {each.managed.valid.end:{_MINUTE}} UTC" for each in made.predecessors),
        following=("sigfed key status",),
    )


acts.add(app, named.ACTS)


@app.command("advance")
def advance(context: typer.Context) -> None:
    """Begin and end the keys that are due now; a running node does so every hour."""
    from node.rotation.rotate import advance_keys

    here = session(context)
    identity = here.identity()
    with here.writing() as store:
        done = advance_keys(identity, store)
    keys = {key.managed.kid: key for key in identity.ring.read()}
    for step in sorted(done.steps, key=lambda each: _place(keys[each.kid])):
        name = keys[step.kid].name
        here.output.result(
            {"key": name, "stage": step.after, "reason": step.reason, "missing": sorted(step.missing)},
            f"{name} is {step.after}: {step.reason}",
        )
    if not done.steps:
        here.output.talk("nothing is due")
    here.output.following("sigfed key status")


app.command("revoke")(revoke.revoke)
app.command("resume")(revoke.resume)


def _place(key: "RingKey") -> tuple[int, str]:
    """Where keys of one line stand among the others."""
    return list(Role).index(key.role), key.managed.lineage.of


def _fields(key: "RingKey", *, known: int, peers: int) -> dict[str, Fact]:
    managed = key.managed
    return {
        "key": key.name,
        "role": key.role,
        "of": managed.lineage.of,
        "stage": key.stage,
        "since": _iso(key.since),
        "start": _iso(managed.valid.start),
        "end": _iso(managed.valid.end),
        "known": known,
        "peers": peers,
    }


def _cells(key: "RingKey", *, known: int, peers: int) -> tuple[str, ...]:
    from keys.trust.lifecycle import NO_PEER_NEEDS

    valid = key.managed.valid
    return (
        key.name,
        key.stage,
        f"{key.since:{_MINUTE}}",
        f"{valid.start:%Y-%m-%d}",
        f"{valid.end:%Y-%m-%d}",
        "nobody needs to" if key.role in NO_PEER_NEEDS or not peers else f"{known} of {peers} peers",
    )


def _next_step(identity: "Identity", keys: "tuple[RingKey, ...]") -> str:
    from keys.trust.lifecycle import next_due

    due = next_due([key.managed for key in keys], identity.clock.now())
    if due is None:
        return "sigfed doctor"
    name = next(key.name for key in keys if key.managed.kid == due.kid)
    return f"{name} is {due.stage} by {due.at:{_MINUTE}} UTC; a running node sees to it: sigfed run"


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise UsageError("a time is written YYYY-MM-DD or YYYY-MM-DDTHH:MM, in UTC")


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
