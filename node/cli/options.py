"""Options that several commands have, in the same words everywhere, and which of them exclude each other."""

import typer

from node.errors import UsageError

AS = typer.Option("--as", metavar="NAME", help="Who you are; default: SIGFED_PERSON.")
ALL_WAITING = typer.Option("--all", help="All that wait.")
AS_IF_TWO = typer.Option(
    "--as", metavar="NAME", help="Who you are, where it takes two persons; default: SIGFED_PERSON."
)
BACKUP_PASSPHRASE = typer.Option(
    help="File with the passphrase of the backup (mode 600); otherwise the command asks for it."
)
CONTACT = typer.Option(help="Whom the agency may ask.")
CRITERIA = typer.Option(help="Version of the criteria document that was applied.", min=1)
HASHES = typer.Option(help="File with hashes, or - for standard input; default: a prompt.")
ID = typer.Argument(metavar="ID", help="Its id, or the first digits of it.")
INDEX = typer.Option(help="Index of an entry, instead of a hash.", min=0)
KDF = typer.Option(help="Cost of a guess at the passphrase: offline (2 GiB) or online (64 MiB).")
LIST_TO_ADD_TO = typer.Option("--list", help="Your list to add to.")
NEW_BACKUP = typer.Argument(
    help="New file, or a folder in which it is named by node and time.", show_default=False
)
OWN_LIST = typer.Option("--list", help="Own list.")
QUERIES = typer.Option(
    "--hash-from", help="CSV with all hashes of each file (as `sigfed hash` writes), or - for standard input."
)
STDIN = typer.Option("--stdin", help="Read the string from standard input.")
BEYOND_LIMITS = typer.Option(
    "--beyond-limits",
    help="Fetch what a list brings beyond what the guards expect; they set the excess aside.",
)
REASON = typer.Option(help="error (blocks the hash everywhere until reaffirmed), legal, duplicate, other.")
YES = typer.Option("--yes", help="Do not ask.")


def require_one_way(hash_from: str, index: int | None) -> None:
    """Refuse a hash and an index together: one of them would be passed over; raises `UsageError`."""
    if hash_from and index is not None:
        raise UsageError(
            "a file is named by a hash or by an index, not by both", hint="leave out --hash-from or --index"
        )
