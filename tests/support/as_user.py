"""The command line as another user of the machine: what systemd does for a unit with `User=`.

python -m support.as_user USER GROUP --home HOME COMMAND…
"""

import grp
import os
import pwd
import sys

from node.cli.main import run


def main() -> None:
    """Become the user, for good, and run the command."""
    user, group = pwd.getpwnam(sys.argv[1]), grp.getgrnam(sys.argv[2])
    os.setgroups([group.gr_gid])
    os.setgid(group.gr_gid)
    os.setuid(user.pw_uid)
    os.umask(0o077)
    os.environ["HOME"] = "/nonexistent"
    sys.exit(run(sys.argv[3:]))


if __name__ == "__main__":
    main()
