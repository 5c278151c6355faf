"""`sigfed store`: where the node keeps its objects."""

from typing import Annotated

import typer

from node.cli.output import counted
from node.cli.session import session

app = typer.Typer(help="Where the node keeps its objects.", no_args_is_help=True)


@app.command("move")
def move(
    context: typer.Context,
    to: Annotated[str, typer.Option(help="Bucket of an S3 store, s3://BUCKET/PREFIX.", show_default=False)],
    endpoint: Annotated[
        str, typer.Option(help="Address of the store; default is what AWS_ENDPOINT_URL says.")
    ] = "",
    region: Annotated[str, typer.Option(help="Its region; default is what AWS_REGION says.")] = "",
) -> None:
    """Move the objects out of the folder of a node that is stopped into a bucket; killed, the same again goes on."""
    from node.app.move import move_objects
    from node.config import StoreSettings, validated
    from node.identity.audit import tell
    from node.identity.identity import open_identity
    from node.rotation.store import write_store

    here = session(context)
    before = here.identity().settings.store
    said = {"objects": to.rstrip("/"), "objects_endpoint": endpoint, "objects_region": region}
    fields = before.model_dump(mode="json") | {name: value for name, value in said.items() if value}
    moved = move_objects(here.home, validated(StoreSettings, fields, source="--to"))
    identity = open_identity(here.home)
    with write_store(identity) as store:
        tell(
            identity,
            store,
            "store.move",
            to,
            details={"objects": str(moved.objects), "bytes": str(moved.bytes)},
        )
    here.output.result(
        {"objects": moved.objects, "bytes": moved.bytes, "copied": moved.copied, "to": to},
        f"{counted(moved.objects, 'object')}, {moved.bytes:,} bytes, read back from {to}; sigfed.toml names it"
        if moved.objects
        else f"sigfed.toml names {to} already; what was left of the folder is deleted",
    )
    here.output.following("sigfed doctor --deep", "sigfed run")
