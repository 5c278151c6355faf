"""`sigfed key ceremony`: people at one table replace keys by a script, and sign a transcript."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.output import Output
from node.cli.prompts import confirm
from node.cli.session import Session, session
from node.errors import AlreadyExistsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.identity.identity import Identity
    from node.signing.keychain import Passphrase
    from node.trust.ceremony import Person, Venue


def ceremony(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The script, a TOML file.")],
    rehearse: Annotated[
        bool,
        typer.Option("--rehearse", help="On a scratch node with keys of its own; nothing is changed here."),
    ] = False,
    kdf: Annotated[
        str, typer.Option(help="Cost of a guess at a new passphrase: offline (2 GiB) or online (64 MiB).")
    ] = "offline",
) -> None:
    """Follow a script of key making, signing and publishing, asking before each step; signs a transcript of it."""
    from node.files import create_private, input_file
    from node.trust.ceremony import MAX_SCRIPT_BYTES, perform, read_script

    here = session(context)
    identity = here.identity()
    transcript = file.with_suffix(".transcript.json")
    if transcript.exists() and not rehearse:
        raise AlreadyExistsError(
            "{transcript} exists and is not overwritten", transcript, hint="name the script otherwise"
        )
    with input_file(file) as script_file:
        script = read_script(script_file.read(MAX_SCRIPT_BYTES + 1))
    here.output.talk(script.title, *(["a rehearsal: nothing of it counts"] if rehearse else []))
    with _venue(identity, rehearse=rehearse, kdf=kdf) as venue:
        done = perform(script, venue, _Reader(here.output), identity.clock)
    if not rehearse:
        create_private(transcript, done.transcript)
    for person in done.unsigned:
        here.output.talk(f"{person.who} did not sign the transcript: his medium is not here")
    _tell(here, "" if rehearse else str(transcript), len(script.steps))


class _Reader:
    """Reads out what comes next, and waits for a yes (`node.trust.ceremony.Reader`)."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def confirm(self, lines: Sequence[str]) -> None:
        """Returns after a yes."""
        self._output.talk(*lines)
        confirm("Go on?")


def _venue(identity: "Identity", *, rehearse: bool, kdf: str) -> "AbstractContextManager[Venue]":
    return _rehearsal_venue(identity) if rehearse else _node_venue(identity, kdf)


@contextmanager
def _rehearsal_venue(identity: "Identity") -> "Iterator[Venue]":
    from node.rotation.ceremony import RehearsalVenue
    from node.rotation.rehearsal import scratch

    with scratch(identity) as (rehearsal, visit):
        yield RehearsalVenue(rehearsal, visit)


@contextmanager
def _node_venue(identity: "Identity", kdf: str) -> "Iterator[Venue]":
    from node.identity.passphrases import kdf_profile
    from node.rotation.ceremony import NodeVenue

    yield NodeVenue(identity, _passphrase, profile=kdf_profile(kdf))


def _passphrase(person: "Person") -> "Passphrase":
    from node.identity import passphrases

    return passphrases.from_sources(
        what=f"passphrase of holder {person.name}",
        file=Path(person.passphrase_file).expanduser() if person.passphrase_file else None,
        credential=f"{passphrases.CREDENTIAL}-holder-{person.name}",
    )


def _tell(here: Session, transcript: str, steps: int) -> None:
    here.output.result(
        {"steps": steps, "transcript": transcript},
        f"{steps} steps done; the transcript is {transcript}" if transcript else f"{steps} steps rehearsed",
    )
    here.output.following(
        "keep the transcript with the cards; destroy the key files that were replaced"
        if transcript
        else "in earnest: the same command without --rehearse"
    )
