"""One running node a home folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from node.errors import StoreLockedError
from node.home import Home
from node.identity.lock import running

HOLDER = """
import sys
from pathlib import Path
from node.home import Home
from node.identity.lock import running
with running(Home(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_and_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreLockedError) as refused, running(Home(tmp_path)):
            pytest.fail("two processes hold one lock")
        assert str(tmp_path) in str(refused.value)
        holder.kill()
    with running(Home(tmp_path)):
        pass
    with running(Home(tmp_path)):
        pass
