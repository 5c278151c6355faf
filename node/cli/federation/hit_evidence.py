"""`sigfed evidence verify` of a hit: what the file proves, as programs read it."""

from typing import TYPE_CHECKING

from keys.trust.fingerprint import to_words
from node.fields import Fact
from protocol.lists.event import collection_name

if TYPE_CHECKING:
    from protocol.hit_evidence.verify import Backing, HitFinding


def hit_facts(found: "HitFinding") -> dict[str, Fact]:
    """What the evidence of a hit proves, as fields of a result."""
    return {
        "kind": "hit",
        "node": found.node,
        "subset": found.subset,
        "version": found.version,
        "partner": found.partner,
        "report": found.report_id.hex(),
        "received_ms": found.received_ms,
        "algorithm": found.digest.algorithm.name.lower(),
        "collection": collection_name(found.collection),
        "k": found.k,
        "backings": [
            {
                "node": each.node,
                "country": each.country,
                "authority": each.authority,
                "list": each.origin,
                "index": each.index,
                "basis": each.basis.name.lower(),
                "since_ms": each.since_ms,
                "root": to_words(each.root_sha256),
                "pinned": each.pinned,
                "revocations": _known(each),
            }
            for each in found.backings
        ],
        "cosigned_by": list(found.cosigned_by),
        "existed_ms": found.existed_ms,
        "revocations": _known(found),
    }


def _known(found: "HitFinding | Backing") -> str:
    """`unknown`, `beside` for what is known by another file than this, or the end of what lists them."""
    if not found.revocations_known:
        return "unknown"
    return "beside" if found.revocations_until is None else f"{found.revocations_until:%Y-%m-%dT%H:%M:%SZ}"
