"""Hits and cases of an opened node: what its server offers partners, and what its people do with them."""

from functools import partial
from typing import TYPE_CHECKING

from keys.key import StatementPrivateKey
from keys.signer import Signer
from node.access.quotas import Quotas
from node.identity.identity import Identity
from node.partners.hits.cases import Casework
from node.partners.hits.floods import FloodLimits, FloodWatch
from node.ports.evaluator import Evaluator
from node.store.store import Store
from node.subsets.epochs import Epochs

if TYPE_CHECKING:
    from node.partners.hits.service import ServedHits


def served_hits(identity: Identity, store: Store, evaluator: Evaluator, epochs: Epochs) -> "ServedHits":
    """What this node's server offers partners about their hits, in these epochs."""
    from node.partners.hits.ends import Ends  # noqa: PLC0415 - who looks at cases serves nobody
    from node.partners.hits.evidence import Proving  # noqa: PLC0415
    from node.partners.hits.reports import Reporting  # noqa: PLC0415
    from node.partners.hits.resolutions import Resolving  # noqa: PLC0415
    from node.partners.hits.service import ServedHits  # noqa: PLC0415

    signer = partial(statement_key, identity)  # asked each time: it may have been replaced since
    reporting = Reporting(
        store,
        Quotas(store),
        evaluator,
        identity.clock,
        epochs=epochs,
        roots=identity.trust.roots,
        signer=signer,
        floods=flood_watch(identity, store),
    )
    proving = Proving(store, identity.trust, identity.trust_files, identity.introductions, signer=signer)
    resolving = Resolving(store, identity.clock, node=identity.settings.node, signer=signer)
    return ServedHits(
        reporting=reporting,
        proving=proving,
        casework=casework(identity, store),
        resolving=resolving,
        ends=Ends(store, identity.trust, signer=signer),
    )


def casework(identity: Identity, store: Store) -> Casework:
    """The cases of this node."""
    return Casework(store, identity.clock, days=identity.settings.cases.answer_days)


def flood_watch(identity: Identity, store: Store) -> FloodWatch:
    """What looks for entries that are reported far more often than others."""
    settings = identity.settings.floods
    limits = FloodLimits(reports=settings.reports, partners=settings.partners, hours=settings.hours)
    return FloodWatch(store, identity.clock, limits)


def statement_key(identity: Identity) -> Signer:
    """The key that signs receipts and answers."""
    return identity.signer(StatementPrivateKey)
