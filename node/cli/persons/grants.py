"""`sigfed grant`: what peers may read here, who gets an entry and who does not, and what another grant would change."""

from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import HASHES
from node.cli.output import listing
from node.cli.session import Session, session
from node.fields import Fact

if TYPE_CHECKING:
    from node.judgement.coverage import Counts, Verdict

app = typer.Typer(help="What others may read here now; `sigfed peer grant` changes it.", no_args_is_help=True)


@app.command("ls")
def ls(context: typer.Context) -> None:
    """The grants of peers."""
    from node.access.stored_grant import stored_grant
    from node.judgement.coverage import state_words

    here = session(context)
    identity = here.identity()
    with here.reading() as store, store.read() as unit:
        peers = list(unit.peers.ls())
    results, rows = [], []
    for peer in peers:
        grant = stored_grant(peer)
        fields, state = grant.to_json(), state_words(grant, identity.clock.now())
        collections, algorithms = fields["collections"], fields["algorithms"]
        results.append(
            {
                "peer": peer.name,
                "collections": collections,
                "algorithms": algorithms,
                "until": fields["until"] or "",
                "state": state,
            }
        )
        until = f"{grant.until:%Y-%m-%d %H:%M} UTC" if grant.until else "no end"
        rows.append(
            (peer.name, ", ".join(collections) or "-", ", ".join(algorithms or ()) or "all", until, state)
        )
    header = ("peer", "collections", "hashes", "until", "state")
    here.output.each(results, listing(header, rows, none="no grants"))
    here.output.following("sigfed grant explain --hash-from FILE")


@app.command("explain")
def explain(context: typer.Context, hash_from: Annotated[str, HASHES] = "") -> None:
    """Who gets one of your entries: which peers and which subsets, and why the others do not."""
    from node.app.judgement import Judge
    from node.cli.hashes import read_hashes
    from node.errors import NotFoundError
    from node.judgement.coverage import listed_entries, verdicts

    here = session(context)
    identity = here.identity()
    asked = [(name, digest) for name, digests in read_hashes(hash_from) for digest in digests]
    missing = []
    with here.reading() as store:
        current = Judge.of(identity, store).some({digest for _, digest in asked})
        now = identity.clock.now()
        for name, digest in asked:
            entries = listed_entries(store, digest)
            if not entries:
                missing.append(f"{name} ({digest.algorithm.name.lower()})")
            for entry in entries:
                for verdict in verdicts(store, entry, digest, current, now=now):
                    _tell(here, f"{name} ({digest.algorithm.name.lower()})", verdict)
    if missing:
        raise NotFoundError(
            "in none of your lists: {missing}", ", ".join(missing), hint="see: sigfed entry explain"
        )
    here.output.following("sigfed peer grant NODE --grant COLLECTIONS")


@app.command("diff")
def diff(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="Name of a peer.")],
    grant: Annotated[str, typer.Option(help="Collections, comma-separated.")],
    algorithms: Annotated[
        str, typer.Option(help="Kinds of hashes, comma-separated, as md5,sha1; default: all.")
    ] = "",
    until: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD; default: no end.")] = "",
) -> None:
    """How many more or fewer entries, old ones too, a peer could read under another grant; changes nothing."""
    from node.access.notation import grant_of
    from node.judgement.coverage import difference

    here = session(context)
    identity = here.identity()
    wanted = grant_of(grant, algorithms, until)
    with here.reading() as store:
        more, less = difference(store, node, wanted, now=identity.clock.now())
    here.output.result(
        {"peer": node, "more": _counts(more), "less": _counts(less)},
        *_lines(node, "more", more),
        *_lines(node, "less", less),
        *([] if more or less else [f"{node} could read what it can read now"]),
    )
    options = f" --algorithms {algorithms}" * bool(algorithms) + f" --until {until}" * bool(until)
    here.output.following(f"sigfed peer grant {node} --grant {grant}{options}")


def _tell(here: Session, asked: str, verdict: "Verdict") -> None:
    from protocol.lists.event import collection_name

    entry = verdict.entry
    partners = f" ({', '.join(verdict.partners)})" if verdict.partners else ""
    outcome = f"no: {verdict.why_not}" if verdict.why_not else "yes"
    here.output.result(
        {
            "asked": asked,
            "origin": entry.origin,
            "index": entry.index,
            "collection": collection_name(entry.collection),
            "kind": verdict.kind,
            "name": verdict.name,
            "partners": list(verdict.partners),
            "gets": not verdict.why_not,
            "why_not": verdict.why_not,
        },
        f"{asked}, entry {entry.index} of {entry.origin}: {verdict.kind} {verdict.name}{partners}: {outcome}",
    )


def _counts(counts: "Counts") -> list[Fact]:
    from protocol.lists.event import collection_name

    return [
        {"collection": collection_name(collection), "algorithm": algorithm.name.lower(), "entries": count}
        for (collection, algorithm), count in sorted(counts.items())
    ]


def _lines(node: str, what: str, counts: "Counts") -> list[str]:
    from protocol.lists.event import collection_name

    return [
        f"{node} could read {count:,} entries {what}: {collection_name(collection)}, {algorithm.name.lower()}"
        for (collection, algorithm), count in sorted(counts.items())
    ]
