"""The local daemon: its listeners opened, until it is told to stop; what is under way then is finished."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version as version_of
from pathlib import Path

from node.clock import moment_of
from node.connections import Acceptor, listen_tcp
from node.errors import ConfigError, UsageError
from node.files import read_private
from node.home import Home
from node.hoster.daemon.metrics import metrics_text
from node.hoster.daemon.systemd import notify, stay_alive
from node.hoster.gateways.clamd import FULL, IDLE_SECONDS, ClamdService
from node.hoster.gateways.patience import Patience
from node.hoster.gateways.roots import Roots
from node.hoster.gateways.sockets import (
    host_and_port,
    listen_path,
    named_address,
    passed_sockets,
    remove_path,
)
from node.hoster.judge.machine import Judging, judging
from node.hoster.settings import AgentSettings, load_partner_settings
from node.journal import Journal
from node.web.gateways.listener import served
from node.web.gateways.services import LocalServices

_journal = Journal("agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Where the daemon listens, as an operator writes it."""

    socket: Path | None = None
    """clamd's protocol."""
    clamd: str = ""
    """The same over TCP: HOST:PORT."""
    http: str = ""
    """HOST:PORT or a path."""
    roots: tuple[Path, ...] = ()
    """Folders below which files may be looked at by path."""
    fail_closed: bool = False


@dataclass(slots=True)
class _Open:
    """Listening sockets; those at paths are removed at the end, those of the service manager are not ours."""

    clamd: list[socket.socket] = field(default_factory=list)
    http: list[socket.socket] = field(default_factory=list)


async def serve_agent(
    homes: Sequence[Home], listeners: Listeners, *, listening: Callable[[Mapping[str, object]], None]
) -> None:
    """Serve until SIGTERM or SIGINT, and judge by every subset of `homes`, which are those of one client.

    Raises:
        NotInitialisedError: nobody is enrolled here.
        UsageError: there is no door, or one that others would reach.
        PortTakenError: a door is taken.
    """
    settings = load_partner_settings(homes[0].folder).agent
    async with AsyncExitStack() as stack:
        opened = _opened(listeners, settings, stack)
        made = await stack.enter_async_context(
            judging(homes, settings, kind="agent", fail_closed=listeners.fail_closed)
        )
        clamd = ClamdService(
            inspector=made.inspector,
            roots=Roots([*settings.roots, *listeners.roots]),
            version=lambda: _version(made),
            reload=made.reload,
            fail_closed=listeners.fail_closed,
        )
        for each in opened.clamd:
            its = replace(clamd, patience=Patience(IDLE_SECONDS))
            await stack.enter_async_context(
                Acceptor([each], its.serve, settings, crowded=its.patience.crowded, refusal=FULL)
            )
        if opened.http:
            await stack.enter_async_context(served(_local(made, settings), opened.http, limits=settings))
        facts = {
            "clamd": [named_address(each) for each in opened.clamd],
            "http": [named_address(each) for each in opened.http],
            **made.serves(),
            "fail_closed": listeners.fail_closed,
        }
        async with until_stopped():
            listening(facts)


@asynccontextmanager
async def until_stopped() -> AsyncIterator[None]:
    """Run the block, tell the service manager that it serves, and wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    alive = asyncio.create_task(stay_alive())
    try:
        yield
        notify("READY=1")
        await stop.wait()
    finally:
        alive.cancel()
        notify("STOPPING=1")
        _journal.info("stopping")


def _opened(listeners: Listeners, settings: AgentSettings, stack: AsyncExitStack) -> _Open:
    opened = _Open()
    for name, passed in passed_sockets(beyond_loopback=settings.beyond_loopback):
        (opened.http if name == "http" else opened.clamd).append(passed)
    if listeners.socket is not None:
        opened.clamd.append(_at_path(listeners.socket, stack))
    if listeners.clamd:
        opened.clamd.append(_at_port(listeners.clamd, settings, stack))
    if listeners.http.startswith("/"):
        opened.http.append(_at_path(Path(listeners.http), stack))
    elif listeners.http:
        opened.http.append(_at_port(listeners.http, settings, stack))
    if not opened.clamd and not opened.http:
        raise UsageError("nothing to listen on", hint="sigfed agent --socket PATH --http 127.0.0.1:PORT")
    return opened


def _at_path(path: Path, stack: AsyncExitStack) -> socket.socket:
    listening = stack.enter_context(listen_path(path))
    stack.callback(remove_path, path, path.lstat())
    return listening


def _at_port(text: str, settings: AgentSettings, stack: AsyncExitStack) -> socket.socket:
    host, port = host_and_port(text, beyond_loopback=settings.beyond_loopback)
    return stack.enter_context(listen_tcp(host, port))


def _local(made: Judging, settings: AgentSettings) -> LocalServices:
    return LocalServices(
        inspector=made.inspector,
        standing=made.standing,
        metrics=lambda: metrics_text(made),
        bearer=_bearer(settings),
        hosts=frozenset(settings.hosts),
        fail_closed=made.fail_closed,
    )


def _bearer(settings: AgentSettings) -> bytes:
    """What callers must show; raises `ConfigError` where others reach the daemon and none is set."""
    if settings.bearer_file is None:
        if settings.beyond_loopback:
            raise ConfigError(
                "other machines reach this daemon, and none must say who it is",
                hint="set bearer_file under [agent] in partner.toml",
            )
        return b""
    bearer = read_private(settings.bearer_file).strip()
    if not bearer:
        raise ConfigError("{path} is empty", settings.bearer_file)
    return bearer


def _version(made: Judging) -> str:
    """As clamd says it: program, version of each list, and since when the oldest is: programs warn of an old date."""
    in_force = [each.in_force for each in made.followed]
    said = f"sigfed {version_of('sigfed')}/{'+'.join(str(each.version) for each in in_force)}"
    seen_ms = min(each.seen_ms for each in in_force)
    if not seen_ms:
        return said
    return f"{said}/{moment_of(seen_ms):%a %b %d %H:%M:%S %Y}"
