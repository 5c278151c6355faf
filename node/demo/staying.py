"""`sigfed demo --serve`: two agencies after a month of work, running with a console to click through until Ctrl-C.

The month is made by `node.demo.month`. Then both nodes run as everybody runs them, by the machine's own clock; a
person's one-time token is made by the command that makes it everywhere. A folder that nobody named is deleted in the
end.
"""

import shutil
import threading
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from node.clock import SystemClock, system_entropy
from node.demo import processes
from node.demo.month import PERSONS, Month
from node.demo.parties import AGENCIES, Party
from node.demo.ports import free_ports
from node.demo.processes import Facts, Seat, Server, StepFailedError
from node.demo.walk import prepared, stoppable
from node.demo.world import Listener

_OFF: Final = "[console]\nenabled = false"


def serve(folder: Path | None, *, output: Listener) -> int:
    """Make the month in `folder`, or in a new temporary one, and serve until interrupted; the exit code is 0 then.

    Raises:
        AlreadyExistsError: the folder is not empty.
        StepFailedError: a command failed; the folder stays, for its journal.
    """
    place = prepared(folder)
    *listening, console = free_ports(len(AGENCIES) + 1, system_entropy)
    month = Month(
        folder=place,
        ports=dict(zip(AGENCIES, listening, strict=True)),
        talk=lambda line: output.talk(f"  {line}"),
    )
    output.talk(f"making a month of made-up history in {place}; this takes a minute")
    kept = folder is not None
    try:
        with stoppable():
            month.run()
            _serve(month, console, output)
    except StepFailedError:
        kept = True  # its hint names a journal
        raise
    finally:
        if not kept:
            shutil.rmtree(place)
    return 0


def _serve(month: Month, port: int, output: Listener) -> None:
    seats = {party: replace(month.seat(party), clock=None) for party in AGENCIES}
    _switch_on(seats[Party.FR], port)
    with ExitStack() as running:
        for seat in seats.values():
            running.callback(Server(seat, clock=SystemClock()).stop)
        _tell(month, seats[Party.FR], port, output)
        _wait()


def _wait() -> None:
    """Until Ctrl-C, which here is the way to end and no failure."""
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _switch_on(seat: Seat, port: int) -> None:
    """Let the node have a console, as its operator would: in its settings."""
    path = seat.home / "sigfed.toml"
    text = path.read_text(encoding="utf-8")
    before, off, after = text.partition(_OFF)
    assert off, "a new home has its console switched off"
    after = after.replace("port = 8444", f"port = {port}").replace("localhost:8444", f"localhost:{port}")
    path.write_text(before + _OFF.replace("false", "true") + after, encoding="utf-8")


def _tell(month: Month, seat: Seat, port: int, output: Listener) -> None:
    """The way in: an address, and for each person what registers a passkey."""
    tokens = [_token(seat, name) for name in PERSONS]
    console = f"http://localhost:{port}/console/"
    output.talk("")
    for (name, role), token in zip(PERSONS.items(), tokens, strict=True):
        passphrase = month.passphrases[name]
        output.result(
            {
                "person": name,
                "role": role,
                "token": token["token"],
                "passphrase": passphrase,
                "url": token["url"],
            },
            f"{name} ({role})",
            f"  one-time token  {token['token']}",
            f"  passphrase      {passphrase}",
        )
    output.result(
        {"console": console, "folder": str(month.folder), "home": str(seat.home)},
        f"register a passkey with them at {tokens[0]['url']}",
        f"then the console is {console}",
        f"the command line sees the same: sigfed --home {seat.home} hit ls",
    )
    output.talk("everything in it is made up; Ctrl-C stops it")


def _token(seat: Seat, name: str) -> Facts:
    return processes.run(seat, ["person", "token", name], clock=SystemClock()).first
