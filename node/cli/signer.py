"""`sigfed signer`: the process that has the keys, apart from the one that talks to the network."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import YES
from node.cli.output import counted, listing
from node.cli.prompting import confirm
from node.cli.session import session

app = typer.Typer(help="The process that signs for this node, and has its keys.", no_args_is_help=True)


@app.command("run")
def run(context: typer.Context) -> None:
    """Sign for a node until stopped; --home names the signer's own folder."""
    from node.clock import SystemClock, system_entropy
    from node.runtime.signer import serve_signer

    here = session(context)

    def listening(path: Path, count: int) -> None:
        here.output.result({"socket": str(path), "keys": count})
        here.output.out.flush()
        here.output.talk(f"signing with {counted(count, 'key')} at {path}; stop with Ctrl-C")

    serve_signer(here.home.folder, clock=SystemClock(), entropy=system_entropy, listening=listening)


@app.command("split")
def split(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder for the signer; the node will not read it.")],
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the signer's own passphrase; default: ask for a new one.")
    ] = None,
    socket: Annotated[
        Path | None, typer.Option(help="Where the signer will listen; default: in its folder.")
    ] = None,
    user: Annotated[str, typer.Option(help="User of the node, if the signer runs as another.")] = "",
    yes: Annotated[bool, YES] = False,
) -> None:
    """Move the keys that sign from this node, which must be stopped, to a signer process (cannot be undone)."""
    from node.runtime.shelving import open_shelf
    from node.runtime.splitting import split as move_keys

    here = session(context)
    identity = here.identity()
    target = folder.expanduser().absolute()
    here.output.talk(
        f"moves the keys that sign, and what they signed last, to {target}; {here.home.folder} keeps TLS,"
        " evaluation and storage keys. From then on the node signs through that process alone."
    )
    if not yes:
        confirm("move them?")
    with open_shelf(identity) as shelf:
        done = move_keys(identity, shelf, target, passphrase_file=passphrase_file, socket=socket, user=user)
    here.output.result(
        {"folder": str(done.folder), "socket": str(done.socket), "keys": done.keys},
        f"moved {counted(done.keys, 'key')} to {done.folder}",
    )
    here.output.following(
        f'add to {here.home.config}: [signer] socket = "{done.socket}"',
        f"sigfed --home {done.folder} signer run",
        "sigfed signer show",
    )


@app.command("join")
def join(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of the signer, which must be stopped.")],
    yes: Annotated[bool, YES] = False,
) -> None:
    """Move the keys of a signer process back into this node, which must be stopped."""
    from node.runtime.joining import join as move_back
    from node.runtime.shelving import open_shelf

    here = session(context)
    identity = here.identity()
    source = folder.expanduser().absolute()
    here.output.talk(
        f"moves the keys in {source}, and what they signed last, to {here.home.folder}. From then on"
        " the process that talks to the network has them, and the signer there is none any more."
    )
    if not yes:
        confirm("move them?")
    with open_shelf(identity) as shelf:
        done = move_back(identity, shelf, source)
    here.output.result(
        {"folder": str(done.folder), "keys": done.keys},
        f"moved {counted(done.keys, 'key')} from {done.folder}",
    )
    here.output.following("sigfed doctor")


@app.command("refer")
def refer(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="The key, as sigfed key rotate names it on the node: auth-4.")],
    uri: Annotated[str, typer.Argument(help="Where it lies: sshagent:… or pkcs11:…")],
) -> None:
    """Note where a key lies that this signer is to sign with; --home names the signer's own folder."""
    from node.clock import system_entropy
    from node.runtime.signer import refer_key

    here = session(context)
    public = refer_key(here.home.folder, key, uri, entropy=system_entropy)
    here.output.result(
        {"key": key, "role": public.role, "public": public.to_text()},
        f"{key} lies at {uri.partition(':')[0]}:, and has signed",
    )
    here.output.following(f"on the node: sigfed key rotate {public.role} --key signer:{key}")


@app.command("show")
def show(context: typer.Context) -> None:
    """Whether the signer process answers, and which keys it has."""
    from node.errors import NotFoundError
    from node.runtime.signer import keys_of

    here = session(context)
    link = here.identity().signer_link
    if link is None:
        raise NotFoundError("this node opens its keys itself", hint="sigfed signer split FOLDER")
    rows = keys_of(link)
    for role, label, public in rows if here.output.as_json else ():
        here.output.result({"key": f"{role}-{label}", "role": role, "public": public})
    if not here.output.as_json:
        cells = [(f"{role}-{label}", public) for role, label, public in rows]
        here.output.result({}, *listing(("key", "public half"), cells, none="the signer has no key"))
    here.output.talk(f"the signer answers, with {counted(len(rows), 'key')}")
