"""The manuals say what is true: every command on them is typed, in the order in which a reader meets the pages.

Their `sigfed` is loaded already, as the tour's is, and its keys open at once.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli_reference import commands
from support.programs import found, hint
from support.shell_program import shell_program
from support.tour import INSTALLED, Done, Step, Typist, blocks, steps

ROOT = Path(__file__).parent.parent.parent
MANUALS = (
    "operator",
    "agency",
    "partner",
    "agent",
    "air-gap",
    "backup",
    "recovery",
    "root-holder",
    "ceremony",
)
ROTATION = "rotation"
"""Begins where the operator manual ends, and replaces keys that other pages go on with: typed in a world of its own."""
EVERY = (*MANUALS, ROTATION)
OTHER_PROGRAMS = ("clamdscan",)
"""Of other makers, which a page shows beside ours."""


def _text(name: str) -> str:
    return (ROOT / f"docs/manuals/{name}.md").read_text(encoding="utf-8")


def _is_missing(step: Step) -> bool:
    """Whether a command is of a program that is not on this machine."""
    name = step.command.split()[0]
    return name in OTHER_PROGRAMS and found(name) is None


@pytest.fixture(scope="module")
def typed(
    tmp_path_factory: pytest.TempPathFactory, shell_environment: dict[str, str]
) -> Iterator[dict[str, list[Done]]]:
    """What each manual's commands printed, in one world, and in another one that of rotation."""
    with shell_program() as programs:
        for name in OTHER_PROGRAMS:
            if (there := found(name)) is not None:
                (programs / name).symlink_to(there)
        path = f"{programs}:{shell_environment['PATH']}"
        environment = {**shell_environment, "PATH": path, "CHEAP_KEYS": "1"}

        def typist(name: str) -> Typist:
            return Typist(
                folder=ROOT,
                home=tmp_path_factory.mktemp(name),
                environment=environment,
                read_over={INSTALLED: str(programs)},
            )

        first, second = typist("manuals"), typist(ROTATION)
        try:
            printed = {name: [first.type(step) for step in steps(_text(name))] for name in MANUALS}
            pages = [[second.type(step) for step in steps(_text(name))] for name in (MANUALS[0], ROTATION)]
            yield {**printed, ROTATION: pages[-1]}
        finally:
            first.close()
            second.close()


@pytest.mark.threat("a delisting that does not arrive")
def test_every_command_of_the_manuals_does_what_the_page_shows(typed: dict[str, list[Done]]) -> None:
    """One test, not one a page, with what else is asked of the same walks: they take minutes, in each process anew."""
    for name in EVERY:
        wrong = [done.story for done in typed[name] if not done.as_shown and not _is_missing(done.step)]
        pages = " ".join(
            f"docs/manuals/{manual}.md"
            for manual in ((MANUALS[0], ROTATION) if name == ROTATION else MANUALS)
        )
        assert not wrong, "\n\n".join(wrong) + f"\n\npython3 tests/support/tour.py {pages} --rewrite"
    told = " ".join(line for done in typed.values() for one in done for line in one.printed)
    assert not any(len(word) >= 32 and set(word) <= set("0123456789abcdef") for word in told.split())
    if missing := [name for name in OTHER_PROGRAMS if found(name) is None]:
        pytest.skip(f"all else is as shown; {hint(missing[0])}")


@pytest.mark.parametrize("name", EVERY)
def test_a_manual_shows_no_command_that_is_not_typed(name: str) -> None:
    untyped = [
        line for kind in ("", "sh", "text") for _, lines in blocks(_text(name), kind) for line in lines
    ]
    starting = [line for line in untyped if line.lstrip().startswith("sigfed ")]
    assert starting == []


def test_manuals_have_commands_to_type() -> None:
    assert all(len(steps(_text(name))) > 3 for name in MANUALS)


def test_the_manual_of_the_console_names_only_commands_that_there_are() -> None:
    """It shows pages and types nothing; what it sends people to the terminal for must be there."""
    known = {words.removeprefix("sigfed ") for words in commands()}
    named = set(re.findall(r"`sigfed ([a-z -]+?)(?: [A-Z-]{2}[^`]*)?`", _text("console")))
    assert len(named) > 8
    assert {name.split(" --")[0] for name in named} <= known
