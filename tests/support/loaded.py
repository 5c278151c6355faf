"""Which modules commands load, each in a process that has loaded nothing before."""

import json
import subprocess
import sys
from collections.abc import Sequence

LIBRARIES = frozenset(
    {
        "aiohttp",
        "alembic",
        "apscheduler",
        "asyncio",
        "cbor2",
        "cryptography",
        "jwt",
        "nacl",
        "numpy",
        "prometheus_client",
        "psycopg",
        "rbcl",
        "securesystemslib",
        "sqlalchemy",
        "sqlmodel",
        "ssl",
        "tuf",
    }
)
"""What takes long to load. Typer loads pydantic for the arguments of any command."""

_PROGRAM = """
import json, sys
from node.cli.main import run
for arguments in json.loads(sys.argv[1]):
    run(arguments)
sys.stdout.flush()
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def loaded(*commands: Sequence[str]) -> set[str]:
    """All modules that a process has loaded that ran these commands, one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(commands)], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))
