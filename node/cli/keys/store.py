"""`sigfed store`: where the node keeps its tables and objects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.session import Session, session
from node.pages.text import counted

if TYPE_CHECKING:
    from node.config import StoreSettings

app = typer.Typer(help="Where the node keeps its tables and objects.", no_args_is_help=True)


@app.command("move")
def move(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            help="Bucket of an S3 store, s3://BUCKET/PREFIX; or an empty database, postgresql+psycopg://USER@HOST/NAME.",
            show_default=False,
        ),
    ],
    endpoint: Annotated[
        str, typer.Option(help="Address of the S3 store; default is what AWS_ENDPOINT_URL says.")
    ] = "",
    region: Annotated[str, typer.Option(help="Its region; default is what AWS_REGION says.")] = "",
) -> None:
    """Move a stopped node's objects into a bucket, or its tables into PostgreSQL; if cut off, run it again."""
    from node.objects.bucket import SCHEME

    here = session(context)
    if to.startswith(SCHEME):
        _move_objects(here, to, endpoint, region)
    else:
        _move_tables(here, to)
    here.output.following("sigfed doctor --deep", "sigfed run")


def _move_objects(here: Session, to: str, endpoint: str, region: str) -> None:
    from node.app.move import move_objects

    said = {"objects": to.rstrip("/"), "objects_endpoint": endpoint, "objects_region": region}
    moved = move_objects(here.home, _wanted(here, said))
    _tell(here, to, {"objects": str(moved.objects), "bytes": str(moved.bytes)})
    here.output.result(
        {"objects": moved.objects, "bytes": moved.bytes, "copied": moved.copied, "to": to},
        f"{counted(moved.objects, 'object')}, {moved.bytes:,} bytes, read back from {to}; sigfed.toml names it"
        if moved.objects
        else f"sigfed.toml names {to} already; what was left of the folder is deleted",
    )


def _move_tables(here: Session, dsn: str) -> None:
    from node.app.move_tables import move_tables
    from node.store.driver import parse_dsn

    to = parse_dsn(dsn).render_as_string()
    rows = move_tables(here.home, _wanted(here, {"dsn": dsn}))
    _tell(here, to, {"rows": str(rows)})
    here.output.result(
        {"rows": rows, "to": to},
        f"{counted(rows, 'row')}, read back from {to}; sigfed.toml names it"
        if rows
        else f"sigfed.toml names {to} already; what was left of the file is deleted",
    )


def _wanted(here: Session, said: Mapping[str, str]) -> "StoreSettings":
    from node.config import StoreSettings, validated

    before = here.identity().settings.store
    fields = before.model_dump(mode="json") | {name: value for name, value in said.items() if value}
    return validated(StoreSettings, fields, source="--to")


def _tell(here: Session, to: str, details: Mapping[str, str]) -> None:
    from node.identity.audit import tell
    from node.identity.identity import open_identity
    from node.rotation.store import write_store

    identity = open_identity(here.home)
    with write_store(identity) as store:
        tell(identity, store, "store.move", to, details=details)
