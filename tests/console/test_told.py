"""What services say, in the language of the page: every template stands in the code, and finds its own sentences."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from node.console.languages import speak, translated
from node.console.sentences import SENTENCES
from node.console.told import told

_ROOT = Path(__file__).parents[2]
_FIELD = re.compile(r"\{[^}]*\}")
_BUILT = {
    "deleted here",
    "nothing without end",
    "of the log, no event stays this agency's",
    "of the log, the first 1 event stays this agency's",
    "of the log, the first {count} events stay this agency's",
    "peers delete with their next sync: sigfed shredding ls",
    "hit {id} and {count} more: {words_reason}",
    "hit {id}: {words_reason}",
    "{list}: {before} → {after} events, {added} added, {withdrawn} withdrawn, verified",
    "{list}: {count} events, nothing new",
    "{name} may show {count} PDQ values a day (now: {held})",
    "{name} may show {count} PDQ values a day (now: {held}), and go on after it was stopped",
    "{names} ({algorithms} only) until {time}",
    "{names} ({algorithms} only) without end",
    "{names} until {time}",
    "{names} without end",
    "{node} does not allow this",
    "{node} has no such thing",
    "{node}: did not answer in time",
    "{node}: no node document of it is held",
    "{member}: {node} cannot be reached: {reason}",
}
"""Put together from parts where they are made, or a part of one."""


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    speak("en")


@cache
def _written() -> frozenset[str]:
    """Every text of the program, with `{}` for what is filled in."""
    folders = (_ROOT / name for name in ("node", "keys", "protocol"))
    files = (path for folder in folders for path in folder.rglob("*.py") if path.name != "sentences.py")
    return frozenset(text for path in files for text in _texts(ast.parse(path.read_text(encoding="utf-8"))))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield _FIELD.sub("{}", node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield "".join(map(str, parts))


@pytest.mark.parametrize("template", sorted(set(SENTENCES) - _BUILT))
def test_a_sentence_stands_in_the_code_as_it_does_here(template: str) -> None:
    assert _FIELD.sub("{}", template) in _written(), (
        "what the service says was changed: change it in node/console/sentences.py, too"
    )


@pytest.mark.parametrize("template", SENTENCES)
def test_a_sentence_with_its_values_becomes_its_translation_with_them(template: str) -> None:
    speak("fr")
    sentence, wanted = (_FIELD.sub("7", text) for text in (template, translated(template)))
    assert told(sentence) == wanted


def test_english_pages_say_what_the_service_says() -> None:
    speak("en")
    assert told("there is no person dora") == "there is no person dora"


@pytest.mark.parametrize(
    ("sentence", "french"),
    [
        ("a file {number} is decided already", "a file {number} is decided already"),
        ("file <b>9</b> is decided already", "le fichier <b>9</b> est déjà décidé"),
        ("file  is decided already", "file  is decided already"),
        ("there is no person ", "there is no person "),
        ("nobody thought of this", "nobody thought of this"),
        (
            "the batch after the update was not answered: fr.example asks us to slow down; hit 3f0c and 2 more: gone",
            (
                "le lot qui suit la mise à jour est resté sans réponse : fr.example nous demande de ralentir; "
                "correspondance 3f0c et 2 autres : gone"
            ),
        ),
        ("there is no person " + "x" * 5_000, "there is no person " + "x" * 5_000),
        (
            "nl.example may read baseline, national without end here (now: nothing without end)",
            "nl.example peut lire ici baseline, national sans fin (actuellement : rien)",
        ),
        ("csam: 9 events, nothing new; no lists", "csam : 9 événements, rien de nouveau; pas de liste"),
        ("file {number} is decided already", "le fichier {number} est déjà décidé"),
    ],
)
def test_what_a_sentence_holds_stays_as_it_is(sentence: str, french: str) -> None:
    speak("fr")
    assert told(sentence) == french
