"""Partners that may ask privately: more takes two persons, less one."""

from dataclasses import dataclass
from typing import Annotated, Any

from keys.message import Message, marked
from node.acts.act import Act, Done, Field, Node, act
from node.store.accounts.records import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A partner."""

    name: Annotated[str, Field(label=marked("Name of the partner"), argument=True, record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited(Named):
    """Whom to invite, to what."""

    subset: Annotated[str, Field(label=marked("Subset that it may follow"), record=True)]
    files_per_day: Annotated[
        int, Field(label=marked("New files that it looks up a day"), input="number", least=1, record=True)
    ] = 100_000
    agency: Annotated[
        str,
        Field(
            label=marked("Agency that it is for"),
            help=marked("Only for a subset of holdings: a member that may ask here who holds a hash."),
            record=True,
        ),
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota(Named):
    """How often it may ask."""

    files_per_day: Annotated[
        int, Field(label=marked("New files that it looks up a day"), input="number", least=1, record=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure(Named):
    """How many PDQ values it may show."""

    values: Annotated[
        int,
        Field(
            label=marked("PDQ values that it may show a day"),
            option="values-per-day",
            input="number",
            least=0,
            record=True,
        ),
    ]


@act("partner.invite", fresh=True)
def invite(node: Node, given: Invited) -> Done:
    """Make the one string with which a partner enrols; it is shown once."""
    from node.partners.admission import Admission

    identity = node.identity
    with node.store.read() as unit:
        shared = unit.subsets.get(given.subset).filter
    admission = Admission(node.store, identity.trust, clock=identity.clock, entropy=identity.entropy)
    made = admission.invite(
        given.name,
        given.subset,
        files_per_day=given.files_per_day,
        screen_bits=shared.screen_bits,
        agency=given.agency,
    )
    return Done(
        said=Message("{name} is invited", given.name),
        facts={
            "partner": given.name,
            "subset": given.subset,
            "agency": given.agency,
            "invitation": made.text,
            "evaluations_per_day": made.evaluations_per_day,
            "candidates_per_day": made.candidates_per_day,
            "odds": shared.odds(),
            "worst_odds": shared.odds(shared.most_values),
            "days": made.days,
        },
        once="invitation",
        notes=(
            f"This string enrols {given.name} once, within {made.days} days. Hand it over by a channel you trust:",
            "whoever has it first is the partner. It is not stored in the clear and cannot be shown again.",
            (
                f"Its {made.evaluations_per_day:,} evaluations a day decide about {made.candidates_per_day:,}"
                " hashes of its choice: the screen clears the rest."
            ),
        ),
        following=(
            f"{given.agency} runs: sigfed holders join"
            if given.agency
            else "the partner runs: sigfed enroll",
        ),
    )


@act(
    "partner.quota",
    title=marked("Change the quota"),
    explains=marked(
        "Less takes effect at once. More lets somebody test more hashes, so a second person decides."
    ),
    fresh=True,
)
def quota(node: Node, given: Quota) -> Done | Request:
    """Change how often a partner may ask: less at once, more when a second person approves it."""
    from node.access.grants import PartnerTerms, quota_payload

    terms = PartnerTerms(node.store)
    held, wanted = terms.evaluations(given.name, given.files_per_day)
    candidates = terms.candidates(given.name, wanted)
    if wanted > held:
        return Request(
            kind="partner.quota",
            subject=Message(
                "{name} may ask for {count} evaluations a day (now: {held})",
                given.name,
                _number(wanted),
                _number(held),
            ),
            payload=quota_payload(given.name, wanted),
        )
    terms.lower(given.name, wanted)
    return Done(
        said=Message("{name} may ask for {count} evaluations a day", given.name, _number(wanted)),
        facts={"partner": given.name, "evaluations_per_day": wanted, "candidates_per_day": candidates},
        notes=(f"they decide about {candidates:,} hashes",),
    )


@act(
    "partner.disclose",
    title=marked("Change it"),
    explains=marked(
        "A partner may show PDQ values in the clear to learn which are near an entry. Fewer takes effect at once; more,"
        " and letting it go on after it was stopped, takes a second person."
    ),
    fresh=True,
)
def disclose(node: Node, given: Disclosure) -> Done | Request:
    """Let a partner show PDQ values and learn what is near: fewer at once, more when a second person approves."""
    from node.access.disclosure import DisclosureTerms, asked_words, disclosure_payload

    name, values = given.name, given.values
    terms = DisclosureTerms(node.store, node.identity.clock)
    held = terms.get(name)
    if terms.widens(name, values):
        off = "this node answers none before sigfed.toml says so: [disclosed_lookup] enabled"
        return Request(
            kind="partner.disclose",
            subject=asked_words(name, values, held),
            payload=disclosure_payload(name, values),
            following=() if node.identity.settings.disclosed_lookup.enabled else (off,),
        )
    terms.lower(name, values)
    return Done(
        said=Message("{name} may show {count} PDQ values a day", name, _number(values)),
        facts={"partner": name, "values_per_day": values},
    )


@act(
    "partner.suspend",
    title=marked("Suspend"),
    explains=marked("Refuse it from now on: a stolen key, a contract that ended. It can be let in again."),
)
def suspend(node: Node, given: Named) -> Done:
    """Refuse a partner from now on, or make its unused invitation void; a token counts for 30 seconds more at most."""
    from node.access.grants import PartnerTerms

    void = PartnerTerms(node.store).suspend(given.name)
    return Done(
        said=Message("The invitation of {name} is void", given.name)
        if void
        else Message("{name} is refused; a token it has counts for 30 seconds more at most", given.name),
        facts={"partner": given.name, "suspended": True, "enrolled": not void},
        following=(
            f"sigfed partner invite {given.name}, if it is to have another"
            if void
            else f"sigfed partner resume {given.name}",
        ),
    )


@act(
    "partner.resume",
    title=marked("Resume"),
    explains=marked("Let it ask again, with the key that it has."),
    fresh=True,
)
def resume(node: Node, given: Named) -> Done:
    """Let a suspended partner ask again, with the key it has."""
    from node.access.grants import PartnerTerms

    PartnerTerms(node.store).resume(given.name)
    return Done(
        said=Message("{name} may ask again", given.name), facts={"partner": given.name, "suspended": False}
    )


ACTS: tuple[Act[Any], ...] = (suspend, resume, quota, disclose)


def _number(count: int) -> str:
    return f"{count:,}"
