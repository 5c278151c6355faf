"""A real haproxy with the configuration that a manual shows, its addresses replaced."""

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from support.processes import wait_until
from support.programs import needed


@contextmanager
def haproxy(folder: Path, config: Path, port: int, replaced: Mapping[str, str]) -> Iterator[None]:
    """Pass on what comes at `port`, which stands for `bind :8443`, with these words of the configuration replaced."""
    program = needed("haproxy")
    text = config.read_text()
    for old, new in {"bind :8443": f"bind 127.0.0.1:{port}", **replaced}.items():
        assert old in text
        text = text.replace(old, new)
    path, journal = folder / "haproxy.cfg", folder / "haproxy.log"
    path.write_text(text)
    with journal.open("wb") as said:
        process = subprocess.Popen([program, "-db", "-f", path], stdout=said, stderr=said)
    try:
        wait_until(lambda: _listens(port, process, journal))
        yield
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int, process: "subprocess.Popen[bytes]", journal: Path) -> bool:
    assert process.poll() is None, journal.read_text()
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
