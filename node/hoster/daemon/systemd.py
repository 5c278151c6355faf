"""What the service manager is told: ready, alive, stopping (sd_notify(3), in a few lines instead of a library)."""

import asyncio
import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Send a line like `READY=1`; nothing happens where no service manager waits for it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.sendto(state.encode(), socket.MSG_DONTWAIT, address)  # whoever does not listen stops no answer


async def stay_alive() -> None:
    """Say that the event loop turns, twice in the time that the unit's `WatchdogSec` allows."""
    microseconds = int(os.environ.get("WATCHDOG_USEC") or 0)
    while microseconds:
        notify("WATCHDOG=1")
        await asyncio.sleep(microseconds / 2_000_000)
