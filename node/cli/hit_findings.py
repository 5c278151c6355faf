"""`sigfed evidence verify` of a hit: what the file proves, in words, and what it does not."""

from typing import TYPE_CHECKING

from node.cli.output import Fact
from node.cli.session import Session
from node.cli.times import moment
from protocol.event import collection_name
from protocol.hit_evidence.verify import NOT_PROVEN, verify_hit

if TYPE_CHECKING:
    from protocol.hit_evidence.verify import Backing, HitFinding


def tell_hit(here: Session, data: bytes, pinned: bytes) -> None:
    """Judge the evidence from the node's fingerprint alone; raises what `verify_hit` raises."""
    found = verify_hit(data, pinned)
    here.output.result(_facts(found), *_lines(found))
    here.output.talk("not proven:", *(f"  {each}" for each in NOT_PROVEN))
    here.output.following("compare the words with another member, if you had them from the node alone")


def _facts(found: "HitFinding") -> dict[str, Fact]:
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


def _lines(found: "HitFinding") -> list[str]:
    kind, collection = found.digest.algorithm.name.lower(), collection_name(found.collection)
    return [
        f"verified: the reported {kind} hash was listed as {collection}: release {found.version} of {found.subset}",
        f"  reported by {found.partner}, received {moment(found.received_ms)}",
        *map(_backing, found.backings),
        f"  rule: {found.k} countries, or an authority; met",
        f"  the release log is cosigned by {', '.join(found.cosigned_by) or 'none of these members'}",
    ]


def _backing(each: "Backing") -> str:
    who = f"{each.node} ({each.country or 'of no country'}{', an authority' if each.authority else ''})"
    basis = {"own": "it holds the material", "reviewed": "its analysts examined the material"}
    words = basis[each.basis.name.lower()]
    return f"  {who}: {each.origin}, entry {each.index}, {words}, since {moment(each.since_ms)}"
