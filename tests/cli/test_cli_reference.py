"""The command reference says what the commands are, and the pages name no command that does not exist."""

import json
import re
from pathlib import Path

import pytest

from support.cli_reference import (
    END,
    MARK,
    PAGE,
    ROOT,
    commands,
    described,
    options,
    renewed,
    results,
    sections,
)
from support.tour import blocks

TEXT = PAGE.read_text(encoding="utf-8")
COMMANDS = commands()
SECTIONS = sections(TEXT)
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
INLINE = re.compile(r"`(sigfed [^`]+)`")


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_is_documented_as_it_is(words: str) -> None:
    assert words in SECTIONS, "python tests/support/cli_reference.py"
    said = SECTIONS[words].partition(MARK + "\n")[2].partition(END)[0]
    assert said == described(words, COMMANDS[words]), "python tests/support/cli_reference.py"


def test_no_command_is_documented_that_does_not_exist() -> None:
    assert set(SECTIONS) == set(COMMANDS)


def test_every_option_explains_itself() -> None:
    silent = [
        (words, param.name)
        for words, command in COMMANDS.items()
        for param in command.params
        if not param.help
    ]
    assert silent == []


def test_every_command_says_what_it_does_in_a_sentence() -> None:
    assert [words for words, command in COMMANDS.items() if not command.help.rstrip().endswith(".")] == []


def test_writing_the_reference_again_changes_nothing() -> None:
    assert renewed(TEXT) == TEXT


def test_every_json_line_has_the_fields_that_are_documented() -> None:
    shown = [json.loads(line) for _, lines in blocks(TEXT, "json") for line in lines]
    documented = {frozenset(fields) for fields in shown}
    whole, partly = results()
    assert whole - documented == set(), "no section shows these lines"
    stale = {line for line in documented - whole if not any(part < line for part in partly)}
    assert stale == set(), "no command prints these lines"


def _words(line: str) -> list[str]:
    return [word for word in re.sub(r"\$\(.*?\)|#.*|[<>|&;].*", "", line).split() if word]


def _unknown(line: str) -> str:
    """What a command line of a page has that no command has; empty if nothing."""
    words = [word for word in _words(line) if word not in {"--json", "-v", "-vv"}][1:]
    path = next(
        (f"sigfed {' '.join(words[:n])}" for n in (3, 2, 1) if f"sigfed {' '.join(words[:n])}" in COMMANDS),
        "",
    )
    nouns = {tuple(words.split()[1:-1]) for words in COMMANDS}
    if not path:
        known = not words or words[0].startswith("--") or tuple(words) in nouns
        return "" if known else line
    known_options = {
        name for param in options(COMMANDS[path]) for name in [*param.opts, *param.secondary_opts]
    }
    used = {word.partition("=")[0].rstrip(":,.)") for word in words if word.startswith("-") and word != "-"}
    return "" if used <= known_options | {"--help"} else f"{line}: {used - known_options}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_a_page_names_commands_and_options_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [wrong for line in INLINE.findall(text) if (wrong := _unknown(line))] == []
