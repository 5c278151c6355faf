"""Witnesses of an opened node: its own, those it asks, and what it asks of others before it follows them."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache, partial
from typing import TYPE_CHECKING, NoReturn

from keys.trust.node_document import NodeDocument
from node.errors import NotFoundError, StoreError
from node.identity.identity import Identity
from node.identity.restore_mark import refuse_rolled_back, require_joined
from node.store.store import Store
from node.trust.others.documents import member_documents
from node.witnesses.standings import Cosigned, Standings

if TYPE_CHECKING:  # who looks at standings neither cosigns nor follows
    from node.peers.sync.requirements import Requiring
    from node.witnesses.cosignatures import Cosigning
    from node.witnesses.witness import Cosigner, Witness
    from protocol.api import WitnessApi


def own_witness(identity: Identity, store: Store) -> "Witness | None":
    """This node as a witness; None when its document names no witness.

    Raises:
        RestoredError: the home came out of a backup; what was cosigned since is not known here.
    """
    require_joined(identity.home)
    if identity.trust.document().witness is None:
        return None
    from node.witnesses.witness import Witness  # noqa: PLC0415 - see above

    return Witness(store, identity.clock, node=identity.settings.node, cosigner=lambda: _cosigner(identity))


def _cosigner(identity: Identity) -> "Cosigner":
    info = identity.trust.document().witness
    if info is None:
        raise NotFoundError("this node is no witness any more")
    return identity.cosigner(info.name)


def requiring(identity: Identity, store: Store) -> "Requiring":
    """What this node asks of a peer's head; its own witness's key is opened when it is needed first."""

    @cache
    def witness() -> "Witness | None":
        return own_witness(identity, store)

    def forgot(words: str) -> NoReturn:
        refuse_rolled_back(identity.home, words, now=identity.clock.now())

    from node.peers.sync.requirements import Requiring  # noqa: PLC0415 - see above

    return Requiring(
        store=store,
        node=identity.settings.node,
        members=identity.trust.members,
        documents=lambda: _documents(identity, store),
        witness=witness,
        forgot=forgot,
        max_age=identity.settings.guards.max_checkpoint_age,
        quorum=identity.settings.witnesses.required,
    )


def own_standings(identity: Identity, store: Store) -> Standings:
    """How the newest heads of this node's logs stand with their witnesses."""
    return Standings(
        store=store,
        clock=identity.clock,
        node=identity.settings.node,
        members=identity.trust.members,
        documents=lambda: _documents(identity, store),
        goes_on=partial(_goes_on, identity),
        max_age=identity.settings.guards.max_checkpoint_age,
        quorum=identity.settings.witnesses.required,
    )


def _goes_on(identity: Identity, origin: str) -> bool:
    try:
        return identity.given_up_at(origin) is None
    except StoreError:  # doctor tells of a damaged state; the log's head is out all the same
        return True


def cosigning(identity: Identity, store: Store) -> "Cosigning":
    """The witnesses of this node's logs."""
    from node.witnesses.cosignatures import Cosigning  # noqa: PLC0415 - see above

    return Cosigning(own_standings(identity, store), lambda document: reach_witness(identity, document))


async def cosign_own(identity: Identity, store: Store) -> dict[str, Cosigned]:
    """Have the newest heads of all own logs cosigned; how each stands, by origin."""
    return {one.origin: one for one in await cosigning(identity, store).collect()}


def reach_witness(identity: Identity, document: NodeDocument) -> "AbstractAsyncContextManager[WitnessApi]":
    """A connection to the witness that a document names, pinned to the keys in it.

    Raises:
        NotFoundError: it names none.
    """
    if document.witness is None:
        raise NotFoundError("{node} names no witness", document.node)
    from node.remote.proxy import proxy_of  # noqa: PLC0415 - who looks at standings connects to nobody
    from node.remote.witness import RemoteWitness  # noqa: PLC0415 - who looks at standings connects to nobody

    return RemoteWitness(
        node=document.node,
        base_url=document.witness.url,
        pins=document.pins,
        entropy=identity.entropy,
        proxy=proxy_of(identity.settings.outbound),
    )


def _documents(identity: Identity, store: Store) -> Mapping[str, NodeDocument]:
    return member_documents(store, identity.introductions, identity.trust)
