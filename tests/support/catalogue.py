"""The console's sentences, found where they stand, and their translations.

    python tests/support/catalogue.py          take new sentences into the catalogue, drop old ones

A sentence stands in a template (`{% trans %}`, `_()`), in Python as an argument of `_`, in an error or a message, or is
a title or a name that a template translates when it shows it: those are collected from the tables that hold them. What
the console says itself is translated, all of it; of what errors and messages elsewhere say, what people of the console
meet: the inside of a node stays English.
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import jinja2.ext
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

sys.path.insert(0, str(Path(__file__).parents[1]))  # `support`, where this is run as a program

from keys.roles import ROLES
from keys.trust.lifecycle import Stage
from node.app.health.checks import CHECKS
from node.app.health.storage import StoragePart
from node.console.hoster.surface import PAGES as PARTNER_PAGES
from node.console.pages.health import _WORDS
from node.console.pages.keys.rows import PURPOSES
from node.console.parts import Section
from node.console.surface import PAGES
from node.hoster.hits.instructions import FOUND, UNDO
from node.judgement.history import What
from node.partners.hits.instructions import UNDO_REPORT
from node.store.accounts.records import Outcome, PersonRole
from node.store.peers.records import EvidenceKind
from node.web.problems import HTTP_PROBLEMS, PROBLEMS
from protocol.statement.resolution import Action
from support.messages import said

CONSOLE = Path(__file__).parents[2] / "node" / "console"
LOCALE = CONSOLE / "locale"
_KEYWORDS = {
    "_": None,
    "marked": None,
    "Message": (1,),
    "counted": (1, 2),
    "gettext": None,
    "translated": None,
    "ngettext": (1, 2),
    "translated_plural": (1, 2),
    "plural": (1, 2),
    "waits": (3, 4),
}
_HEADER = (
    "# The console in another language. Take new sentences in with: python tests/support/catalogue.py\n#"
)


_PLURALS = {"fr": "nplurals=2; plural=(n > 1);"}
_DAY = datetime(2026, 11, 26, tzinfo=UTC)
"""Of every catalogue, so that the same sentences make the same file."""


def po_file(language: str) -> Path:
    """Where people translate, and what the program reads."""
    return LOCALE / language / "LC_MESSAGES" / "console.po"


def template(language: str) -> Catalog:
    """Every sentence of the console, and those of services that are translated; untranslated."""
    found = Catalog(project="sigfed", charset="utf-8", header_comment=_HEADER)
    for name, line, message in _written():
        found.add(
            message, locations=[(name, line)], flags=["python-brace-format"] if "{" in str(message) else []
        )
    for message in (*_tabled(), *_said(read(language))):
        found.add(message, flags=["python-brace-format"] if "{" in str(message) else [])
    return found


def read(language: str) -> Catalog:
    """A catalogue as it is kept; an empty one where there is none."""
    path = po_file(language)
    if not path.exists():
        made = Catalog(
            locale=language, project="sigfed", charset="utf-8", header_comment=_HEADER, fuzzy=False
        )
        made.mime_headers = [("Plural-Forms", _PLURALS[language])]
        return made
    with path.open("rb") as file:
        return read_po(file, locale=language)


def _written() -> Iterator[tuple[str, int, str | tuple[str, ...]]]:
    for path in sorted(CONSOLE.rglob("*.html")):
        with path.open("rb") as file:
            options = {"trimmed": "true", "silent": "false", "extensions": "jinja2.ext.do"}
            for line, function, message, _ in jinja2.ext.babel_extract(file, list(_KEYWORDS), (), options):
                plural = "ngettext" in (function or "")
                texts = message if isinstance(message, tuple) else (message,)
                kept = tuple(text for text in texts if isinstance(text, str))
                if kept:
                    yield path.name, line, kept[:2] if plural else kept[0]
    for path in sorted([*CONSOLE.rglob("*.py"), *(CONSOLE.parent / "acts").glob("*.py")]):
        with path.open("rb") as file:
            for line, message, _, _ in extract("python", file, keywords=_KEYWORDS):
                yield path.name, line, message


def check_names() -> Iterator[str]:
    """Under which a check of the node finds something, where that is not the check's own name."""
    for name in ("app/health/checks.py", "group/check.py"):
        yield from re.findall(r'Check\(\s*"([a-z ]+)"', (CONSOLE.parent / name).read_text(encoding="utf-8"))


def _said(kept: Catalog) -> Iterator[str | tuple[str, str]]:
    """What errors and messages say: in the console all of it, elsewhere what is translated."""
    for each in said():
        for text in each.ids:
            translated = kept.get(text if isinstance(text, str) else text[0])
            if each.path.startswith(("node/acts/", "node/console/")) or (translated and translated.string):
                yield text


def _tabled() -> Iterator[str]:
    """Names that stand in tables and are translated when they are shown."""
    yield from (page.title for page in PAGES)
    yield from (page.title for page in PARTNER_PAGES)
    yield from (section.value for section in Section if section.value)
    yield from PURPOSES.values()
    yield from (FOUND, UNDO, UNDO_REPORT)
    yield from (stage.value for stage in Stage)
    yield from (role.value for role in PersonRole)
    yield from (info.signs for info in ROLES.values())
    yield from (action.name.lower().replace("_", " ") for action in Action)
    yield from (kind.value for kind in EvidenceKind)
    yield from ("open", "overdue", "disputed", "resolved", "closed")  # `node.partners.hits.overview`
    yield from (outcome.value for outcome in Outcome if outcome is not Outcome.OPEN)
    yield from ("expired",)
    yield from (what.value for what in What)
    yield from ("requested", "begun", "proposed", "partly", "copied", "tripwire")  # outcomes of acts
    yield from ("enrolment", "list", "state", "waiting", "witnesses")  # checks of `node.hoster.status`
    yield from (name for name in (*CHECKS, *StoragePart, *check_names()) if name not in _WORDS)
    yield from (problem.title for problem in (*PROBLEMS.values(), *HTTP_PROBLEMS.values()))


def update(language: str) -> Catalog:
    """Take new sentences in and old ones out; what is translated stays."""
    kept = read(language)
    new = template(language)
    for message in [each for each in kept if each.id and each.id not in new]:
        sys.stdout.write(f"{language}: dropped {message.id!r}, which was {message.string!r}\n")
    kept.update(new, no_fuzzy_matching=True)
    kept.obsolete.clear()
    kept.fuzzy, kept.creation_date, kept.revision_date = False, _DAY, _DAY
    path = po_file(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, kept, width=120, sort_output=True, no_location=True, include_previous=False)
    return kept


if __name__ == "__main__":
    for each in ("fr",):
        catalogue = update(each)
        missing = [message.id for message in catalogue if message.id and not message.string]
        sys.stdout.write(f"{each}: {len(catalogue)} sentences, {len(missing)} to translate\n")
        others = {text for found in said() for text in found.ids if text not in catalogue}
        sys.stdout.write(f"{each}: {len(others)} sentences of services stay English\n")
