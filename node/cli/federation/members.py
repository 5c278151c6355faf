"""`sigfed member`: whom this agency counts in the federation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keys.message import Message
from node.acts import members as acts
from node.acts.act import Done, Node
from node.cli.acts import do, performing
from node.cli.options import YES
from node.cli.output import table
from node.cli.prompts import ask, confirm
from node.cli.session import session, wait_for
from node.errors import NotFoundError, UsageError
from node.pages.text import counted

if TYPE_CHECKING:
    from keys.trust.members import Member, Members
    from node.identity.identity import Identity
    from node.peers.membership import Introduced
    from node.store.peers.records import FetchedTrust

app = typer.Typer(help="Agencies of the federation that this node counts.", no_args_is_help=True)


@app.command("add")
@performing(acts.add)
def add(
    context: typer.Context,
    url: Annotated[
        str,
        typer.Argument(
            help="Address of the other node, https://…/, or a folder that it introduces itself in."
        ),
    ],
    words: Annotated[
        str,
        typer.Option(
            default_factory=lambda: ask("Its fingerprint, as the other operator reads it out"),
            show_default=False,
            help="Fingerprint words of its root; asked for when not given.",
        ),
    ],
    country: Annotated[
        str,
        typer.Option(
            default_factory=lambda: ask("Its country (two letters; empty for a body of no country)"),
            show_default=False,
            help="Two letters; empty for a body of no country.",
        ),
    ],
    authority: Annotated[
        list[str] | None,
        typer.Option("--authority-for", help="Collection in which its word alone counts; repeatable."),
    ] = None,
) -> None:
    """Count another agency, after comparing its fingerprint by telephone or in person."""
    from node.access.notation import collection_of
    from node.app.peers.membership import membership

    here = session(context)
    identity = here.identity()

    def count(_node: Node) -> Done:
        introduced = _introduced(identity, url, words)
        with membership(identity) as members:
            member = members.add_member(
                introduced,
                country=country.upper() or None,
                authority_for=frozenset(collection_of(name) for name in authority or ()),
                signers=identity.targets_signers(),
            )
            return _counts(member, members.members())

    given = acts.Added(url=url, country=country.upper(), authority=authority or (), work=count)
    do(here, acts.add, given)


def _counts(member: "Member", register: "Members") -> Done:
    return Done(
        said=Message(
            "{node} counts for {country}; {known}, {k} countries must agree",
            member.node,
            member.country or "no country",
            counted(len(register.members), "member"),
            register.k,
        ),
        facts={
            "node": member.node,
            "country": member.country,
            "members": len(register.members),
            "k": register.k,
        },
        following=(
            f"sigfed peer add {member.node} --grant baseline",
            "sigfed subset release NAME, for every subset: partners refuse a release made with an older register",
        ),
    )


def _introduced(identity: "Identity", url: str, words: str) -> "Introduced":
    """The node at this address or in this folder, if its root has these fingerprint words."""
    from node.peers.membership import recognise

    return recognise(lambda: _fetched(identity, url, words), words, identity.clock)


def _fetched(identity: "Identity", url: str, words: str) -> "FetchedTrust":
    from node.access.notation import typed_words
    from node.objects.medium import MediumObjects
    from node.peers.transfer.read import carried_trust
    from node.remote.bootstrap import fetch_trust
    from node.remote.proxy import proxy_of

    pinned = typed_words(words)
    if Path(url).is_dir():
        return carried_trust(MediumObjects(Path(url)))
    proxy = proxy_of(identity.settings.outbound)
    return wait_for(fetch_trust(url, pinned, clock=identity.clock, entropy=identity.entropy, proxy=proxy))


@app.command("remove")
@performing(acts.remove)
def remove(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="Name of a member.")],
    yes: Annotated[bool, YES] = False,
) -> None:
    """Stop counting an agency: its entries end here, its blocks stay until two persons release them."""
    from node.app.peers.membership import membership
    from node.partners.admission import askers

    here = session(context)
    identity = here.identity()
    _require_other(identity, node)
    here.output.talk(
        f"{node} will count no more, here and in every release made from now on.",
        "  its entries end: what only it and one other country list leaves the next release",
        "  its blocks stay: what it disputes or withdrew as an error stays out until two persons release them",
        "  it is no peer any more: nothing is fetched from it, and it may read nothing here",
    )
    confirm("Remove it?", yes=yes)

    def drop(opened: Node) -> Done:
        with membership(identity) as members:
            register = members.remove_member(node, signers=identity.targets_signers())
        left = askers(opened.store)
        known = counted(len(register.members), "member")
        return Done(
            said=Message(
                "{node} is no member any more; register {version} has {known}", node, register.version, known
            ),
            facts={"node": node, "members": len(register.members), "version": register.version},
            following=(
                "sigfed subset release NAME, for every subset: partners refuse a release made with an older register",
                "sigfed quarantine ls, for the blocks that stay",
                *(
                    f"sigfed partner suspend {name}, if that is how {node} asks about holdings"
                    for name in left
                ),
            ),
        )

    do(here, acts.remove, acts.Removed(node=node, work=drop))


@app.command("ls")
def ls(context: typer.Context) -> None:
    """The register: who counts, for which country."""
    here = session(context)
    identity = here.identity()
    register = identity.trust.members()
    rows = [(member.node, member.country or "-", _words(member.root_sha256)) for member in register.members]
    here.output.each(
        (
            {
                "node": member.node,
                "country": member.country,
                "fingerprint": _words(member.root_sha256),
                "authority_for": sorted(member.authority_for),
            }
            for member in register.members
        ),
        table(("member", "country", "fingerprint"), rows),
    )


def _require_other(identity: "Identity", node: str) -> None:
    """Refuse what cannot be removed before anything is said of its removal."""
    if node == identity.settings.node:
        raise UsageError("a node counts itself; this one cannot be removed here")
    if not any(member.node == node for member in identity.trust.members().members):
        raise NotFoundError("{node} is not a member", node, hint="see them with: sigfed member ls")


def _words(fingerprint: bytes) -> str:
    from keys.trust.fingerprint import to_words

    return to_words(fingerprint)
