"""`sigfed evidence`: proofs of misbehaviour, checked offline."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.prompting import ask
from node.cli.session import session

app = typer.Typer(help="Portable evidence of misbehaviour.", no_args_is_help=True)


@app.command("verify")
def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Evidence file.", dir_okay=False)],
    root: Annotated[Path, typer.Option(help="1.root.json of the accused node.", dir_okay=False)],
    document: Annotated[Path, typer.Option(help="Its node.json.", dir_okay=False)],
    words: Annotated[
        str,
        typer.Option(
            default_factory=lambda: ask("Fingerprint words of that root"),
            show_default=False,
            help="Fingerprint words; asked for when not given.",
        ),
    ],
) -> None:
    """Check evidence against a node's pinned root; needs no network and no node of one's own."""
    from keys.trust.fingerprint import from_words
    from keys.trust.node_document import open_node_document
    from keys.trust.root import open_root
    from node.services.judging import judge

    here = session(context)
    accused = open_node_document(_read(document), open_root(_read(root), from_words(words)))
    finding = judge(_read(file), accused)
    culprits = [
        *(["the log"] if finding.log_at_fault else []),
        *(key.name for key in finding.witnesses_at_fault),
    ]
    here.output.result(
        {
            "kind": finding.kind.name.lower(),
            "origin": finding.origin,
            "held_size": finding.held.checkpoint.size,
            "offered_size": finding.offered.checkpoint.size,
            "at_fault": culprits,
        },
        f"verified: {finding.kind.name.lower()} of {finding.origin}",
        f"  two signed heads, of sizes {finding.held.checkpoint.size:,}"
        f" and {finding.offered.checkpoint.size:,}",
        f"  at fault: {', '.join(culprits) or 'nobody that the signatures alone could name'}",
    )
    here.output.following("show it to the other members; keep the peer in quarantine until it is explained")


def _read(path: Path) -> bytes:
    from node.errors import NotFoundError

    try:
        return path.read_bytes()
    except OSError as exc:
        raise NotFoundError(f"{path} cannot be read: {exc.strerror}") from exc
