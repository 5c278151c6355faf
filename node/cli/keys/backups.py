"""`sigfed backup`: writing backups of a running node, trying them, and bringing a node back from one."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.exit_codes import ExitCode
from node.cli.options import BACKUP_PASSPHRASE, KDF, NEW_BACKUP, YES
from node.cli.session import Session, session, wait_for
from node.pages.text import counted

if TYPE_CHECKING:
    from node.backup.drill import Tried
    from node.backup.rejoin import Lost, Rejoined
    from node.identity.identity import Identity
    from node.peers.recovery import Returned

app = typer.Typer(help="Backups of the node, and bringing it back from one.", no_args_is_help=True)

_FILE = Annotated[Path, typer.Argument(help="A backup that sigfed backup create wrote.", show_default=False)]


@app.command("create")
def create(
    context: typer.Context,
    target: Annotated[Path, NEW_BACKUP],
    passphrase_file: Annotated[Path | None, BACKUP_PASSPHRASE] = None,
    kdf: Annotated[str, KDF] = "offline",
    offline_keys: Annotated[
        bool, typer.Option("--offline-keys", help="Also root and targets keys that are on this machine.")
    ] = False,
) -> None:
    """Write everything of this node into one encrypted file, while it runs."""
    from node.backup.write import create_backup
    from node.identity.passphrases import OF_BACKUP, kdf_profile, new_passphrase

    here = session(context)
    identity = here.identity()
    profile = kdf_profile(kdf)
    file = passphrase_file or identity.settings.secrets.backup_passphrase_file
    made = create_backup(
        identity,
        target.expanduser().absolute(),
        passphrase=new_passphrase(what=OF_BACKUP, file=file)(),
        profile=profile,
        offline_keys=offline_keys,
    )
    here.output.result(
        {
            "backup": str(made.path),
            "parts": len(made.parts),
            "bytes": made.size,
            "offline_keys": offline_keys,
        },
        f"{made.path}: {counted(len(made.parts), 'part')}, {made.size:,} bytes, encrypted",
    )
    here.output.following(f"sigfed backup drill {made.path}", "copy it to another place")


@app.command("verify")
def verify(
    context: typer.Context, file: _FILE, passphrase_file: Annotated[Path | None, BACKUP_PASSPHRASE] = None
) -> None:
    """Read a backup to its end, and say whether it is as it was written; writes nothing."""
    from node.backup.restore import verify_backup
    from node.identity.passphrases import of_backup

    here = session(context)
    found = verify_backup(file, of_backup(passphrase_file))
    size = sum(part.size for part in found.parts)
    here.output.result(
        {
            "node": found.header.node,
            "created": found.header.created,
            "parts": len(found.parts),
            "bytes": size,
        },
        f"{found.header.node}, {found.header.created}: {counted(len(found.parts), 'part')}, {size:,} bytes, whole",
    )
    here.output.following(f"sigfed backup drill {file}")


@app.command("drill")
def drill(
    context: typer.Context,
    file: _FILE,
    passphrase_file: Annotated[Path | None, BACKUP_PASSPHRASE] = None,
    scratch: Annotated[
        Path | None,
        typer.Option(help="Folder with room for a whole node; default: the system's temporary one."),
    ] = None,
) -> int:
    """Restore a backup into a folder that is deleted again, and try every key and every log in it; sends nothing."""
    from node.backup.drill import drill as tries
    from node.backup.restore import unpacked
    from node.clock import SystemClock
    from node.identity.identity import open_identity
    from node.identity.passphrases import of_backup

    here = session(context)
    with unpacked(file, of_backup(passphrase_file), scratch=scratch, clock=SystemClock()) as home:
        return tell_drill(here, tries(open_identity(home)), mend="mend the node, and write another backup")


def tell_drill(here: Session, tried: "Iterable[Tried]", *, mend: str) -> int:
    """Say what was tried of a backup, each as it is done, and `mend` as the next step where something failed."""
    failed = False
    for one in tried:
        failed = failed or not one.good
        here.output.result(
            {"tried": one.what, "good": one.good, "words": one.words},
            f"{'OK' if one.good else 'FAIL':4}  {one.what}: {one.words}",
        )
    here.output.following(mend if failed else "nothing; it can be restored")
    return ExitCode.VERIFICATION_FAILED if failed else ExitCode.OK


@app.command("restore")
def restore(
    context: typer.Context,
    file: _FILE,
    passphrase_file: Annotated[Path | None, BACKUP_PASSPHRASE] = None,
    store: Annotated[
        str, typer.Option(help="Database address for the tables; default is SQLite in the home folder.")
    ] = "",
) -> None:
    """Make the home that --home names from a backup; its node serves only after `sigfed backup finish`."""
    from node.backup.restore import restore_backup
    from node.clock import SystemClock
    from node.identity.passphrases import of_backup

    here = session(context)
    found = restore_backup(file, of_backup(passphrase_file), here.home, clock=SystemClock(), dsn=store)
    here.output.result(
        {"node": found.header.node, "created": found.header.created, "home": str(here.home.folder)},
        f"{found.header.node} as it was at {found.header.created}, in {here.home.folder}",
    )
    here.output.following(f"sigfed --home {here.home.folder} backup finish")


@app.command("finish")
def finish(
    context: typer.Context,
    without: Annotated[
        list[str] | None, typer.Option(help="A member that does not answer and need not; repeat it for more.")
    ] = None,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Join a restored node to what others have seen since its backup; asks for a targets key."""
    from node.backup.rejoin import rejoin
    from node.cli.prompts import confirm
    from node.identity.lease import take_lease
    from node.identity.restore_mark import others_saw_more

    here = session(context)
    identity, put_back = here.identity(), bool(others_saw_more(here.home))
    here.output.talk(
        "asks all members what they hold and have cosigned, has this node's lists back from them,",
        "gives its witness a new name, replaces its token keys and voids open invitations",
    )
    confirm("Is the old machine off for good, so that only one node has these keys?", yes=yes)
    take_lease(here.home, identity.settings, ready=lambda: _require_whole(identity))
    with here.writing() as store:
        done = wait_for(rejoin(identity, store, without=frozenset(without or ())))
    for one in done.returned:
        here.output.result(
            {"origin": one.origin, "held": one.old_size, "size": one.new_size, "unopened": one.unopened},
            _returned_words(one),
        )
    for lost in done.lost:
        here.output.result(
            {"origin": lost.origin, "held": lost.held, "seen": lost.seen, "by": lost.by}, _lost_words(lost)
        )
    here.output.result(
        {
            "asked": done.asked,
            "silent": sorted(done.silent),
            "taken_back": done.taken_back,
            "voided": done.voided,
            "shredded": done.shredded,
            "witness": done.witness,
        },
        f"asked {', '.join(done.asked) or 'nobody'}; witness {done.witness or 'none'};"
        f" {counted(len(done.taken_back), 'key')} taken back since, and another signs;"
        f" {counted(len(done.voided), 'invitation')} voided; {done.shredded:,} openings shredded again",
    )
    here.output.following(*(_stolen(identity, done) if put_back else ()), *_afterwards(done))


def _require_whole(identity: "Identity") -> None:
    from node.identity.rollback import require_whole
    from node.identity.store import open_store

    store = open_store(identity)
    try:
        store.vault.unlock()  # a home whose keys do not open this store must not take it from one whose keys do
        require_whole(identity, store)
    finally:
        store.dispose()


def _returned_words(one: "Returned") -> str:
    if one.old_size == one.new_size:
        return f"{one.origin}: size {one.old_size:,}, nobody holds more"
    hidden = f", the hashes of {one.unopened:,} of them are lost" if one.unopened else ""
    return f"{one.origin}: size {one.old_size:,} → {one.new_size:,}, had back{hidden}"


def _lost_words(lost: "Lost") -> str:
    if lost.seen <= lost.held:
        return f"{lost.origin}: {lost.by} cosigned another history, and it is never signed again"
    return (
        f"{lost.origin}: {lost.by} has seen size {lost.seen:,}, and nobody gives back more than {lost.held:,}:"
        f" entries {lost.held:,} to {lost.seen - 1:,} are lost, and it is never signed again"
    )


def _stolen(identity: "Identity", done: "Rejoined") -> Iterator[str]:
    """What to do where others saw more because somebody else signed it: what the folder held is good.

    Not where the histories parted before that: a peer may have followed the other one.
    """
    from keys.roles import Role
    from node.ports.keyring import signing

    parted = {one.origin for one in done.lost if one.seen <= done.held[one.origin]}
    grown = {one.origin for one in done.returned if done.held[one.origin] < one.new_size}
    for origin in sorted(grown.union(one.origin for one in done.lost) - parted):
        for key in signing(identity.ring.read(), Role.LOG, origin, identity.clock.now()):
            yield (
                "if nobody put this folder back:"
                f" sigfed key revoke {key.name} --reason compromise --last-good {done.held[origin]}"
            )


def _afterwards(done: "Rejoined") -> list[str]:
    return [
        *(step for lost in done.lost for step in instead(lost.origin)),
        "sigfed member ls, sigfed peer ls, sigfed partner ls: is everybody there as on the last day?",
        "sigfed run",
    ]


def instead(origin: str) -> Iterator[str]:
    """What to make in place of a log that was given up; the audit log goes on by itself."""
    _, kind, name = origin.split("/")
    if kind == "lists":
        yield f"sigfed list create NAME --continues {name}"
    elif kind == "subsets":
        yield f"sigfed subset create NAME, in place of {name}"
