"""A rehearsal of this node's rotations in a folder that is deleted again, watched by a TUF client of another maker.

The home is read and never written. The client is python-tuf's, which shares with this program the form of the files and
none of the rules by which it follows them; it reads what a running node would serve.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import FetcherInterface, Updater
from typing_extensions import override

from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE, target_path
from node.errors import NotFoundError, VerificationError
from node.identity.identity import Identity
from node.objects.folder import FolderObjects
from node.trust.own import ROOT_NAME
from node.trust.rehearsal import Rehearsal, Rehearsed
from node.trust.tuf.repository import ServedTuf

_BASE = "scratch:///"
_TARGETS = f"{_BASE}targets/"


def rehearse(identity: Identity) -> Iterator[Rehearsed]:
    """Every rotation, each after the client has followed it.

    Raises:
        VerificationError: the client did not follow; the text says what it said.
    """
    with scratch(identity) as (rehearsal, visit):
        for done in rehearsal.steps():
            visit()
            yield done


@contextmanager
def scratch(identity: Identity) -> Iterator[tuple[Rehearsal, Callable[[], None]]]:
    """A scratch node, and what has the client visit it; the folder is deleted at the end. Raises as `rehearse` does."""
    with TemporaryDirectory(prefix="sigfed-rehearsal-") as folder:
        files = FolderObjects(Path(folder, "trust"))
        rehearsal = Rehearsal(
            identity.trust.in_force(),
            identity.trust.root(),
            files=files,
            clock=identity.clock,
            entropy=identity.entropy,
        )
        client = _Client(files, Path(folder, "client"))
        client.visit()
        yield rehearsal, client.visit


@dataclass(frozen=True, slots=True)
class _Client:
    """python-tuf's client, which began at the first root and keeps its state in a folder."""

    files: FolderObjects
    state: Path

    def visit(self) -> None:
        """Follow to what is current, and fetch the files that everybody needs."""
        begun = self.state.exists()
        self.state.mkdir(exist_ok=True)
        client = Updater(
            str(self.state),
            _BASE,
            target_dir=str(self.state),
            target_base_url=_TARGETS,
            fetcher=_Served(ServedTuf(self.files)),
            bootstrap=None if begun else self.files.get(ROOT_NAME),
        )
        try:
            client.refresh()
            for name in (NODE_FILE, MEMBERS_FILE):
                info = client.get_targetinfo(target_path(name))
                if info is None or Path(client.download_target(info)).read_bytes() != self.files.get(name):
                    raise VerificationError("a TUF client finds another {name} than the one in force", name)
        except (RepositoryError, DownloadError) as exc:
            raise VerificationError(
                "a TUF client did not follow: {kind}: {reason}",
                type(exc).__name__,
                exc,
                hint="do not do it in earnest; report this to the makers of sigfed",
            ) from exc


class _Served(FetcherInterface):
    """What a node serves, without a network."""

    def __init__(self, served: ServedTuf) -> None:
        self._served = served

    @override
    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.removeprefix(_BASE).removeprefix("targets/")
        read = self._served.tuf_target if url.startswith(_TARGETS) else self._served.tuf_metadata
        try:
            yield asyncio.run(read(name.removeprefix("trust/")))
        except NotFoundError as exc:
            raise DownloadHTTPError(str(exc), 404) from exc
