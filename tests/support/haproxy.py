"""A real haproxy with the configuration that a manual shows, its addresses replaced."""

import socket
from collections.abc import Mapping
from pathlib import Path

from support.processes import wait_until
from support.programs import needed
from support.services import Services


def with_replaced(text: str, replaced: Mapping[str, str]) -> str:
    """What a manual shows, with these of its words replaced."""
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return text


def start_haproxy(services: Services, config: Path, port: int, replaced: Mapping[str, str]) -> None:
    """Pass on what comes at `port`, which stands for `bind :8443`, with these words of the configuration replaced."""
    path = services.folder / "haproxy.cfg"
    path.write_text(with_replaced(config.read_text(), {"bind :8443": f"bind 127.0.0.1:{port}", **replaced}))
    services.start("haproxy", [needed("haproxy"), "-db", "-f", path], {})
    wait_until(lambda: listens(port))


def listens(port: int) -> bool:
    """Whether somebody takes connections at this port."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
