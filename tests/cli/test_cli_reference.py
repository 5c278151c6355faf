"""The command reference says what the commands are, and the pages name no command that does not exist."""

import re
from pathlib import Path

import pytest

from node.cli.command_table import HIDDEN
from support.cli_reference import (
    FOLDER,
    ROOT,
    arguments,
    commands,
    notes,
    options,
    page_of,
    rendered,
    results,
    sections,
    shapes,
)

COMMANDS = commands()
WRITTEN = notes()
NOUNS = sorted({page_of(words) for words in COMMANDS})
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
INLINE = re.compile(r"`(sigfed [^`]+)`")
ADDED = re.compile(r"^\+.*$", re.MULTILINE)
"""What a diff adds in the contributing guide."""


def page(noun: str) -> str:
    """A page as readers get it."""
    return rendered(noun, (FOLDER / f"{noun}.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("noun", NOUNS)
def test_a_page_has_the_commands_of_its_noun_with_all_that_they_take(noun: str) -> None:
    shown = sections(page(noun))
    assert list(shown) == [words for words in COMMANDS if page_of(words) == noun]
    for words, said in shown.items():
        command = COMMANDS[words]
        assert command.help in said
        assert all(
            name in said for param in options(command) for name in [*param.opts, *param.secondary_opts]
        )
        assert all(f"| {param.help.replace('|', '/')} |" in said for param in command.params if param.help)
        assert said.count("\n| `") == len(options(command)) + len(arguments(command))
        assert said.rstrip().endswith(WRITTEN.get(words, "").strip())


def test_every_page_is_of_a_noun() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == {*NOUNS, "index"}


def test_a_page_about_what_is_no_command_is_not_built() -> None:
    with pytest.raises(LookupError, match="sigfed list rename"):
        rendered("list", "# `sigfed list`\n\n## `sigfed list rename`\n\nGives it another name.\n")


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


def test_every_json_line_has_the_fields_that_are_documented() -> None:
    documented = set().union(*(shapes(words, WRITTEN) for words in WRITTEN))
    whole, partly = results()
    assert whole - documented == set(), "no section shows these lines"
    # What others are merged into may be printed alone, where there are none.
    stale = {line for line in documented - whole if not any(part <= line for part in partly)}
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
    nouns = {tuple(words.split()[1:n]) for words in COMMANDS for n in range(2, len(words.split()))}
    if not path:
        hidden = {row.name for row in HIDDEN}
        known = not words or words[0].startswith("--") or words[0] in hidden or tuple(words) in nouns
        return "" if known else line
    known_options = {
        name for param in options(COMMANDS[path]) for name in [*param.opts, *param.secondary_opts]
    }
    used = {word.partition("=")[0].rstrip(":,.)") for word in words if word.startswith("-") and word != "-"}
    return "" if used <= known_options | {"--help"} else f"{line}: {used - known_options}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_a_page_names_commands_and_options_that_exist(page: Path) -> None:
    text = ADDED.sub("", page.read_text(encoding="utf-8"))
    assert [wrong for line in INLINE.findall(text) if (wrong := _unknown(line))] == []
