"""The own session: who it is for, when it ends, in which language."""

from dataclasses import dataclass
from typing import Final

from node.access.sessions import Visitor
from node.console.hoster.world import EVERYBODY, PartnerWorld
from node.console.languages import require_language
from node.console.parts import Action, Led, Page, Section, Values

_ACCOUNT: Final = "/console/account"


@dataclass(frozen=True, slots=True)
class Own:
    """What the page shows."""

    ends_ms: int


def gather(world: PartnerWorld, visitor: Visitor, _: Values) -> Own:
    """What is the visitor's own."""
    return Own(world.sessions.ends_ms(visitor))


def speak(world: PartnerWorld, visitor: Visitor, form: Values) -> Led:
    """Choose a language for this session."""
    language = form.text("language")
    require_language(language)
    world.sessions.speak(visitor, language)
    return Led(_ACCOUNT, "")


PAGES: Final = (
    Page(
        name="account", path=_ACCOUNT, title="My session", gather=gather, section=Section.OWN, roles=EVERYBODY
    ),
)

ACTIONS: Final = (
    Action(name="language", path="/console/account/language", page="account", act=speak, roles=EVERYBODY),
)
