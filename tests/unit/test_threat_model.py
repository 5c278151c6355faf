"""The threat model names tests, and each exists; no threat stands there without mechanism, tests and remains."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
PARTS = ["Mechanism", "Tests", "Remains"]


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def threats(page: str) -> dict[str, str]:
    """The threats of the page by their titles."""
    sections = re.split(r"^#{1,4} ", page, flags=re.MULTILINE)
    titled = (tuple(section.split("\n", 1)) for section in sections if "- *Mechanism.*" in section)
    return dict(titled)


def named(page: str) -> list[str]:
    """The tests that a page names, as `path::function`."""
    return re.findall(r"`(tests/[^`\s]+)`", page)


def missing(page: str) -> list[str]:
    """Those that do not exist."""
    return [name for name in named(page) if not _exists(*name.partition("::")[::2])]


def _exists(path: str, function: str) -> bool:
    file = ROOT / path
    if not function:
        return file.exists()
    return file.is_file() and f"def {function}(" in file.read_text(encoding="utf-8")


def test_every_test_that_is_named_exists() -> None:
    assert len(named(text())) > 100
    assert missing(text()) == []


@pytest.mark.parametrize(
    "name",
    [
        "tests/unit/test_nothing_of_this_name.py",
        "tests/unit/test_nothing_of_this_name.py::test_every_test_that_is_named_exists",
        "tests/unit/test_threat_model.py::test_every_test",
        "tests/unit::test_every_test_that_is_named_exists",
    ],
)
def test_one_that_does_not_exist_is_noticed(name: str) -> None:
    page = f"- *Tests.* `tests/unit/test_threat_model.py::{test_every_test_that_is_named_exists.__name__}`,\n  `{name}`"
    assert missing(page) == [name]


@pytest.mark.parametrize("title", threats(text()))
def test_a_threat_has_mechanism_tests_and_remains(title: str) -> None:
    body = threats(text())[title]
    assert re.findall(r"^- \*(\w+)\.\* \S", body, re.MULTILINE) == PARTS
    tests = body[body.index("- *Tests.*") : body.index("- *Remains.*")]
    assert named(tests) or tests.startswith("- *Tests.* None: "), "no test, or why there is none"


def test_every_title_is_there_once() -> None:
    assert text().count("- *Mechanism.*") == len(threats(text())) > 40
