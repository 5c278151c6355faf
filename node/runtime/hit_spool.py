"""Where the hits of a partner's client are, and the files that wait for a verdict, for whoever only reads them."""

from node.partner.hits import HitSpool, SpooledHit
from node.partner.state import PartnerFolder
from node.partner.unconfirmed import UnconfirmedFolder
from node.runtime.home import Home


def hit_spool(home: Home) -> HitSpool:
    """The hits of the partner in `home`."""
    return HitSpool(home.partner / "hits")


def unconfirmed_files(home: Home) -> UnconfirmedFolder:
    """The files of the partner in `home` that could not be looked up yet."""
    return UnconfirmedFolder(home.partner / "unconfirmed")


def hits(home: Home) -> list[SpooledHit]:
    """All hits, oldest first; raises `NotInitialisedError`."""
    PartnerFolder(home.partner).load()
    return hit_spool(home).ls()
