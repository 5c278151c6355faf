"""Federations that are copied from one that was made before: making one takes twenty commands, starting it two.

A copy keeps the addresses, which are in signed documents. So of each original one copy runs at a time; who needs
another one beside it gets a copy of another original.
"""

import atexit
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from support.agencies import SUBSET, Federation, at_once, federate, import_files
from support.processes import Cli, run_together


@dataclass(slots=True)
class _Original:
    """A federation that was made and stopped, in a folder that goes with this process."""

    scratch: TemporaryDirectory[str] = field(default_factory=TemporaryDirectory)
    made: Federation = field(init=False)
    taken: bool = False

    def __post_init__(self) -> None:
        atexit.register(self.scratch.cleanup)
        self.made = federate(Path(self.scratch.name))
        self.made.stop()

    def started_in(self, folder: Path, running: Collection[str], clock_file: Path | None) -> Federation:
        """A copy of which these nodes run; the others have stopped."""
        original = self.made.folder
        shutil.copytree(original, folder, dirs_exist_ok=True)
        agencies = [
            replace(cli, home=folder / cli.home.name, clock_file=clock_file)
            for cli in (self.made.fr, self.made.nl)
        ]
        for cli in agencies:
            cli.edit("sigfed.toml", str(original), str(folder))
        started = [cli for cli in agencies if cli.home.name in running]
        nodes = {"fr": self.made.fr_node, "nl": self.made.nl_node}
        nodes |= {cli.home.name: one for cli, one in zip(started, run_together(started), strict=True)}
        return replace(
            self.made,
            folder=folder,
            fr=agencies[0],
            nl=agencies[1],
            partner=Cli(folder / "partner", clock_file),
            fr_node=nodes["fr"],
            nl_node=nodes["nl"],
            files={name: str(folder / Path(path).name) for name, path in self.made.files.items()},
        )


_ORIGINALS: list[_Original] = []


@contextmanager
def federated(
    folder: Path,
    *,
    running: Collection[str] = ("fr", "nl"),
    shared: Sequence[bytes] = (),
    clock_file: Path | None = None,
) -> Iterator[Federation]:
    """What `federate` makes, until it is stopped at the end; both agencies list `shared` too.

    It is made by the plain clock, and goes by `clock_file` from its start on. A node that is not named as `running` is
    not started: that takes as long as several commands.
    """
    original = next((one for one in _ORIGINALS if not one.taken), None)
    if original is None:
        original = _Original()
        _ORIGINALS.append(original)
    original.taken = True
    try:
        made = original.started_in(folder, running, clock_file)
        try:
            if shared:
                _list_too(made, shared)
            yield made
        finally:
            made.stop()
    finally:
        original.taken = False


def _list_too(made: Federation, shared: Sequence[bytes]) -> None:
    """Both agencies list more, as far as the partner."""
    for cli in (made.fr, made.nl):
        import_files(cli, shared)
    at_once((made.fr, "publish"), (made.nl, "publish"))
    at_once((made.fr, "peer", "sync"), (made.nl, "peer", "sync"))
    made.fr.done("subset", "release", SUBSET)
    made.partner.done("update")
