"""Options that several commands have, in the same words everywhere, and which of them exclude each other."""

import typer

from node.errors import UsageError

AS = typer.Option("--as", metavar="NAME", help="Who you are; default: SIGFED_PERSON.")
AS_IF_TWO = typer.Option(
    "--as", metavar="NAME", help="Who you are, where it takes two persons; default: SIGFED_PERSON."
)
CRITERIA = typer.Option(help="Version of the criteria document that was applied.", min=1)
HASHES = typer.Option(help="File with hashes, or - for standard input; default: a prompt.")
INDEX = typer.Option(help="Index of an entry, instead of a hash.", min=0)
OWN_LIST = typer.Option("--list", help="Own list.")
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
