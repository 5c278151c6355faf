"""Disclosed look-ups of a partner's client: switched on in `partner.toml`, over the connection to its node."""

from node.errors import UsageError
from node.home import Home
from node.hoster.connection import reach_own_node
from node.hoster.folder import PartnerFolder
from node.hoster.lookup.disclosure import Disclosed, Shown
from node.hoster.lookup.disclosure import disclose as show
from node.hoster.settings import load_partner_settings
from node.hoster.trust.node import known


def require_switched_on(home: Home) -> str:
    """The node that would see the values; raises `UsageError` where `partner.toml` does not allow it."""
    enrolment, _ = PartnerFolder(home.partner).load()
    if not load_partner_settings(home.folder).disclosed_lookup.enabled:
        raise UsageError(
            "disclosed look-ups are off: they show values of your pictures to the agency, in the clear",
            hint="whoever decides that switches them on in partner.toml: [disclosed_lookup] enabled = true",
        )
    return known(enrolment).document.node


async def disclose(home: Home, shown: Shown) -> Disclosed:
    """Show the values, which somebody agreed to; raises as `require_switched_on`."""
    require_switched_on(home)
    enrolment, _ = PartnerFolder(home.partner).load()
    async with reach_own_node(home, enrolment, again=True) as remote:
        return await show(remote, enrolment.subset, enrolment.origin, shown)
