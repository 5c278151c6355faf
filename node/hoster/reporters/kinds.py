"""Which kinds of reporters there are: those of this package, and those that installed packages bring.

A package of another's cannot take the name of one that is here: whoever configured `ncmec` gets that one.
"""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from keys.message import Message
from node.errors import ConfigError
from node.hoster.reporters.cybertip import CyberTipline
from node.hoster.reporters.webhook import Webhook
from node.ports.reporters import ENTRY_POINTS, MakeReporter

OWN: Final[Mapping[str, MakeReporter]] = {"ncmec": CyberTipline, "webhook": Webhook}


def maker(kind: str) -> MakeReporter:
    """What makes reporters of a kind.

    Raises:
        ConfigError: there is no such kind, two packages bring it, or the one that does cannot be loaded.
    """
    if kind in OWN:
        return OWN[kind]
    found = [*entry_points(group=ENTRY_POINTS, name=kind)]
    if len(found) != 1:
        what = "two installed packages bring" if found else "no installed package brings"
        kinds = ", ".join(sorted({*OWN, *entry_points(group=ENTRY_POINTS).names}))
        raise ConfigError(
            "{what} a reporter of kind {kind}", what, kind, hint=Message("there are: {kinds}", kinds)
        )
    return _loaded(found[0])


def _loaded(point: EntryPoint) -> MakeReporter:
    try:
        made: MakeReporter = point.load()
    except Exception as exc:
        raise ConfigError(
            "the reporter {name} cannot be loaded: {kind}",
            point.name,
            type(exc).__name__,
            hint=Message("it is {version}; tell the maker of its package", point.value),
        ) from exc
    return made
