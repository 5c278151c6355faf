"""The node's own trust files as other nodes read them: as they were signed, under their names.

What they say and who may revise them is `node.trust.own`'s to decide.
"""

from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE, REVOKED_FILE
from node.errors import NotFoundError
from node.trust.own import ROOT_NAME
from node.trust.tuf.repository import ServedTuf, target_file


class ServedTrust(ServedTuf):
    """The trust files as other nodes may read them (`protocol.api.ServedTrustApi`): as they were signed."""

    async def root(self) -> bytes:
        """The node's `1.root.json`."""
        return self._files.get(ROOT_NAME)

    async def node_document(self) -> bytes:
        """The signed envelope of the node document."""
        return self._files.get(NODE_FILE)

    async def members(self) -> bytes:
        """The signed envelope of the members register."""
        return self._files.get(MEMBERS_FILE)

    async def revoked(self, sha256: bytes) -> bytes:
        """A version of the signed revocations, by its SHA-256; raises `NotFoundError`."""
        name = target_file(REVOKED_FILE, sha256)
        if not self._files.exists(name):
            raise NotFoundError("no revocations with this hash were ever listed here")
        return self._files.get(name)

    async def member_root(self, node: str, *, version: int = 1) -> bytes:
        """No member's: what a node holds of others is `node.peers.relay`'s to serve."""
        del version
        raise NotFoundError("no trust files of {node} are held here", node)

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        """No member's, as `member_root`."""
        del held
        raise NotFoundError("no trust files of {node} are held here", node)
