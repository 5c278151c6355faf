"""The command line as another user of the machine: what systemd does for a unit with `User=`.

    python -m support.as_user USER GROUP --home HOME COMMAND…

Everything is imported before the process becomes that user, who may not be able to read the interpreter's folder.
"""

import grp
import os
import pwd
import re
import sys
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages

from node.cli.main import run

_LOADED = ("keys", "protocol", "node", "tuf", "alembic", "sqlalchemy.dialects.sqlite", "encodings")
"""Ours, and libraries that import some of their modules when they are used."""
_LATE = ("_strptime", "sqlite3", "sqlite3.dbapi2", "stringprep", "uuid", "ssl", "getpass")
"""Of the standard library, likewise."""
_SKIPPED = re.compile(
    r"__main__$|[.]migrations|alembic[.](templates|testing)|encodings[.](mbcs|oem|cp65001)$"
)


def main() -> None:
    """Become the user, for good, and run the command."""
    user, group = pwd.getpwnam(sys.argv[1]), grp.getgrnam(sys.argv[2])
    for name in _LATE:
        import_module(name)
    for package in map(import_module, _LOADED):
        for module in walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda _: None):
            if not _SKIPPED.search(module.name):
                with suppress(ImportError):  # what an option would need that is not installed
                    import_module(module.name)
    os.setgroups([group.gr_gid])
    os.setgid(group.gr_gid)
    os.setuid(user.pw_uid)
    os.umask(0o077)
    os.environ["HOME"] = "/nonexistent"
    sys.exit(run(sys.argv[3:]))


if __name__ == "__main__":
    main()
