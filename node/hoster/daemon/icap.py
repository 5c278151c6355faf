"""The ICAP service of a partner's machine, until it is told to stop."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from hashlib import sha256

from node.clock import system_entropy
from node.connections import Acceptor, listen_tcp
from node.home import Home
from node.hoster.daemon.agent import until_stopped
from node.hoster.gateways.icap import FULL, IDLE_SECONDS, IcapService
from node.hoster.gateways.patience import Patience
from node.hoster.gateways.sockets import host_and_port, named_address, passed_sockets
from node.hoster.judge.machine import Judging, judging
from node.hoster.settings import load_partner_settings


async def serve_icap(
    homes: Sequence[Home],
    listen: str,
    *,
    fail_closed: bool,
    listening: Callable[[Mapping[str, object]], None],
) -> None:
    """Serve until SIGTERM or SIGINT, on what the service manager opened or at HOST:PORT.

    It is judged by every subset of `homes`, which are those of one client.

    Raises:
        NotInitialisedError: nobody is enrolled here.
        UsageError: others would reach that address.
        PortTakenError: it is taken.
    """
    settings = load_partner_settings(homes[0].folder).agent
    start = system_entropy(16)
    async with AsyncExitStack() as stack:
        sockets = [passed for _, passed in passed_sockets(beyond_loopback=settings.beyond_loopback)]
        if not sockets:
            host, port = host_and_port(listen, beyond_loopback=settings.beyond_loopback)
            sockets = [stack.enter_context(listen_tcp(host, port))]
        made = await stack.enter_async_context(judging(homes, settings, kind="icap", fail_closed=fail_closed))
        service = IcapService(
            inspector=made.inspector,
            release=lambda: _release(made, start),
            entropy=system_entropy,
            contact=settings.contact,
            fail_closed=fail_closed,
        )
        for each in sockets:
            its = replace(service, patience=Patience(IDLE_SECONDS))
            await stack.enter_async_context(
                Acceptor([each], its.serve, settings, crowded=its.patience.crowded, refusal=FULL)
            )
        where = named_address(sockets[0])
        facts = {
            "reqmod": f"icap://{where}/reqmod",
            "respmod": f"icap://{where}/respmod",
            **made.serves(),
            "fail_closed": fail_closed,
        }
        async with until_stopped():
            listening(facts)


def _release(made: Judging, start: bytes) -> str:
    """What is in force, in a word; `start` is of this process.

    Another one also when a head without witnesses took answers of the same release away, and when a file that had
    passed as unknown was found to be listed: what a proxy kept meanwhile is not clean.
    """
    facts = " ".join(
        f"{each.in_force.version}/{each.in_force.entries}/{each.judge.late}" for each in made.followed
    )
    return f"sigfed-{sha256(start + facts.encode()).hexdigest()[:16]}"
