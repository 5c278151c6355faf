"""Another node as `protocol.api`, over HTTPS: which endpoint each call is. Whether what arrives is true is for callers.

Spec: docs/spec/http.md.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

from node.clock import Clock, Entropy
from node.errors import NotFoundError, VerificationError
from node.ports.callers import opened_collections
from node.remote.auth import Credentials
from node.remote.client import Client, PublicFiles
from node.remote.exchange import Ask, Exchange, within
from node.remote.kept_tokens import TokenFile
from node.remote.limits import RemoteLimits
from node.remote.proxy import Proxy
from node.remote.requests import ask_for
from node.remote.spool import Spool
from node.tls import TlsIdentity, Traffic, client_context, present
from protocol.encoding import Octets
from protocol.errors import ProtocolError
from protocol.lists.grant import Grant, decode_grant
from protocol.messages import (
    EnrolmentReply,
    EnrolmentRequest,
    EvaluationReply,
    EvaluationRequest,
    ReleasePart,
    RenewalReply,
    RenewalRequest,
)
from protocol.tlog.tiles import Tile, entries_path, tile_path

Reply = TypeVar("Reply")


class RemoteNode(PublicFiles):
    """A node that we know as `node`, reach at `base_url` and recognise by `pins`. An async context manager.

    An agency `presents` its TLS key, a partner has none; `tokens` keeps its token for the next connection. Files of
    releases arrive in the folder `spool`.

    Every method raises what `node.remote.exchange.Exchange.send` raises; `traffic` counts all bytes above TLS.
    """

    def __init__(
        self,
        *,
        node: str,
        base_url: str,
        pins: frozenset[bytes],
        credentials: Credentials | None,
        presents: TlsIdentity | None = None,
        clock: Clock,
        entropy: Entropy,
        limits: RemoteLimits = RemoteLimits(),  # noqa: B008  # frozen
        proxy: Proxy | None = None,
        traffic: Traffic | None = None,
        tokens: TokenFile | None = None,
        spool: Path | None = None,
    ) -> None:
        self._spool = spool
        self.traffic = traffic or Traffic()
        self._node = node
        self._limits = limits
        context = client_context(pins, traffic=self.traffic)
        if presents is not None:
            present(context, presents, entropy=entropy)
        self._exchange = Exchange(node=node, base_url=base_url, context=context, limits=limits, proxy=proxy)
        client = Client(
            self._exchange,
            node=node,
            credentials=credentials,
            clock=clock,
            entropy=entropy,
            limits=limits,
            tokens=tokens,
        )
        super().__init__(client)

    async def __aenter__(self) -> Self:
        await self._exchange.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exchange.__aexit__()

    async def revoked(self, sha256: bytes) -> bytes:
        """The signed envelope of the revocations with this SHA-256."""
        return await self._client.get(ask_for("tuf_target", target=f"{sha256.hex()}.revoked.json"))

    async def member_root(self, node: str, *, version: int = 1) -> bytes:
        """A version of the root of a member of the node's register."""
        return await self._client.get(ask_for("member_root", node=node, version=str(version)))

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        """The signed envelope of a member's node document; costs a few hundred bytes when it is the `held` one."""
        return await self._unless_held(ask_for("member_document", node=node), held)

    async def scopes(self) -> frozenset[str]:
        """What the node says that our key may read."""
        return await self._client.scopes()

    async def granted(self) -> Grant:
        """What the node lets us read, in its own words; of an older version, those of the token that it issued."""
        try:
            body = await self._client.get(ask_for("grant"))
        except NotFoundError:
            return Grant(collections=opened_collections(await self._client.scopes()))
        return decode_grant(body)

    async def checkpoint(self, origin: str, *, held: bytes | None) -> bytes | None:
        """The newest signed note, or None when it is the `held` one."""
        kind, name = self._log(origin)
        return await self._client.get_unless_held(ask_for(f"{kind}_checkpoint", **{kind: name}), held)

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        """`width * 32` bytes of hashes."""
        kind, name = self._log(origin)
        place = tile_path(Tile(level, index, width)).removeprefix(f"tile/{level}/")
        ask = ask_for(f"{kind}_tile", **{kind: name}, level=str(level), tile=place)
        return await self._client.get(ask)

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """The entry bundle `index` with `width` entries, without the `first` ones."""
        kind, name = self._log(origin)
        ask = ask_for(f"{kind}_entries", **{kind: name}, tile=_bundle(index, width))
        return await self._client.get(_from(ask, first))

    async def openings(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """`width` openings, without the `first` ones; those outside our grant are withheld."""
        kind, name = self._log(origin)
        if kind != "list":
            raise NotFoundError("{origin} is not a list: only lists have openings", origin)
        ask = ask_for("openings", list=name, tile=_bundle(index, width))
        return await self._client.get(_from(ask, first))

    async def held_checkpoint(self, origin: str) -> bytes:
        """The head of our own list, as the node holds it."""
        return await self._client.get(ask_for("held_checkpoint", list=origin.rpartition("/")[2]))

    async def held_entries(self, origin: str, *, index: int, width: int) -> bytes:
        """An entry bundle of our own list."""
        place = _bundle(index, width)
        return await self._client.get(ask_for("held_entries", list=origin.rpartition("/")[2], tile=place))

    async def held_openings(self, origin: str, *, index: int, width: int) -> bytes:
        """The openings of a bundle of our own list, as far as the node holds them."""
        place = _bundle(index, width)
        return await self._client.get(ask_for("held_openings", list=origin.rpartition("/")[2], tile=place))

    async def gossip(self, *, held: bytes | None) -> bytes | None:
        """What the node holds, or None when it is the `held` one."""
        return await self._client.get_unless_held(ask_for("gossip"), held)

    async def evidence(self, name: str) -> bytes:
        """Evidence or a trust file that its gossip names."""
        return await self._client.get(ask_for("evidence", sha256=name))

    async def acknowledge(self, origin: str, statement: bytes) -> None:
        """Say how far we hold a list of this node; saying it again changes nothing."""
        kind, name = self._log(origin)
        if kind != "list":
            raise NotFoundError("{origin} is not a list: only lists are acknowledged", origin)
        await self._client.post_once(ask_for("acknowledge", list=name), statement)

    async def acknowledge_trust(self, statement: bytes) -> None:
        """Say which trust files of this node we hold; saying it again changes nothing."""
        await self._client.post_once(ask_for("acknowledge_trust"), statement)

    async def release_part(
        self, subset: str, *, version: int, part: ReleasePart, since: int | None, max_bytes: int | None = None
    ) -> Octets:
        """One file of a release, whole or as the delta from `since`, `max_bytes` at most; resumed when interrupted."""
        ask = ask_for("release_part", subset=subset, version=str(version), part=part.value)
        path = ask.path if since is None else f"{ask.path}?since={since}"
        most = within(replace(ask, path=path, max_bytes=self._limits.max_release_bytes), max_bytes)
        with Spool(self._spool) as sink:
            await self._client.get_resumed(most, sink)
            return sink.octets()

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        """Have a batch evaluated; not repeated once sent, because it costs quota."""
        body = await self._client.post_once(ask_for("evaluate", subset=subset), request.to_bytes())
        return self._read(EvaluationReply.from_bytes, body)

    async def report_hit(self, subset: str, report: bytes) -> bytes:
        """The signed receipt of a report; the same report may be sent again when no reply came."""
        return await self._client.post_once(ask_for("report_hit", subset=subset), report)

    async def hit_evidence(self, subset: str, report_id: str, *, version: int = 1) -> bytes:
        """The evidence of a hit that we reported, in this version of the format or an older one."""
        ask = ask_for("hit_evidence", subset=subset, report_id=report_id)
        path = ask.path if version == 1 else f"{ask.path}?version={version}"
        return await self._client.get(replace(ask, path=path))

    async def ended_reports(self, subset: str, report_id: str) -> bytes:
        """Our reports that ended after this one."""
        return await self._client.get(ask_for("ended_reports", subset=subset, report_id=report_id))

    async def open_case(self, subset: str, dispute: bytes) -> bytes:
        """The state of the case of our dispute; the same dispute may be sent again when no reply came."""
        return await self._client.post_once(ask_for("open_case", subset=subset), dispute)

    async def case(self, subset: str, report_id: str) -> bytes:
        """The state of our case."""
        return await self._client.get(ask_for("case", subset=subset, report_id=report_id))

    async def resolve_hit(self, subset: str, resolution: bytes) -> bytes:
        """The signed receipt of a resolution; the same one may be sent again when no reply came."""
        return await self._client.post_once(ask_for("resolve_hit", subset=subset), resolution)

    async def propose(self, subset: str, proposal: bytes) -> bytes:
        """The signed receipt of a proposal; the same proposal may be sent again when no reply came."""
        return await self._client.post_once(ask_for("propose", subset=subset), proposal)

    async def proposal(self, subset: str, proposal_id: str) -> bytes:
        """What became of our proposal."""
        return await self._client.get(ask_for("proposal", subset=subset, proposal_id=proposal_id))

    async def withdraw_proposal(self, subset: str, proposal_id: str) -> bytes:
        """Take back what waits of our proposal; this may be asked again when no reply came."""
        ask = ask_for("withdraw_proposal", subset=subset, proposal_id=proposal_id)
        return await self._client.post_once(ask, b"")

    async def disclosed_lookup(self, subset: str, query: bytes) -> bytes:
        """Which values are near an entry; not repeated once sent, because each counts."""
        return await self._client.post_once(ask_for("disclosed_lookup", subset=subset), query)

    async def enrol(self, request: EnrolmentRequest) -> EnrolmentReply:
        """Register our keys; not repeated once sent, because it uses the invitation up."""
        body = await self._client.post_once(ask_for("enrol"), request.to_bytes())
        return self._read(EnrolmentReply.from_bytes, body)

    async def renew(self, subset: str, request: RenewalRequest) -> RenewalReply:
        """Let our next key count; `request` is signed with both."""
        body = await self._client.post_once(ask_for("renew_key", subset=subset), request.to_bytes())
        return self._read(RenewalReply.from_bytes, body)

    def _read(self, reply: Callable[[bytes], Reply], body: bytes) -> Reply:
        """Raises `VerificationError`: callers go on where a node fails, and what cannot be read is one way."""
        try:
            return reply(body)
        except ProtocolError as exc:
            raise VerificationError(
                "{node} sent a reply that cannot be read: {reason}", self._node, exc
            ) from exc

    def _log(self, origin: str) -> tuple[str, str]:
        """(`list` or `subset`, name) of a log of this node."""
        for kind in ("list", "subset"):
            prefix = f"{self._node}/{kind}s/"
            if origin.startswith(prefix) and len(origin) > len(prefix):
                return kind, origin[len(prefix) :]
        raise NotFoundError("{origin} is not a log of {node}", origin, self._node)


def _from(ask: Ask, first: int) -> Ask:
    """The same bundle without its first entries."""
    return replace(ask, path=f"{ask.path}?first={first}") if first else ask


def _bundle(index: int, width: int) -> str:
    return entries_path(index, width).removeprefix("tile/entries/")
