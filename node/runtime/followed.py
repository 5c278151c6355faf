"""The subsets that a partner's home follows, each with an enrolment, a quota, a cover and a state of its own."""

from node.errors import UsageError
from node.partner.state import PartnerFolder
from node.runtime.home import Home


def subset_of(home: Home) -> str:
    """The name of the subset that is followed; raises as `PartnerFolder.load`."""
    return PartnerFolder(home.partner).load()[0].subset


def chosen(home: Home, name: str) -> Home:
    """The home for the one subset of this name, or of this origin where agencies have named two alike.

    Raises:
        NotInitialisedError: nobody is enrolled there.
        UsageError: it follows none, or several, of that name.
    """
    enrolments = [(each, PartnerFolder(each.partner).load()[0]) for each in home.followed]
    found = [each for each, enrolment in enrolments if name in {enrolment.subset, enrolment.origin}]
    if len(found) != 1:
        origins = ", ".join(enrolment.origin for _, enrolment in enrolments)
        raise UsageError(
            f"this home follows {len(found)} subsets named {name}", hint=f"it follows: {origins}"
        )
    return found[0]
