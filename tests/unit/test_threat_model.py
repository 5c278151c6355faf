"""The threat model names tests, and each exists; no threat or case stands there without what holds it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
PARTS = ["Mechanism", "Tests", "Remains"]
CASES = "## What went wrong elsewhere"


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


def cases(page: str) -> dict[int, str]:
    """The numbered rows below the heading of the cases."""
    section = page[page.index(CASES) :].split("\n## ", 1)[0]
    return {int(row[1]): row[2] for row in re.finditer(r"^\| (\d+) \| (.*) \|$", section, re.MULTILINE)}


def test_every_case_of_a_failure_elsewhere_names_a_test() -> None:
    assert list(cases(text())) == list(range(1, 12))
    assert all(named(row) for row in cases(text()).values())
