"""`sigfed evidence verify` of a hit: what the file proves, as programs read it."""

from typing import TYPE_CHECKING

from node.cli.output import Fact
from protocol.event import collection_name

if TYPE_CHECKING:
    from protocol.hit_evidence.verify import HitFinding


def hit_facts(found: "HitFinding") -> dict[str, Fact]:
    """What the evidence of a hit proves, as fields of a result."""
    fields: dict[str, Fact] = {
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
            }
            for each in found.backings
        ],
        "cosigned_by": list(found.cosigned_by),
    }
    return fields
