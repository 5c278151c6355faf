"""What holds for every process that decodes strangers' files: what it is given, how it starts and bounds itself."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from node.core_dumps import forbid_core_dumps

_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


def environment() -> dict[str, str]:
    """What such a process is started with: of its parent's environment nothing but what Python needs.

    A decoder that is taken over finds no credential there. Its libraries start no thread for each processor.
    """
    path = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    return {**kept, **coverage, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def confine(memory_bytes: int) -> None:
    """Bound the memory of this process for good, and forbid core dumps, which would be pictures."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    forbid_core_dumps()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    allowed = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Ctrl-C reaches all processes of a terminal: one that starts just then would end with a traceback of its own."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
