"""The client of `support.forking`: hands its files to the server, and ends as the command did. It imports little."""

import json
import os
import signal
import socket
import sys


def main() -> int:
    """Run the command that the arguments name."""
    address, *arguments = sys.argv[1:]
    here = os.getcwd()  # noqa: PTH109 - importing pathlib would be most of what this process does
    request = {"arguments": arguments, "folder": here, "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [json.dumps(request).encode() + b"\n"], [0, 1, 2])
        answers = server.makefile("r")
        child = int(answers.readline())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda which, _: os.kill(child, which))
        code = int(answers.readline())
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
