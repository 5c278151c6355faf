"""A real rspamd that asks one scanner as a manual shows, and nobody else: no map, no name server, no other module."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from support.processes import free_port, listens, wait_until
from support.programs import needed

CONFIG = """
options {{
  pidfile = "{folder}/pid";
  control_socket = "{folder}/control.sock";
  tempdir = "{folder}";
  hs_cache_dir = "{folder}";
  url_tld = "{folder}/domains";
  filters = [];
  dns {{ nameserver = ["127.0.0.1:1"]; }}
}}
lang_detection {{ languages = "{folder}"; }}
logging {{ type = "file"; filename = "{folder}/log"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
modules {{ path = "/usr/share/rspamd/plugins/antivirus.lua"; }}
antivirus {{
{antivirus}
}}
actions {{
reject = 15;
{actions}
}}
"""


@dataclass(frozen=True)
class Filter:
    """What asks it about mails."""

    port: int

    def judged(self, mail: bytes) -> tuple[str, list[str]]:
        """The action for a mail, and the names of the scanner's symbols."""
        with urlopen(Request(f"http://127.0.0.1:{self.port}/checkv2", data=mail), timeout=60) as reply:
            said: dict[str, Any] = json.loads(reply.read())
        return said["action"], sorted(said["symbols"])


@contextmanager
def rspamd(folder: Path, *, antivirus: str, actions: str) -> Iterator[Filter]:
    """Run rspamd with the contents of `local.d/antivirus.conf` and `local.d/actions.conf`."""
    program = needed("rspamd")
    folder.mkdir()
    # Of all top-level domains it makes a table first, for seconds.
    (folder / "domains").write_text("example\n")
    port, config = free_port(), folder / "rspamd.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, antivirus=antivirus, actions=actions))
    as_root = ["-i", "-u", "root", "-g", "root"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [program, "-f", *as_root, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: listens(port, process, folder / "log"))
        yield Filter(port)
    finally:
        process.terminate()
        process.wait(30)
