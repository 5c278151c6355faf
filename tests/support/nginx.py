"""A real nginx with a site that a manual shows, its addresses replaced."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from support.processes import free_port, listens, wait_until
from support.programs import needed

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
CONFIG = """
{user}
worker_processes 1;
daemon off;
pid {folder}/pid;
events {{}}
http {{
    access_log off;
    {temporary}
    include {folder}/site.conf;
}}
"""


@contextmanager
def nginx(folder: Path, site: Path, replaced: Mapping[str, str]) -> Iterator[int]:
    """Serve a site that says `listen 80;`, with these words replaced in it; gives the port on loopback."""
    program = needed("nginx")
    port, text = free_port(), site.read_text()
    for old, new in {"listen 80;": f"listen 127.0.0.1:{port};", **replaced}.items():
        assert old in text
        text = text.replace(old, new)
    folder.mkdir()
    (folder / "site.conf").write_text(text)
    config = folder / "nginx.conf"
    # It would give up root, and then not get at its own folder.
    user = "user root root;" if os.geteuid() == 0 else ""
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
    config.write_text(CONFIG.format(user=user, folder=folder, temporary=temporary))
    journal = folder / "error.log"
    process = subprocess.Popen(
        [program, "-p", str(folder), "-e", str(journal), "-c", str(config)], stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: listens(port, process, journal))
        yield port
    finally:
        process.terminate()
        process.wait(30)
