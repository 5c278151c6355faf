"""Where gateways listen: on sockets taken over from systemd, on the loopback, or at a path.

A path is for whoever may write to its folder and for the group: 0660. One that a process left behind is replaced, one
where a process answers is not.
"""

import errno
import os
import socket
import stat
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from node.errors import PortTakenError, UsageError

_BACKLOG: Final = 128
_FIRST_PASSED: Final = 3


def host_and_port(text: str, *, beyond_loopback: bool = False) -> tuple[str, int]:
    """The address in HOST:PORT; raises `UsageError` for one that others reach, unless that is allowed."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        address, number = ip_address(host), int(port)
    except ValueError:
        raise UsageError(
            "{text} is not an address and a port", repr(text), hint="like 127.0.0.1:3310"
        ) from None
    if not 0 <= number < 65536:
        raise UsageError("{number} is not a port", number)
    if not address.is_loopback and not beyond_loopback:
        raise UsageError(
            "other machines would reach {host}",
            host,
            hint="listen on 127.0.0.1, or allow it with beyond_loopback = true under [agent] in partner.toml",
        )
    return host, number


def listen_path(path: Path) -> socket.socket:
    """A listening socket at a path; raises `PortTakenError`, and `UsageError` for a path that is something else."""
    _clear(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listening.bind(str(path))
        listening.listen(_BACKLOG)
    except OSError as exc:
        listening.close()
        raise PortTakenError(
            "cannot listen at {path}: {reason}", path, exc.strerror, hint="does its folder exist?"
        ) from exc
    finally:
        os.umask(before)
    return listening


def remove_path(path: Path, made: os.stat_result) -> None:
    """Remove a socket that is still the one that was `made`; another process may have replaced it already."""
    with suppress(FileNotFoundError):
        found = path.lstat()
        if (found.st_ino, found.st_ctime_ns) == (made.st_ino, made.st_ctime_ns):
            path.unlink()


def _clear(path: Path) -> None:
    """Remove a socket that nobody answers at any more."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise UsageError("{path} exists and is not a socket", path, hint="name another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(str(path))
        except OSError as exc:
            if exc.errno not in {errno.ECONNREFUSED, errno.ENOENT}:
                raise PortTakenError("cannot listen at {path}: {reason}", path, exc.strerror) from exc
            path.unlink(missing_ok=True)
            return
    raise PortTakenError("another process listens at {path}", path, hint="stop it first")


def passed_sockets(*, beyond_loopback: bool = False) -> list[tuple[str, socket.socket]]:
    """Listening sockets that systemd opened for this process, with their names (sd_listen_fds_with_names(3)).

    Raises `UsageError` as `host_and_port` for one that others reach.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    names += [""] * (count - len(names))
    passed = [(names[number], socket.socket(fileno=_FIRST_PASSED + number)) for number in range(count)]
    for _, each in passed:
        if each.family != socket.AF_UNIX:
            host_and_port(named_address(each), beyond_loopback=beyond_loopback)
    return passed


def named_address(listening: socket.socket) -> str:
    """Where a socket listens, as people write it."""
    name = listening.getsockname()
    if isinstance(name, tuple):
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
    return str(name)
