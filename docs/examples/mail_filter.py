"""A content filter for Postfix: nothing that is attached to a mail is delivered before it was looked up.

    mail_filter.py HELD-FOLDER SENDMAIL [ARGUMENT]... < message

Each attachment is decoded and looked up; mails inside mails too. A clean mail goes on to SENDMAIL. A mail with a hit is
put into HELD-FOLDER for a person, and its sender is told nothing. When something could not be looked up the exit code
is 75, and Postfix keeps the mail and tries again: nothing is lost, nothing is delivered unseen.
"""

import os
import subprocess
import sys
from email import message_from_bytes, policy
from hashlib import sha256
from pathlib import Path

from node.sdk import Client, FileResult, NodeError, Outcome

TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h."""


def attachments(data: bytes) -> list[bytes]:
    """Every part of a mail that is no container, decoded."""
    parts = message_from_bytes(data, policy=policy.default).walk()
    return [part.get_payload(decode=True) or b"" for part in parts if not part.is_multipart()]


def look_up(data: bytes, held: Path) -> list[FileResult]:
    """What each part is; a hit is kept under the name of the file that will hold the mail."""
    with Client(jobs=1) as sigfed:
        return [
            sigfed.check_bytes(part, name=f"{held}#{number}")
            for number, part in enumerate(attachments(data), 1)
        ]


def hold(data: bytes, path: Path) -> None:
    """Write the mail where its owner alone reads it, durably."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def main(folder: str, *sendmail: str) -> int:
    """The exit code that Postfix understands."""
    data = sys.stdin.buffer.read()
    # The same mail has the same name: Postfix tries again, and that must not be another hit.
    held = Path(folder) / f"{sha256(data).hexdigest()[:32]}.eml"
    try:
        results = look_up(data, held)
    except NodeError as error:
        print(f"{error}; {error.hint}", file=sys.stderr)
        return TRY_AGAIN
    if any(result.listed for result in results):
        hold(data, held)
        return 0
    for result in results:
        # A picture that does not decode (`faults`) will not decode tomorrow either; its exact hashes were looked up.
        if result.outcome is Outcome.UNKNOWN:
            print(result.reason, file=sys.stderr)
            return TRY_AGAIN
    return subprocess.run(sendmail, input=data, check=False).returncode  # noqa: S603 -- without a shell


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
