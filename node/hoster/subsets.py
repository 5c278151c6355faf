"""The subsets that a partner's home follows, each with an enrolment, a quota, a cover and a state of its own."""

from collections import Counter
from collections.abc import Sequence

from keys.message import Message
from node.errors import UsageError
from node.home import Home
from node.hoster.folder import PartnerFolder


def names_of(homes: Sequence[Home]) -> tuple[str, ...]:
    """What `chosen` takes for each of a client's homes, in their order: no two alike.

    Raises as `PartnerFolder.load`.
    """
    enrolments = [PartnerFolder(home.partner).load()[0] for home in homes]
    often = Counter(enrolment.subset for enrolment in enrolments)
    return tuple(each.origin if often[each.subset] > 1 else each.subset for each in enrolments)


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
            "this home follows {count} subsets named {name}",
            len(found),
            name,
            hint=Message("it follows: {origins}", origins),
        )
    return found[0]
