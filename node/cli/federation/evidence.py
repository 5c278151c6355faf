"""`sigfed evidence`: proofs of misbehaviour, kept, handed on, and checked offline."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import count, takewhile
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Annotated

import typer

from keys.message import Message
from node.cli.output import listing, moment
from node.cli.prompts import ask
from node.cli.session import session
from node.fields import Fact

if TYPE_CHECKING:
    from node.evidence.submission import Brought
    from node.store.peers.records import EvidenceRecord
    from protocol.evidence import Finding
    from protocol.hit_evidence.verify import HitFinding
    from protocol.trustfork import TrustFinding

app = typer.Typer(help="Portable evidence of misbehaviour.", no_args_is_help=True)

_Id = Annotated[str, typer.Argument(metavar="ID", help="Its SHA-256, or the beginning of it.")]


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Kept contradictions: proofs that convict, and claims that rest on a peer's word."""
    here = session(context)
    with here.reading() as store, store.read() as unit:
        records = list(unit.evidence.ls())
    rows = (
        (record.sha256[:16], record.kind, record.subject, record.standing, moment(record.created_ms))
        for record in records
    )
    header = ("id", "kind", "about", "standing", "kept")
    here.output.each(map(_fields, records), listing(header, rows, none="no evidence is kept"))
    if records:
        here.output.following("sigfed evidence show ID", "sigfed quarantine ls")


@app.command("show")
def show(context: typer.Context, name: _Id) -> None:
    """What a piece of evidence says, judged again with the members' keys."""
    from node.app.peers.evidence import accused_of
    from node.evidence.keep import get_kept
    from node.evidence.keep import verify as verify_kept

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        record = get_kept(store, name)
        data = store.objects.get(record.object)
        verdict = verify_kept(data, accused_of(identity, store))
    here.output.result(
        _fields(record),
        f"{record.sha256[:16]}: {record.kind}, {record.standing}",
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
    from node.app.peers.evidence import trust_files_of
    from node.errors import AlreadyExistsError
    from node.evidence.keep import accused_node, get_kept

    here = session(context)
    identity = here.identity()
    with here.writing() as store:
        record = get_kept(store, name)
        data = store.objects.get(record.object)
        files = trust_files_of(identity, store, accused_node(data))
    if folder.exists():
        raise AlreadyExistsError("{folder} exists", folder, hint="name a new folder")
    partial = folder.with_name(f".{folder.name}.partial")
    rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for file, content in {"evidence.cbor": data, **files}.items():
        (partial / file).write_bytes(content)
    partial.rename(folder)  # so that one that is there is whole
    here.output.result(_fields(record), f"written: {folder}, {', '.join(('evidence.cbor', *files))}")
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
    member: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NODE=WORDS",
            help="Fingerprint words that you know of a member behind a hit; else the register is believed. Repeatable.",
        ),
    ] = None,
    revoked: Annotated[
        list[Path] | None,
        typer.Option(
            help="A revoked.json of a node behind a hit, newer than the evidence. Repeatable.", dir_okay=False
        ),
    ] = None,
) -> None:
    """Check evidence against a node's pinned root; needs neither a network nor a node."""
    from node.access.notation import typed_members, typed_words
    from node.evidence.submission import judge_brought

    here, evidence = session(context), _read(file)
    pinned, known = typed_words(words), typed_members(member or ())
    brought = replace(_brought(evidence, root, document), members=known, newer=[*map(_read, revoked or ())])
    judged = judge_brought(brought, pinned)
    _require_behind(judged.found, known)
    here.output.result(_facts(judged.found), *judged.lines)
    if judged.not_proven:
        here.output.talk("not proven:", *(f"  {each}" for each in judged.not_proven))
        here.output.following("compare the words with another member, if you had them from the node alone")
        return
    here.output.following("show it to the other members; keep the peer in quarantine until it is explained")


def _brought(evidence: bytes, root: Path | None, document: Path | None) -> "Brought":
    from keys.trust.tuf.target_files import REVOKED_FILE
    from node.evidence.submission import Brought

    beside = None if document is None else document.with_name(REVOKED_FILE)
    return Brought(
        evidence=evidence,
        roots=[] if root is None else _roots(root),
        document=b"" if document is None else _read(document),
        revoked=b"" if beside is None or not beside.exists() else _read(beside),
    )


def _require_behind(found: "HitFinding | TrustFinding | Finding", members: Iterable[str]) -> None:
    """Refuse words of a node that nothing was compared with."""
    from node.errors import UsageError
    from protocol.hit_evidence.verify import HitFinding

    behind = {each.node for each in found.backings} if isinstance(found, HitFinding) else set()
    others = sorted(set(members) - behind)
    if others:
        raise UsageError(
            "{others} is not behind this",
            ", ".join(others),
            hint=Message("behind it: {behind}", ", ".join(sorted(behind))),
        )


def _roots(root: Path) -> list[bytes]:
    """The roots in the folder of the first one, from it to the newest."""
    later = takewhile(Path.exists, (root.with_name(f"{version}.root.json") for version in count(2)))
    return [_read(root), *map(_read, later)]


def _facts(found: "HitFinding | TrustFinding | Finding") -> dict[str, Fact]:
    from node.cli.federation.hit_evidence import hit_facts
    from protocol.hit_evidence.verify import HitFinding
    from protocol.trustfork import TrustFinding

    if isinstance(found, HitFinding):
        return hit_facts(found)
    return _fork_facts(found) if isinstance(found, TrustFinding) else _log_facts(found)


def _fork_facts(found: "TrustFinding") -> dict[str, Fact]:
    fields: dict[str, Fact] = {
        "kind": "trust",
        "node": found.node,
        "what": found.what,
        "version": found.version,
    }
    return fields


def _log_facts(found: "Finding") -> dict[str, Fact]:
    from node.evidence.submission import culprits

    return {
        "kind": found.kind.name.lower(),
        "origin": found.origin,
        "held_size": found.held.checkpoint.size,
        "offered_size": found.offered.checkpoint.size,
        "at_fault": culprits(found),
    }


def _fields(record: "EvidenceRecord") -> dict[str, Fact]:
    return {
        "evidence": record.sha256,
        "kind": record.kind,
        "about": record.subject,
        "standing": record.standing,
        "source": record.source,
        "created_ms": record.created_ms,
    }


def _read(path: Path) -> bytes:
    from node.files import input_file

    with input_file(path) as file:
        return file.read()
