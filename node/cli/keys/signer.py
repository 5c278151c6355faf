"""`sigfed signer`: the process that has the keys, apart from the one that talks to the network."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.keys.backups import tell_drill
from node.cli.options import BACKUP_PASSPHRASE, KDF, NEW_BACKUP, YES
from node.cli.output import listing
from node.cli.prompts import confirm
from node.cli.session import session
from node.pages.text import counted

app = typer.Typer(help="The process that signs for this node, and has its keys.", no_args_is_help=True)

_BACKUP = Annotated[
    Path, typer.Argument(help="A backup that sigfed signer backup wrote.", show_default=False)
]


@app.command("run")
def run(context: typer.Context) -> None:
    """Sign for a node until stopped; --home names the signer's own folder."""
    from node.clock import SystemClock, system_entropy
    from node.signer_host.host import serve_signer
    from node.signing.process.restore_mark import RestoreMark

    here = session(context)

    def listening(path: Path, count: int) -> None:
        here.output.result({"socket": str(path), "keys": count})
        here.output.out.flush()
        if RestoreMark(here.home.folder).is_set:
            here.output.talk(
                "restored from a backup: no history goes on before sigfed backup finish in the node's home"
            )
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
    from node.signer_host.split import split as move_keys

    here = session(context)
    identity = here.identity()
    target = folder.expanduser().absolute()
    here.output.talk(
        f"moves the keys that sign, and what they signed last, to {target}; {here.home.folder} keeps TLS,"
        " evaluation and storage keys. From then on the node signs through that process alone."
    )
    confirm("move them?", yes=yes)
    with here.writing() as store:
        done = move_keys(identity, store, target, passphrase_file=passphrase_file, socket=socket, user=user)
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
    from node.signer_host.join import join as move_back

    here = session(context)
    identity = here.identity()
    source = folder.expanduser().absolute()
    here.output.talk(
        f"moves the keys in {source}, and what they signed last, to {here.home.folder}. From then on"
        " the process that talks to the network has them, and the signer there is none any more."
    )
    confirm("move them?", yes=yes)
    with here.writing() as store:
        done = move_back(identity, store, source)
    here.output.result(
        {"folder": str(done.folder), "keys": done.keys},
        f"moved {counted(done.keys, 'key')} from {done.folder}",
    )
    here.output.following("sigfed doctor")


@app.command("refer")
def refer(
    context: typer.Context,
    label: Annotated[
        str, typer.Argument(metavar="KEY", help="The key, as sigfed key rotate names it on the node: auth-4.")
    ],
    uri: Annotated[str, typer.Argument(help="Where it lies: sshagent:… or pkcs11:…")],
) -> None:
    """Note where a key lies with which this signer is to sign; --home names the signer's own folder."""
    from node.clock import system_entropy
    from node.signer_host.host import refer_key

    here = session(context)
    public = refer_key(here.home.folder, label, uri, entropy=system_entropy)
    here.output.result(
        {"key": label, "role": public.role, "public": public.to_text()},
        f"{label} lies at {uri.partition(':')[0]}:, and has signed",
    )
    here.output.following(f"on the node: sigfed key rotate {public.role} --key signer:{label}")


@app.command("backup")
def backup(
    context: typer.Context,
    target: Annotated[Path, NEW_BACKUP],
    passphrase_file: Annotated[Path | None, BACKUP_PASSPHRASE] = None,
    kdf: Annotated[str, KDF] = "offline",
) -> None:
    """Write the signer's own folder, which --home names, into one encrypted file; it may run meanwhile."""
    from node.backup.signer import create_signer_backup
    from node.clock import SystemClock, system_entropy
    from node.identity.passphrases import OF_BACKUP, kdf_profile, new_passphrase

    here = session(context)
    profile = kdf_profile(kdf)
    made = create_signer_backup(
        here.home.folder,
        target.expanduser().absolute(),
        passphrase=new_passphrase(what=OF_BACKUP, file=passphrase_file)(),
        profile=profile,
        clock=SystemClock(),
        entropy=system_entropy,
    )
    here.output.result(
        {"backup": str(made.path), "parts": len(made.parts), "bytes": made.size},
        f"{made.path}: {counted(len(made.parts), 'part')}, {made.size:,} bytes, encrypted",
    )
    here.output.following(f"sigfed signer drill {made.path}", "copy it to another place")


@app.command("drill")
def drill(
    context: typer.Context,
    file: _BACKUP,
    passphrase_file: Annotated[Path | None, BACKUP_PASSPHRASE] = None,
    scratch: Annotated[
        Path | None, typer.Option(help="Folder to try it in; default: the system's temporary one.")
    ] = None,
) -> int:
    """Restore a signer's backup into a folder that is deleted again, and try every key and state in it."""
    from node.backup.signer import drill_signer
    from node.clock import system_entropy
    from node.identity.passphrases import of_backup

    tried = drill_signer(file, of_backup(passphrase_file), scratch=scratch, entropy=system_entropy)
    return tell_drill(session(context), tried, mend="take another backup")


@app.command("restore")
def restore(
    context: typer.Context, file: _BACKUP, passphrase_file: Annotated[Path | None, BACKUP_PASSPHRASE] = None
) -> None:
    """Make the signer's folder that --home names from a backup; it appends only after its node's `backup finish`."""
    from node.backup.signer import restore_signer
    from node.identity.passphrases import of_backup

    here = session(context)
    found = restore_signer(file, of_backup(passphrase_file), here.home.folder)
    here.output.result(
        {"node": found.header.node, "created": found.header.created, "folder": str(here.home.folder)},
        f"the signer of {found.header.node} as it was at {found.header.created}, in {here.home.folder}",
    )
    here.output.following(
        f"sigfed --home {here.home.folder} signer run", "sigfed backup finish, in the node's home"
    )


@app.command("show")
def show(context: typer.Context) -> None:
    """Whether the signer process answers, and which keys it has."""
    from node.errors import NotFoundError
    from node.signer_host.host import keys_of

    here = session(context)
    link = here.identity().signer_link
    if link is None:
        raise NotFoundError("this node opens its keys itself", hint="sigfed signer split FOLDER")
    found = keys_of(link)
    rows = ((f"{role}-{label}", public) for role, label, public in found)
    here.output.each(
        ({"key": f"{role}-{label}", "role": role, "public": public} for role, label, public in found),
        listing(("key", "public half"), rows, none="the signer has no key"),
    )
    here.output.talk(f"the signer answers, with {counted(len(found), 'key')}")
