"""Pages in French: which language is chosen, and that nothing is left in English or out of date."""

import string
from collections.abc import Sequence

import pytest

from node.console.languages import accepted
from node.store.accounts.records import PersonRole
from support import catalogue
from support.console import RunningConsole


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("en;q=0.5, fr;q=0.9", "fr"),
        ("de, fr;q=0.1", "fr"),
        ("de-CH, it", "en"),
        ("fr;q=nonsense, en", "en"),
        ("," * 5000, "en"),
    ],
)
def test_the_browsers_first_language_that_there_is(header: str, language: str) -> None:
    assert accepted(header) == language


async def test_a_page_is_written_in_the_language_of_the_browser(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        french = await browser.get("/console/", Accept_Language="fr-FR,fr;q=0.9")
        english = await browser.get("/console/", Accept_Language="en")
    assert '<html lang="fr">' in french.text
    assert "Correspondances" in french.words
    assert "Hits" not in french.words
    assert "Correspondances" not in english.words


def _fields(text: str) -> set[str]:
    """What is filled in: `%(count)s` and `{count}`."""
    plain = text.replace("%(", "{").replace(")s", "}")
    return {name for _, name, _, _ in string.Formatter().parse(plain) if name}


def _texts(message: str | Sequence[str] | None) -> Sequence[str]:
    return (message or "",) if isinstance(message, str | None) else message


@pytest.mark.parametrize("language", ["fr"])
def test_what_is_filled_in_stands_in_the_translation_too(language: str) -> None:
    for message in catalogue.read(language):
        if not message.id:
            continue
        wanted = set().union(*map(_fields, _texts(message.id)))
        for text in _texts(message.string):
            assert _fields(text) <= wanted, message.id
            assert wanted - _fields(text) <= {"num", "count"}, message.id


@pytest.mark.parametrize("language", ["fr"])
def test_the_program_reads_what_people_translated(language: str) -> None:
    assert catalogue.mo_file(language).read_bytes() == catalogue.compiled(language), (
        "compile it: python tests/support/catalogue.py"
    )


@pytest.mark.parametrize("language", ["fr"])
def test_every_sentence_is_translated(language: str) -> None:
    kept = catalogue.read(language)
    shown = {message.id for message in catalogue.template() if message.id}
    assert shown == {message.id for message in kept if message.id}, "run: python tests/support/catalogue.py"
    left = [message.id for message in kept if message.id and not all(_texts(message.string))]
    assert left == []
