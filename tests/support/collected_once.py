"""Workers that are forks of one process that has collected: each would load and collect the same for itself.

pytest-xdist goes on as it does. It starts what it takes for the Python of a worker; that hands its standard streams to
a fork of `support.seed` and waits for its end. Where the seed came to nothing, it becomes the Python that it stands
for, and the worker collects for itself.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from socket import AF_UNIX, socket
from tempfile import TemporaryDirectory

import execnet
import pytest
from xdist.plugin import _sys_path

_TESTS = Path(__file__).parents[1]
_SEED = """
import sys
path, arguments, listening = {}
sys.path[:] = [{!r}, *path]
from support.seed import grow
sys.path[:] = path
grow(arguments, listening)
"""
_WORKER = """
import os, signal, socket, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
with socket.socket(socket.AF_UNIX) as seed:
    try:
        seed.connect(sys.argv[1])
        socket.send_fds(seed, [b" "], [0, 1, 2])
        forked = seed.recv(1)
    except OSError:
        forked = b""
    if not forked:
        os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
    seed.recv(1)
"""


def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[execnet.XSpec]) -> None:
    """Start the seed where several workers of this machine collect alike, and nothing watches what they load."""
    measured = getattr(config.option, "cov_source", None)
    if len(specs) < 2 or measured or config.option.dist == "loadgroup":
        return
    if not all(spec.popen and not (spec.python or spec.chdir or spec.via) for spec in specs):
        return
    with ExitStack() as opened:
        address = str(Path(opened.enter_context(TemporaryDirectory())) / "seed")
        listening = opened.enter_context(socket(AF_UNIX))
        listening.bind(address)
        listening.listen()
        given = (_sys_path, [str(each) for each in config.invocation_params.args], listening.fileno())
        seed = subprocess.Popen(
            [sys.executable, "-u", "-c", _SEED.format(json.dumps(given), str(_TESTS))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
        )
        opened.callback(seed.communicate)  # it ends when nobody can write to it
        listening.close()
        config.add_cleanup(opened.pop_all().close)
    for spec in specs:
        spec.python = shlex.join([sys.executable, "-S", "-E", "-c", _WORKER, address])
