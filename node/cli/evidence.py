"""`sigfed evidence`: proofs of misbehaviour, kept, handed on, and checked offline."""

from collections.abc import Sequence
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.output import table
from node.cli.prompting import ask
from node.cli.session import Session, session

if TYPE_CHECKING:
    from keys.trust.root import TrustedRoot
    from node.ports.evidence import EvidenceRecord
    from node.services.storage.shelf import Shelf

app = typer.Typer(help="Portable evidence of misbehaviour.", no_args_is_help=True)

_Id = Annotated[str, typer.Argument(metavar="ID", help="Its SHA-256, or the beginning of it.")]
_AT_LEAST = 6


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Contradictions that are kept: those that convict, and claims that a peer's word stands behind."""
    from node.cli.times import moment
    from node.runtime.shelving import open_shelf

    here = session(context)
    with open_shelf(here.identity()) as shelf, shelf.storage.read() as unit:
        records = list(unit.evidence.ls())
    if here.output.as_json:
        for record in records:
            _tell(here, record)
        return
    if not records:
        here.output.result({}, "no evidence is kept")
        return
    rows = [
        (record.sha256[:16], record.kind, record.subject, _standing(record), moment(record.created_ms))
        for record in records
    ]
    here.output.result({}, *table(("id", "kind", "about", "standing", "kept"), rows))
    here.output.following("sigfed evidence show ID", "sigfed quarantine ls")


@app.command("show")
def show(context: typer.Context, name: _Id) -> None:
    """What one of them says, judged again with the members' keys."""
    from node.cli.times import moment
    from node.runtime.evidence import accused_of
    from node.runtime.shelving import open_shelf
    from node.services.evidence.accusing import verify as verify_kept

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        record = _find(shelf, name)
        data = shelf.objects.get(record.object)
        verdict = verify_kept(data, accused_of(identity, shelf))
    _tell(
        here,
        record,
        f"{record.sha256[:16]}: {record.kind}, {_standing(record)}",
        f"  {verdict.words}",
        f"  found by: {record.source or 'this node'}, {moment(record.created_ms)}",
        "  anybody can verify it"
        if record.kind.convicts
        else "  it convicts nobody: that one head came after the other is the word of whoever shows it",
    )
    here.output.following(f"sigfed evidence export {record.sha256[:16]} FOLDER")


@app.command("export")
def export(
    context: typer.Context,
    name: _Id,
    folder: Annotated[Path, typer.Argument(help="New folder for the evidence and what it is judged by.")],
) -> None:
    """Write evidence with the trust files of the accused, to hand on; it verifies on any machine."""
    from node.errors import AlreadyExistsError
    from node.runtime.evidence import trust_files_of
    from node.runtime.shelving import open_shelf
    from node.services.evidence.accusing import accused_node

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        record = _find(shelf, name)
        data = shelf.objects.get(record.object)
        files = trust_files_of(identity, shelf, accused_node(data))
    if folder.exists():
        raise AlreadyExistsError(f"{folder} exists", hint="name a new folder")
    folder.mkdir(parents=True)
    for file, content in {"evidence.cbor": data, **files}.items():
        (folder / file).write_bytes(content)
    _tell(here, record, f"written: {folder}, {', '.join(('evidence.cbor', *files))}")
    here.output.following(
        f"whoever gets it: sigfed evidence verify {folder}/evidence.cbor --root {folder}/1.root.json"
        f" --document {folder}/node.json"
    )


@app.command("verify")
def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Evidence file.", dir_okay=False)],
    words: Annotated[
        str,
        typer.Option(
            default_factory=lambda: ask("Fingerprint words of that root"),
            show_default=False,
            help="Fingerprint words, of the accused node or of the one that gave a hit; asked for when not given.",
        ),
    ],
    root: Annotated[
        Path | None,
        typer.Option(
            help="1.root.json of the accused node, with its later roots beside it; a hit brings them.",
            dir_okay=False,
        ),
    ] = None,
    document: Annotated[
        Path | None,
        typer.Option(
            help="Its node.json, with its revoked.json beside it, where there is one; not needed for two trust files.",
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Check evidence against a node's pinned root; needs no network and no node of one's own."""
    from node.errors import UsageError
    from node.services.access.spelling import typed_words
    from protocol.errors import MalformedError
    from protocol.hit_evidence.bundle import is_hit_evidence
    from protocol.trustfork import TrustFork, verify_trust_fork

    here = session(context)
    data, pinned = _read(file), typed_words(words)
    if is_hit_evidence(data):
        from node.cli.hit_findings import tell_hit

        tell_hit(here, data, pinned)
        return
    if root is None:
        raise UsageError("evidence against a node is judged by its root", hint="--root 1.root.json")
    roots = _followed(root, pinned)
    try:
        TrustFork.from_bytes(data)
    except MalformedError:
        _verify_log(here, data, roots, document)
    else:
        found = verify_trust_fork(data, roots[-1])
        here.output.result(
            {"kind": "trust", "node": found.node, "what": found.what, "version": found.version},
            f"verified: {found.node} signed two {found.what} files of version {found.version}",
            "  at fault: whoever holds its targets keys",
        )
    here.output.following("show it to the other members; keep the peer in quarantine until it is explained")


def _followed(root: Path, pinned: bytes) -> "tuple[TrustedRoot, ...]":
    """The roots in the folder of the first one, from it to the newest."""
    from keys.trust.root import open_roots

    later = takewhile(Path.exists, (root.with_name(f"{version}.root.json") for version in count(2)))
    return open_roots([_read(root), *map(_read, later)], pinned)


def _verify_log(here: Session, data: bytes, roots: "Sequence[TrustedRoot]", document: Path | None) -> None:
    from node.errors import UsageError
    from node.services.evidence.judging import believable_document, judge

    if document is None:
        raise UsageError("this evidence is about a log", hint="say who signs it: --document node.json")
    revoked = document.with_name("revoked.json")
    by = believable_document(roots, _read(document), _read(revoked) if revoked.exists() else b"")
    finding = judge(data, by)
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
        f"  by the keys that {by.node} named on {by.valid.start:%Y-%m-%d};"
        " of one that it took back later, they say nothing",
    )


def _find(shelf: "Shelf", name: str) -> "EvidenceRecord":
    """The one record whose name begins so."""
    from node.errors import NotFoundError, UsageError

    with shelf.storage.read() as unit:
        found = [record for record in unit.evidence.ls() if record.sha256.startswith(name.lower())]
    if len(name) < _AT_LEAST or len(found) > 1:
        raise UsageError(f"say at least {_AT_LEAST} digits of its name, as many as only it begins with")
    if not found:
        raise NotFoundError("no such evidence is kept", hint="see what is kept: sigfed evidence ls")
    return found[0]


def _standing(record: "EvidenceRecord") -> str:
    if record.released_ms is not None:
        return "released"
    return "proof" if record.kind.convicts else "claim"


def _tell(here: Session, record: "EvidenceRecord", *lines: str) -> None:
    here.output.result(
        {
            "evidence": record.sha256,
            "kind": record.kind,
            "about": record.subject,
            "standing": _standing(record),
            "source": record.source,
            "created_ms": record.created_ms,
        },
        *lines,
    )


def _read(path: Path) -> bytes:
    from node.errors import NotFoundError

    try:
        return path.read_bytes()
    except OSError as exc:
        raise NotFoundError(f"{path} cannot be read: {exc.strerror}") from exc
