"""Where the hits of a partner's client are, for commands that only read them."""

from node.partner.hits import HitSpool, SpooledHit
from node.partner.state import PartnerFolder
from node.runtime.home import Home


def hit_spool(home: Home) -> HitSpool:
    """The hits of the partner in `home`."""
    return HitSpool(home.partner / "hits")


def hits(home: Home) -> list[SpooledHit]:
    """All hits, oldest first; raises `NotInitialisedError`."""
    PartnerFolder(home.partner).load()
    return hit_spool(home).ls()
