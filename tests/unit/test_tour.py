"""The reader of documentation: what counts as a command, what is masked, and that a lie on a page is found."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.tour import Typist, matches, rewritten, steps

PAGE = """\
Text.

```console
a$ echo one
one
b$ echo two \\
     three
two three
a$ false # exit code 1
```

```sh
not typed
```
"""


@pytest.fixture
def typist(tmp_path: Path) -> Iterator[Typist]:
    typing = Typist(folder=tmp_path, home=tmp_path, environment=dict(os.environ), patience=20)
    yield typing
    typing.close()


def test_commands_are_read_with_who_types_them_what_is_shown_and_where() -> None:
    found = [(step.who, step.command, step.shown, step.line, step.exit_code) for step in steps(PAGE)]
    assert found == [
        ("a", "echo one", ("one",), 4, 0),
        ("b", "echo two \\\n     three", ("two three",), 6, 0),
        ("a", "false # exit code 1", (), 9, 1),
    ]


def test_a_true_page_is_as_shown(typist: Typist) -> None:
    assert all(typist.type(step).as_shown for step in steps(PAGE))


@pytest.mark.parametrize(
    ("true", "false"),
    [
        pytest.param("\none\n", "\nnone\n", id="text"),
        pytest.param("one\none", "one", id="missing line"),
        pytest.param("exit code 1", "exit code 2", id="exit code"),
        pytest.param("two three\n", "two\nthree\n", id="lines"),
    ],
)
def test_a_lie_is_found(true: str, false: str, typist: Typist) -> None:
    lie = PAGE.replace(true, false, 1)
    assert lie != PAGE
    assert not all(typist.type(step).as_shown for step in steps(lie))


def test_a_page_is_rewritten_to_the_truth(typist: Typist) -> None:
    lie = PAGE.replace("\none\n", "\nfour\nfive\n").replace("two three\na", "a")
    done = [typist.type(step) for step in steps(lie)]
    assert rewritten(lie, done) == PAGE


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        pytest.param(["valid until 2026-12-09"], ["valid until 2027-01-01"], True, id="date"),
        pytest.param(["4,043 bytes received, 1,550 sent"], ["1 bytes received, 2 sent"], True, id="bytes"),
        pytest.param(["3 added"], ["4 added"], False, id="numbers count"),
        pytest.param(["a", "b", "c"], ["a", "…"], True, id="rest"),
        pytest.param(["a", "b", "c"], ["…", "c"], True, id="start"),
        pytest.param(["a", "b"], ["a"], False, id="more"),
        pytest.param([], ["…"], True, id="nothing"),
    ],
)
def test_what_counts_as_the_same(printed: list[str], shown: list[str], same: bool) -> None:
    assert matches(printed, shown) is same
