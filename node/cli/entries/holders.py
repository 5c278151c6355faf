"""`sigfed holders`, `sigfed entry holders` and `sigfed contact`: which agency to talk to about a file."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from keys.message import Message
from node.acts import entries, holders
from node.acts.act import Done, Node
from node.cli.acts import do, performing
from node.cli.exit_codes import ExitCode, exit_code
from node.cli.options import HASHES, STDIN
from node.cli.output import listing
from node.cli.prompts import ask_hidden
from node.cli.session import session, wait_for
from node.fields import Fact
from node.pages.text import counted

if TYPE_CHECKING:
    from node.app.peers.holders import Holder
    from node.hoster.lookup.examiner import Hit

app = typer.Typer(help="Members whose holdings may be asked about, privately.", no_args_is_help=True)


@app.command("join", help=holders.join.help)
@performing(holders.join)
def join(context: typer.Context, from_stdin: Annotated[bool, STDIN] = False) -> ExitCode:
    """It is asked for, or read."""
    here = session(context)
    here.identity()
    text = sys.stdin.readline() if from_stdin else ask_hidden("String of the other agency")
    done = do(here, holders.join, holders.Joined(invitation=text))
    return ExitCode.OK if done.outcome == "ok" else ExitCode.PARTIAL


@app.command("ls")
def ls(context: typer.Context) -> None:
    """The members that this agency may ask."""
    from node.app.peers.holders import holders

    here = session(context)
    found = holders(here.identity())
    rows = ((holder.node, holder.subset or "-", _state(holder)) for holder in found)
    here.output.each(
        map(_fields, found), listing(("member", "subset", "contact"), rows, none="no member can be asked")
    )
    if not found:
        here.output.following(
            "a member runs: sigfed partner invite NAME --subset HOLDINGS --agency THIS-NODE",
            "sigfed holders join",
        )


@performing(entries.ask_holders)
def ask_holders(context: typer.Context, hash_from: Annotated[str, HASHES] = "") -> int:
    """Ask members privately which of them holds a hash, and whom to talk to."""
    from node.app.peers.holders import ask_all, holders
    from node.cli.hashes import file_name, read_hashes

    here = session(context)
    members = holders(here.identity())
    files = read_hashes(hash_from)
    failed = ExitCode.OK

    def ask(_node: Node) -> Done:
        nonlocal failed
        found, silent = list[Done](), list[str]()
        for asked in wait_for(ask_all(members, [digests for _, digests in files])):
            if asked.failure is not None:
                failed = max(failed, exit_code(asked.failure))
                silent.append(f"{asked.holder.node} could not be asked: {asked.failure}")
                continue
            found += [
                _held(name, asked.holder, hit)
                for (name, _), hit in zip(files, asked.hits, strict=True)
                if hit is not None and not hit.test_file
            ]
        said = f"asked {counted(len(members), 'member')} about {counted(len(files), 'file')}"
        facts = {"asked": len(members) - len(silent), "not_answered": len(silent)}
        following = () if members else ("sigfed holders ls",)
        return Done(said=Message(said), facts=facts, parts=found, notes=(*silent, said), following=following)

    given = entries.Asked(files=len(files), hash_from=file_name(hash_from), work=ask)
    do(here, entries.ask_holders, given)
    return failed


def _fields(holder: "Holder") -> Mapping[str, Fact]:
    fields: dict[str, Fact] = {"node": holder.node, "subset": holder.subset, "contact": holder.contact}
    return fields if holder.failure is None else {**fields, "failure": str(holder.failure)}


def _state(holder: "Holder") -> str:
    return holder.contact or "-" if holder.failure is None else f"cannot be asked: {holder.failure}"


def _held(name: str, holder: "Holder", hit: "Hit") -> Done:
    contact = f"contact: {holder.contact}" if holder.contact else "it names no contact"
    return Done(
        said=Message(
            "{file}: {node} holds it ({collection}); {contact}", name, holder.node, hit.collection, contact
        ),
        facts={
            "file": name,
            "holder": holder.node,
            "collection": hit.collection,
            "contact": holder.contact,
            "algorithms": [algorithm.name.lower() for algorithm in hit.algorithms],
        },
    )


def contact(
    context: typer.Context,
    text: Annotated[
        str, typer.Argument(help="Office, mail address or telephone number; empty: none.", show_default=False)
    ],
) -> None:
    """Say whom other agencies ask about this agency's entries (public; asks for a targets key)."""
    from node.trust.announce import announce_contact

    here = session(context)
    identity = here.identity()
    announce_contact(identity.trust, text or None, signers=identity.targets_signers())
    here.output.result(
        {"contact": text or None}, f"contact: {text}" if text else "no contact is named any more"
    )
