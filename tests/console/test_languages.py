"""Pages in French: which language is chosen, and that nothing is left in English or out of date."""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import ClassVar

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from keys.message import Message, pack, unpack
from node.access.grants import grant_words
from node.console.languages import Catalogue, accepted, speak, translated
from node.errors import NodeError
from node.hoster.turns import Turns
from node.peers.sync.reports import ListOutcome, SyncReport
from node.remote.refusals import refusal
from node.store.accounts.records import PersonRole
from protocol.digest import Algorithm
from protocol.lists.grant import NOTHING, Grant
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


@dataclass(frozen=True)
class _Hit:
    KIND: ClassVar[str] = Message("hit")
    id: str


_SLOW = refusal("fr.example", status=429, body=b"")
_STOPPED: Turns[_Hit] = Turns(stopped=_SLOW)
_TWO: Turns[_Hit] = Turns(failed=[(_Hit("3f0c" * 4), _SLOW), (_Hit("00"), NodeError("gone"))])
_NEWS = ListOutcome(origin="nl.example/csam", old_size=9, new_size=1009, adds=1000, quarantined=3)


@pytest.mark.parametrize(
    ("said", "english", "french"),
    [
        (
            NodeError("file {number} is decided already", "<b>{0}</b>").message,
            "file <b>{0}</b> is decided already",
            "le fichier <b>{0}</b> est déjà décidé",
        ),
        (NodeError("nobody thought of {this}", "it").message, "nobody thought of it", "nobody thought of it"),
        (
            _STOPPED.problem,
            "fr.example asks us to slow down: ask again in 1 minute",
            "fr.example nous demande de ralentir : redemandez dans 1 minute",
        ),
        (
            _TWO.problem,
            "hit 3f0c3f0c and 1 more: fr.example asks us to slow down: ask again in 1 minute",
            "correspondance 3f0c3f0c et 1 autres : fr.example nous demande de ralentir : redemandez dans 1 minute",
        ),
        (
            grant_words(Grant(collections=frozenset({1}), algorithms=frozenset({Algorithm.MD5}))),
            "baseline (md5 only) without end",
            "baseline (md5 seulement) sans fin",
        ),
        (grant_words(NOTHING), "nothing without end", "rien"),
        (SyncReport(peer="nl.example").words, "no lists", "pas de liste"),
        (
            SyncReport(peer="nl.example", lists=(_NEWS,), error=_SLOW).words,
            (
                "csam: 9 → 1,009 events, 1,000 added, 0 withdrawn, 3 set aside, verified; "
                "fr.example asks us to slow down: ask again in 1 minute"
            ),
            (
                "csam : 9 → 1 009 événements, 1 000 ajoutés, 0 retirés, 3 mis de côté, vérifiés; "
                "fr.example nous demande de ralentir : redemandez dans 1 minute"
            ),
        ),
    ],
)
def test_what_a_service_says_is_said_in_french_also_after_it_was_kept(
    said: str, english: str, french: str
) -> None:
    kept = unpack(pack(said, 1024))
    assert (said, kept, translated(said)) == (english, english, english)
    speak("fr")
    assert (translated(said), translated(kept)) == (french, french)


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
    read = Catalogue(catalogue.po_file(language).read_text(encoding="utf-8"))
    for message in catalogue.read(language):
        if isinstance(message.id, str):
            assert read.gettext(message.id) == message.string
        else:
            one, many = message.id
            assert tuple(read.ngettext(one, many, number) for number in (1, 2)) == message.string


@pytest.mark.parametrize(
    ("english", "french"),
    [("plain", "simple"), ('a "quoted"\n\tpath \\', 'un « cité »\n\tchemin \\ "'), ("left", "left")],
)
def test_a_sentence_is_read_as_it_was_written(english: str, french: str) -> None:
    kept = Catalog(locale="fr")
    kept.add(english, "" if english == french else french)
    kept.add(("{count} thing", "{count} things"), ("{count} chose", "{count} choses"))
    file = BytesIO()
    write_po(file, kept, width=20)
    read = Catalogue(file.getvalue().decode())
    assert read.gettext(english) == french
    assert [read.ngettext("{count} thing", "{count} things", number)[-1] for number in (0, 1, 2)] == list(
        "ees"
    )
    assert [read.ngettext("one", "many", number) for number in (1, 0)] == ["one", "many"]


@pytest.mark.parametrize("language", ["fr"])
def test_every_sentence_is_translated(language: str) -> None:
    kept = catalogue.read(language)
    shown = {message.id for message in catalogue.template(language) if message.id}
    assert shown == {message.id for message in kept if message.id}, "run: python tests/support/catalogue.py"
    left = [message.id for message in kept if message.id and not all(_texts(message.string))]
    assert left == []
