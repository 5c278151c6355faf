"""`sigfed key propose`, `changes`, `sign`, `publish` and `key holder new`: what holders of offline keys sign.

A proposal is one file that goes from the node to its holders and back. It is signed on machines without network, after
all that it alters was shown in words.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keys.message import Message
from keys.roles import Role
from node.acts import keys as acts
from node.acts.act import Done, Node
from node.cli.acts import do, performing
from node.cli.options import KDF, YES
from node.cli.prompts import confirm
from node.cli.session import Session, session
from node.errors import AlreadyExistsError
from node.pages.text import counted

if TYPE_CHECKING:
    from keys.trust.proposals.sign import OpenedProposal

holder_app = typer.Typer(help="Holders of root and targets keys.", no_args_is_help=True)

PROPOSAL = typer.Argument(help="File of the proposal.", metavar="FILE")
PASSPHRASE_FILE = typer.Option(
    "--passphrase-file", help="File with the holder's passphrase; default: a prompt."
)


NAMED_BY_ROOT = frozenset({Role.ROOT, Role.TARGETS, Role.SNAPSHOT, Role.TIMESTAMP})
"""Roles whose keys are replaced by a next root."""
HELD = frozenset({Role.ROOT, Role.TARGETS})
"""Those whose keys people hold."""


class Only(StrEnum):
    """One of a holder's two keys."""

    ROOT = "root"
    TARGETS = "targets"


@performing(acts.propose)
def propose(
    context: typer.Context,
    file: Annotated[Path, PROPOSAL],
    holder: Annotated[
        list[Path] | None,
        typer.Option(help="Card of a new holder, or of one with new keys; repeatable."),
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option(help="Holder that goes; repeatable.", metavar="NAME")
    ] = None,
    threshold: Annotated[int | None, typer.Option(help="How many root keys must sign.", min=1)] = None,
    targets_threshold: Annotated[
        int | None, typer.Option(help="How many targets keys must sign.", min=1)
    ] = None,
    stolen_targets: Annotated[
        bool,
        typer.Option(
            "--stolen-targets", help="The targets keys of today are stolen or lost: ask none of them to sign."
        ),
    ] = False,
) -> None:
    """Write a proposal of the next root: other holders, keys or thresholds; by default only a year more."""
    from keys.trust.holder_card import read_card
    from node.identity.key_holders import ProposalFile, open_proposal_file
    from node.rotation.next_root import propose_root
    from node.trust.next_root import RootChange

    here = session(context)
    identity = here.identity()
    if file.exists():
        raise AlreadyExistsError("{file} exists and is not overwritten", file, hint="name another file")
    cards = [_card(path) for path in holder or ()]
    change = RootChange(
        holders=[read_card(card, identity.settings.node) for card in cards],
        remove=remove or (),
        threshold=threshold,
        targets_threshold=targets_threshold,
    )

    def prepare(_node: Node) -> Done:
        ProposalFile(file).write(propose_root(identity, change, handover=not stolen_targets))
        return Done(said=Message("proposed"), parts=(), outcome="proposed")

    do(here, acts.propose, acts.next_root(file.stem, change, stolen_targets=stolen_targets, work=prepare))
    _tell(here, open_proposal_file(file), file)
    here.output.following(f"every holder who has to sign: sigfed key sign {file.name} --keys FOLDER")


def _card(path: Path) -> bytes:
    """A card as far as one may be long; one byte more shows that it is longer."""
    from keys.trust.holder_card import MAX_CARD_BYTES

    with path.open("rb") as file:
        return file.read(MAX_CARD_BYTES + 1)


def changes(context: typer.Context, file: Annotated[Path, PROPOSAL]) -> None:
    """Say in words what a proposal alters, and who still has to sign it."""
    from node.identity.key_holders import open_proposal_file

    here = session(context)
    opened = open_proposal_file(file)
    _tell(here, opened, file)
    _next(here, opened, file)


def sign(
    context: typer.Context,
    file: Annotated[Path, PROPOSAL],
    keys: Annotated[Path, typer.Option(help="Folder with the holder's key files.")],
    passphrase_file: Annotated[Path | None, PASSPHRASE_FILE] = None,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Sign a proposal with a holder's keys, after showing all that it alters; needs no node and no network."""
    from keys.trust.proposals.sign import sign as add_signatures
    from node.clock import system_entropy
    from node.identity import passphrases
    from node.identity.key_holders import ProposalFile, holder_keychain, open_proposal_file, wanted_signers

    here = session(context)
    opened = open_proposal_file(file)
    here.output.talk(*_lines(opened))
    confirm("Is this what was agreed, and the root the one on your card? Sign it?", yes=yes)
    passphrase = passphrases.from_sources(
        what="passphrase of these keys", file=passphrase_file, credential=passphrases.ROOT_CREDENTIAL
    )
    keychain = holder_keychain(keys, node=opened.proposal.node, passphrase=passphrase, entropy=system_entropy)
    signed = add_signatures(opened, wanted_signers(opened, keychain))
    ProposalFile(file).write(signed.proposal)
    _tell_missing(here, signed, file)
    _next(here, signed, file)


@performing(acts.publish)
def publish(
    context: typer.Context, file: Annotated[Path, PROPOSAL], yes: Annotated[bool, YES] = False
) -> None:
    """Put in force what the holders signed; the same command finishes it when it was cut off."""
    from keys.trust.proposals.words import wanted
    from node.identity.key_holders import open_proposal_file
    from node.rotation.next_root import publish_proposal

    here = session(context)
    identity = here.identity()
    opened = open_proposal_file(file)
    here.output.talk(*_lines(opened), *(want.words() for want in wanted(opened) if want.missing))
    confirm("Put this in force?", yes=yes)

    def put_in_force(_node: Node) -> Done:
        new, destroyed = publish_proposal(identity, opened)
        root = identity.trust.root()
        after = (
            ("the command that wrote the proposal once more, where it had more to do",)
            if opened.proposal.root is None
            else (
                f"every holder notes: root {root.version}, until {root.expires:%Y-%m-%d}",
                "destroy the key files that it replaced",
            )
        )
        return Done(
            said=Message("in force" if new else "it was in force already"),
            facts={"node": root.node, "root": root.version, "changed": new, "destroyed": list(destroyed)},
            lines=tuple(f"  destroyed: {name}" for name in destroyed),
            following=after,
        )

    do(here, acts.publish, acts.Proposal(proposal=file.stem, work=put_in_force))


def rehearse(context: typer.Context) -> None:
    """Try every rotation of held and online keys on a scratch copy, followed by a stock TUF client."""
    from node.rotation.rehearsal import rehearse as run_rehearsal

    here = session(context)
    identity = here.identity()
    here.output.talk("on a scratch copy with keys of its own; this home is only read")
    for done in run_rehearsal(identity):
        here.output.result(
            {
                "step": done.step,
                "root": done.root,
                "signed": list(done.sittings),
                "changes": list(done.words),
            },
            f"{done.step}: replaced by root {done.root}; signed by {', '.join(done.sittings)};"
            " a TUF client of another maker followed",
        )
        here.output.talk(*(f"    {line}" for line in done.words))
    here.output.following(
        "in earnest: sigfed key propose FILE, or sigfed key rotate root where the keys are at home"
    )


def rotate(here: Session, role: Role, *, yes: bool) -> None:
    """Replace keys that the root names, with the holders' key files that are in this home."""
    from node.rotation.next_root import rotate_holders

    identity = here.identity()
    holders = "the keys of the holders whose key files are in this home, and " if role in HELD else ""
    here.output.talk(
        f"the next root replaces {holders}the snapshot and timestamp key.",
        "  the replaced key files in this home are destroyed; copies elsewhere are their holders' to destroy",
    )
    confirm("Replace them?", yes=yes)
    copied = (f"copy the new key files in {identity.home.offline_keys} to the holders' media",)

    def replace(_node: Node) -> Done:
        done = rotate_holders(identity, role)
        root, destroyed = done.root, list(done.destroyed)
        return Done(
            said=Message("root {version} is in force until {end}", root.version, f"{root.expires:%Y-%m-%d}"),
            facts={"node": root.node, "root": root.version, "role": role, "destroyed": destroyed},
            lines=tuple(f"  destroyed: {name}" for name in destroyed),
            following=(*(copied if role in HELD else ()), "sigfed doctor"),
        )

    do(here, acts.rotate, acts.Rotated(role=role, of="", at="", work=replace))


COMMANDS: dict[str, Callable[..., None]] = {
    "propose": propose,
    "changes": changes,
    "sign": sign,
    "publish": publish,
    "rehearse": rehearse,
}


@holder_app.command("new")
def holder_new(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="The holder's name in the root: small letters, digits, hyphens.")
    ],
    node: Annotated[str, typer.Option(help="Name of the node, fr.example.")],
    keys: Annotated[Path, typer.Option(help="Folder for the key files: a medium that the holder keeps.")],
    only: Annotated[Only | None, typer.Option(help="Make only this one of the two keys.")] = None,
    root: Annotated[
        str, typer.Option(help="Where the holder's root key lies already: sshagent:… or pkcs11:…")
    ] = "",
    targets: Annotated[str, typer.Option(help="Likewise his targets key.")] = "",
    passphrase_file: Annotated[Path | None, PASSPHRASE_FILE] = None,
    kdf: Annotated[str, KDF] = "offline",
) -> None:
    """Make a holder's root and targets key on their own machine, and the card that they give to the node."""
    from keys.trust.proposals.words import key_words
    from node.clock import system_entropy
    from node.identity import passphrases
    from node.identity.key_holders import OFFLINE_ROLES, new_holder, write_card

    here = session(context)
    holder, card = new_holder(
        keys,
        node=node,
        name=name,
        roles=OFFLINE_ROLES if only is None else (Role(only.value),),
        passphrase=passphrases.new_passphrase(what="passphrase of these keys", file=passphrase_file),
        entropy=system_entropy,
        profile=passphrases.kdf_profile(kdf),
        elsewhere={role: uri for role, uri in ((Role.ROOT, root), (Role.TARGETS, targets)) if uri},
    )
    path = write_card(keys, holder, card)
    words = {key.role.value: key_words(key) for key in holder.keys}
    here.output.result(
        {"holder": holder.name, "card": str(path), **words},
        f"holder {holder.name}",
        *(f"  {role} key: {text}" for role, text in words.items()),
        f"  card for the node: {path}",
    )
    here.output.following(
        "read the words of your keys to whoever proposes them",
        f"on the node: sigfed key propose FILE --holder {path.name}",
    )


def _tell(here: Session, opened: "OpenedProposal", file: Path) -> None:
    from keys.trust.proposals.words import changes as words
    from keys.trust.proposals.words import wanted

    if here.output.as_json:
        _tell_missing(here, opened, file)
        return
    here.output.result({}, *words(opened), "", *(want.words() for want in wanted(opened)))


def _lines(opened: "OpenedProposal") -> Sequence[str]:
    from keys.trust.proposals.words import changes as words

    return [f"this file changes the trust {words(opened)[0]}:", *words(opened)[1:]]


def _tell_missing(here: Session, opened: "OpenedProposal", file: Path) -> None:
    from keys.trust.proposals.words import changes as words
    from keys.trust.proposals.words import wanted

    wants = wanted(opened)
    here.output.result(
        {
            "proposal": str(file),
            "node": opened.proposal.node,
            "changes": list(words(opened)),
            "missing": sum(want.missing for want in wants),
            "signatures": [want.words() for want in wants],
        },
        *(want.words() for want in wants),
    )


def _next(here: Session, opened: "OpenedProposal", file: Path) -> None:
    from keys.trust.proposals.words import wanted

    missing = [want for want in wanted(opened) if want.missing]
    if not missing:
        here.output.following(f"on the node: sigfed key publish {file.name}")
        return
    able = sorted({name for want in missing for name in want.able})
    more = counted(max(want.missing for want in missing), "more holder")
    here.output.following(f"{more} of {', '.join(able)}: sigfed key sign {file.name} --keys FOLDER")
