"""A second FR: its folder as somebody copied it, run elsewhere by him, and believed by whoever comes to him.

He answers for FR's lists at FR's address; what is signed about keys he lets come from FR itself, as he has to: older
trust files are refused by themselves.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from keys.key import AuthPrivateKey
from keys.trust.held_trust import open_held
from node.app.peers.sync import PeerSyncs
from node.home import Home
from node.identity.identity import Identity, open_identity
from node.identity.peer import reach_peer
from node.peers.sync.reports import SyncReport
from node.remote.auth import Credentials
from node.remote.node import RemoteNode
from node.rotation.store import write_store
from node.store.peers.records import PeerRecord
from support.agencies import import_files
from support.load import Load
from support.processes import Running, free_port


class Twin:
    """The copy, at work on a port of its own; for moments in which time is stopped, and nobody writes what is copied.

    Nothing goes out from it: NL's witness would learn of another history at once.
    """

    def __init__(self, load: Load, folder: Path) -> None:
        self._load = load
        self._cli = load.fr.copied(folder)
        old = open_identity(Home(self._cli.home)).settings.listen.port
        self._port = free_port()
        self._cli.edit("sigfed.toml", f"port = {old}", f"port = {self._port}")
        self._cli.edit("sigfed.toml", 'proxy = ""', f'proxy = "http://127.0.0.1:{free_port()}"')

    @contextmanager
    def running(self) -> Iterator[None]:
        """He answers meanwhile."""
        with Running(self._cli):
            yield

    def lists(self, content: bytes) -> None:
        """He adds something to the list and signs its head."""
        import_files(self._cli, [content])
        self._cli.done("--alone", "publish")  # nobody tells a thief whether his copy is the newest

    def shown_to_peer(self, folder: Path) -> SyncReport:
        """What comes of a sync of NL with him, tried in a copy of NL's folder."""
        copy = self._load.nl.copied(folder)
        identity = open_identity(Home(copy.home), clock=self._load.time)
        return asyncio.run(self._sync(identity))

    async def _sync(self, nl: Identity) -> SyncReport:
        with write_store(nl) as store:
            with store.read() as unit:
                peer = unit.peers.get("fr.example")
            async with reach_peer(nl, peer) as fr, self._reached_by(nl, peer) as twin:
                lists = {name: getattr(twin, name) for name in ("checkpoint", "tile", "entries", "openings")}
                with patch.multiple(fr, **lists):
                    return await PeerSyncs(nl, store).run_over(peer.name, fr)

    def _reached_by(self, nl: Identity, peer: PeerRecord) -> RemoteNode:
        return RemoteNode(
            node=peer.name,
            base_url=f"https://127.0.0.1:{self._port}/",
            pins=open_held(peer.trust).document.pins,
            credentials=Credentials(client=nl.settings.node, signer=nl.signer(AuthPrivateKey)),
            presents=nl.tls(),
            clock=nl.clock,
            entropy=nl.entropy,
        )
