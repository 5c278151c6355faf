"""The trust files of the members, passed on as this node holds them to whoever relies on its register.

A partner takes the register from its node, and checks with the members' own files what the node says of them: each root
has the SHA-256 that the register names, and signs what the member says of itself. So nothing here is believed because
this node serves it; it can only hold files back. Spec: docs/spec/trust.md, "Files of members".
"""

import asyncio
from dataclasses import replace

from typing_extensions import override

from keys.trust.revocations import file_name
from keys.trust.tuf.target_files import REVOKED_FILE
from node.errors import NotFoundError
from node.ports.objects import ObjectStore
from node.store.store import Store
from node.trust.others.documents import MemberFiles, member_files
from node.trust.own import OwnTrust
from node.trust.service import ServedTrust


class RelayingTrust(ServedTrust):
    """The own trust files in `files`, and those of the members of the own register (`protocol.api.ServedTrustApi`)."""

    def __init__(self, files: ObjectStore, trust: OwnTrust, store: Store, introductions: ObjectStore) -> None:
        super().__init__(files)
        self._trust = trust
        self._store = store
        self._introductions = introductions

    @override
    async def member_root(self, node: str, *, version: int = 1) -> bytes:
        """A version of the root of a member; raises `NotFoundError`."""
        roots = await asyncio.to_thread(self._roots, node)
        if not 1 <= version <= len(roots):
            raise NotFoundError("no such version of the root of {node} is held here", node)
        return roots[version - 1]

    @override
    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        """The signed envelope of a member's node document; raises `NotFoundError`."""
        del held
        if node == self._trust.root().node:
            return await self.node_document()
        return (await asyncio.to_thread(self._held, node)).envelope

    @override
    async def tuf_target(self, name: str, *, max_bytes: int | None = None) -> bytes:
        """An own trust file, or the revocations of a member that are held; raises `NotFoundError`.

        A node that comes back from a backup of before asks for its own: what would let it in elsewhere may be in them.
        """
        try:
            return await super().tuf_target(name, max_bytes=max_bytes)
        except NotFoundError:
            found = await asyncio.to_thread(self._revoked, name)
            if found is None:
                raise
            return found

    def _revoked(self, name: str) -> bytes | None:
        members = {member.node for member in self._trust.members().members}
        with self._store.read() as unit:
            held = [one.envelope for one in unit.revocations.ls() if one.envelope and one.node in members]
        names = {f"{file_name(each).hex()}.{REVOKED_FILE}": each for each in held}
        return names.get(name)

    def _roots(self, node: str) -> tuple[bytes, ...]:
        if node == self._trust.root().node:
            return tuple(root.data for root in self._trust.roots())
        return self._held(node).roots

    def _held(self, node: str) -> MemberFiles:
        """Only what the register's own fingerprint of the member confirms."""
        register = self._trust.members()
        alone = replace(register, members=tuple(one for one in register.members if one.node == node))
        files = member_files(self._store, self._introductions, alone, own=self._trust.root().node)
        if node not in files:
            raise NotFoundError("no trust files of {node} are held here", node)
        return files[node]
