"""Commands that make and run a node: `init`, `run`, `status`, `doctor`, `demo`."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.session import session


def init(
    context: typer.Context,
    node: Annotated[
        str,
        typer.Option(
            prompt="Name of this node, like a DNS name (for ever)", help="Name, like fr.example; for ever."
        ),
    ],
    country: Annotated[str, typer.Option(prompt="Country of the agency (two letters)", help="Two letters.")],
    url: Annotated[
        str,
        typer.Option(
            prompt="Address at which peers and partners reach it (https://…)",
            help="Public address, https://…",
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8443,
    profile: Annotated[str, typer.Option(help="small: 1 of 2 root keys must sign; full: 2 of 3.")] = "small",
    store: Annotated[str, typer.Option(help="Database address; default is SQLite in the home folder.")] = "",
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase of the node's keys (mode 600).")
    ] = None,
    root_passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase of the root keys (mode 600).")
    ] = None,
    root_kdf: Annotated[
        str, typer.Option(help="Cost of opening a root key: offline (2 GiB) or online (64 MiB).")
    ] = "offline",
) -> None:
    """Found a node: keys, trust files, store. Asks for what is not given."""
    from node.clock import SystemClock, system_entropy
    from node.runtime import creating

    here = session(context)
    plan = creating.plan(
        node=node,
        country=country.upper(),
        url=url,
        host=host,
        port=port,
        profile=profile,
        dsn=store,
        passphrase_file=passphrase_file,
        root_passphrase_file=root_passphrase_file,
        root_kdf=root_kdf,
    )
    here.output.talk("making keys; this takes some seconds on purpose")
    founded = creating.create(here.home, plan, clock=SystemClock(), entropy=system_entropy)
    here.output.result(
        {"node": node, "home": str(here.home.folder), "fingerprint": founded.words},
        f"founded {node} in {here.home.folder}",
        f"fingerprint: {founded.words}",
        "Other agencies compare these words with you by telephone or in person before they add you.",
    )
    spare = here.home.offline_keys / f"root-{founded.root_labels[-1]}.json"
    here.output.following(
        f"move {spare} to a stick in the safe",
        "sigfed list create NAME",
        "sigfed run",
    )
