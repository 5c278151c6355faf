"""`sigfed demo --serve`: two agencies and a hoster after a month of work, each with a console, until Ctrl-C.

The month is made by `node.demo.month`. Then both nodes and the hoster's console run as everybody runs them, by the
machine's own clock; a person's one-time token is made by the command that makes it everywhere. A folder that nobody
named is deleted in the end.
"""

import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from node.clock import SystemClock, system_entropy
from node.demo.command_line import CommandLines
from node.demo.month import PERSONS, Month
from node.demo.parties import AGENCIES, Party
from node.demo.ports import free_ports
from node.demo.processes import CONSOLE, Outcome, Seat, Server, StepFailedError
from node.demo.walk import prepared, stoppable
from node.demo.world import Listener

_SECTION: Final = "[console]\n"
_NAMES: Final = {Party.FR: "localhost", Party.NL: "nl.localhost", Party.HOSTER: "localhost"}
"""Under which name each console is opened. A cookie knows no port, so the agencies have a name each; the hoster's
console has another cookie."""
_GUEST: Final = "hanna"
"""Who signs in at the hoster."""


def serve(folder: Path | None, *, output: Listener) -> int:
    """Make the month in `folder`, or in a new temporary one, and serve until interrupted; the exit code is 0 then.

    Raises:
        AlreadyExistsError: the folder is not empty.
        StepFailedError: a command failed; the folder stays, for its journal.
    """
    place = prepared(folder)
    ports = free_ports(len(AGENCIES) + len(_NAMES), system_entropy)
    listening, consoles = ports[: len(AGENCIES)], dict(zip(_NAMES, ports[len(AGENCIES) :], strict=True))
    month = Month(
        folder=place,
        ports=dict(zip(AGENCIES, listening, strict=True)),
        talk=lambda line: output.talk(f"  {line}"),
    )
    output.talk(f"making a month of made-up history in {place}; this takes a minute or two")
    kept = folder is not None
    try:
        with stoppable():
            month.run()
            _serve(month, consoles, output)
    except StepFailedError:
        kept = True  # its hint names a journal
        raise
    finally:
        if not kept:
            shutil.rmtree(place)
    return 0


def _serve(month: Month, ports: Mapping[Party, int], output: Listener) -> None:
    seats = {party: replace(month.seat(party), clock=None) for party in _NAMES}
    urls = {party: f"http://{name}:{ports[party]}/" for party, name in _NAMES.items()}
    for party in AGENCIES:
        _switch_on(seats[party], ports[party], urls[party])
    hoster = seats[Party.HOSTER]
    _settle(hoster, ports[Party.HOSTER], urls[Party.HOSTER])
    with ExitStack() as running:
        for party in AGENCIES:
            running.callback(Server(seats[party], clock=SystemClock()).stop)
        running.callback(Server(hoster, clock=SystemClock(), service=CONSOLE).stop)
        with closing(CommandLines()) as command_lines:
            for party in AGENCIES:
                _tell_persons(month, party, partial(command_lines, seats[party]), output)
            _tell_guest(partial(command_lines, hoster), output)
        _tell_all(month, urls, output)
        _wait()


def _wait() -> None:
    """Until Ctrl-C, which here is the way to end and no failure."""
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _switch_on(seat: Seat, port: int, url: str) -> None:
    """Let the node have a console, as its operator would: in its settings."""
    path = seat.home / "sigfed.toml"
    text = path.read_text(encoding="utf-8")
    before, title, console = text.partition(_SECTION)
    assert title, "a new home has a section for its console"
    for old, new in (
        ("enabled = false", "enabled = true"),
        ("port = 8444", f"port = {port}"),
        ("http://localhost:8444/", url),
    ):
        assert old in console, f"a new home says {old}"
        console = console.replace(old, new, 1)
    path.write_text(before + title + console, encoding="utf-8")


def _settle(seat: Seat, port: int, url: str) -> None:
    """Where the hoster's console is served."""
    path = seat.home / "partner.toml"
    path.write_text(f'[console]\nport = {port}\nurl = "{url}"\n', encoding="utf-8")


def _tell_persons(month: Month, party: Party, run: Callable[..., Outcome], output: Listener) -> None:
    """For each person of an agency what registers a passkey."""
    output.talk("")
    tokens = {name: run("person", "token", name).first for name in PERSONS[party]}
    for name, role in PERSONS[party].items():
        token = tokens[name]
        passphrase = month.passphrases[name]
        output.result(
            {
                "at": party.node,
                "person": name,
                "role": role,
                "token": token["token"],
                "passphrase": passphrase,
                "url": token["url"],
            },
            f"{name} ({role} at {party.node}), at {token['url']}",
            f"  one-time token  {token['token']}",
            f"  passphrase      {passphrase}",
        )


def _tell_guest(run: Callable[..., Outcome], output: Listener) -> None:
    """What lets somebody in at the hoster."""
    token = run("console", "token", _GUEST).first
    output.result(
        {
            "at": Party.HOSTER.value,
            "person": _GUEST,
            "role": token["role"],
            "token": token["token"],
            "url": token["url"],
        },
        f"{_GUEST} ({token['role']} at the hoster), at {token['url']}",
        f"  one-time token  {token['token']}",
    )


def _tell_all(month: Month, urls: Mapping[Party, str], output: Listener) -> None:
    """Where everything is."""
    consoles = {party.value: f"{url}console/" for party, url in urls.items()}
    home = month.seat(Party.FR).home
    output.result(
        {
            "console": consoles[Party.FR.value],
            "consoles": consoles,
            "folder": str(month.folder),
            "home": str(home),
        },
        "agencies ask for token and passphrase once, then for the passkey that you register",
        *(f"{party.title:<9} {consoles[party.value]}" for party in urls),
        f"the command line sees the same: sigfed --home {home} hit ls",
    )
    output.talk("everything in it is made up; Ctrl-C stops it")
