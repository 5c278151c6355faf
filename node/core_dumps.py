"""No picture of this process's memory, which would be its key files without a passphrase, and what it looked up.

A limit of zero keeps the kernel from writing a file; a program that takes dumps over a pipe is handed them all the
same, unless the process is not dumpable. Nor can another program of the same user look into it then.
"""

import ctypes
import sys
from contextlib import suppress
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def forbid_core_dumps() -> None:
    """For good, and for what this process forks; a program that it starts has to do so itself."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    with suppress(OSError):  # a service manager that forbids the call has set the limit itself
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
