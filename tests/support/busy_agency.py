"""The home of an agency in the middle of its work, made by commands once: what the console has to show.

Two agencies follow each other; a partner reported hits, resolved one, disputes another and proposes files; entries of
the peer wait for a word, and it disputes another; changes wait for publication; a guard set a line of an import aside;
three persons decide, and one request waits for a second.
"""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path

from node.console.world import World
from node.evaluator.process import EvaluatorProcess
from node.home import Home
from node.identity.identity import open_identity
from node.rotation.store import write_store
from node.signing.epochs import epoch_secrets
from support.agencies import LIST, Federation, federate, import_files, lawful_table, numbered, written
from support.console import RunningConsole, console_of
from support.copies import let_go_on, reach_nobody
from support.processes import Cli, passphrase_of

FILES = numbered("listed by both", 6)
LAWFUL = b"a picture that everybody has"


def make_busy(folder: Path) -> Cli:
    """Make the French agency; nothing of it runs any more when this returns."""
    federation = federate(folder, shared=FILES)
    try:
        _report(federation, folder)
        _object(federation, folder)
        _work(federation)
    finally:
        federation.stop()
    return federation.fr


def _report(federation: Federation, folder: Path) -> None:
    """The partner finds, reports, resolves, disputes and proposes."""
    partner = federation.partner
    found = [written(folder / f"found-{number}.bin", content) for number, content in enumerate(FILES[:4])]
    partner.run("check", *found)
    partner.done("hit", "report", "--all")
    first, second, *_ = [str(each["hit"]) for each in partner.run("hit", "ls").results]
    partner.done("hit", "resolve", first, "--action", "removed")
    partner.done("hit", "dispute", second, "--reason", "it is our company logo")
    new = [
        written(folder / f"new-{number}.bin", content) for number, content in enumerate(numbered("new", 2))
    ]
    partner.done("propose", *new, "--reason", "found by our moderators", "--yes")


def _object(federation: Federation, folder: Path) -> None:
    """The peer disputes a file that both list."""
    disputed = written(folder / "disputed.txt", sha256(FILES[-1]).hexdigest())
    federation.nl.done("entry", "dispute", "--list", LIST, "--hash-from", disputed, "--yes")
    federation.nl.done("publish")
    federation.fr.done("peer", "sync")


def _work(federation: Federation) -> None:
    """The agency's people begin what others must finish."""
    fr = federation.fr
    fr.add_persons("alice", "bruno")
    fr.agreed("person", "add", "carla", "--role", "analyst", typed=2 * passphrase_of("carla"))
    fr.done_as("alice", "partner", "quota", "hoster", "--files-per-day", "2000000")
    lawful = written(fr.home.with_name("lawful.csv"), lawful_table(LAWFUL))
    fr.done("guard", "benign", "add", lawful, "--name", "lawful")
    import_files(fr, [*numbered("waiting", 3), LAWFUL])


def open_world(home: Path, stack: ExitStack) -> World:
    """The node that lives in `home`, as its running process holds it, until the stack is left."""
    let_go_on(home)
    identity = open_identity(Home(home))
    store = stack.enter_context(write_store(identity))
    evaluator = EvaluatorProcess(lambda: epoch_secrets(identity.keychain))  # it starts when it is asked
    stack.callback(evaluator.close)
    return World.of(identity, store, evaluator)


@asynccontextmanager
async def busy_console(home: Path, copy: Path, *, reaches: bool = False) -> AsyncIterator[RunningConsole]:
    """The console of such a node, over a copy of its home.

    It reaches nobody, unless it is to: at the other agency's address a test of another worker may run a copy of that.
    """
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("*.lock"))
    if not reaches:
        reach_nobody(copy)
    with ExitStack() as stack:
        async with console_of(open_world(copy, stack)) as running:
            yield running


if __name__ == "__main__":
    made = Path(sys.argv[1])
    made.mkdir(parents=True)
    sys.stdout.write(f"{make_busy(made).home}\n")
