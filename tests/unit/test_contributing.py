"""The verb and the field that the contributing guide adds are complete: nothing else is touched."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TREES = ("docs", "keys", "node", "protocol", "tests")
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.DOTALL | re.MULTILINE)
VERB, FIELD = DIFF.findall((ROOT / "docs/contributing.md").read_text(encoding="utf-8"))
JUDGES = (
    "tests/cli/test_cli_reference.py",
    "tests/console/test_acts.py",
    "tests/console/test_parity.py",
    "tests/console/test_languages.py::test_every_sentence_is_translated",
    "tests/console/test_actions.py::test_every_action_is_driven",
)


def _files(diff: str) -> list[str]:
    return re.findall(r"^\+\+\+ (.+)$", diff, re.MULTILINE)


def _apply(diff: str, root: Path) -> None:
    for file in diff.split("+++ ")[1:]:
        name, *hunks = file.split("\n@@\n")
        text = (root / name).read_text(encoding="utf-8")
        for hunk in hunks:
            lines = hunk.removesuffix("\n").split("\n")
            old = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
            assert f"\n{text}".count(f"\n{old}") == 1, f"{name}: {old}"
            new = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
            text = f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:]
        (root / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("diff", "most"), [(VERB, 7), (FIELD, 4)])
def test_few_files_are_touched(diff: str, most: int) -> None:
    assert 1 < len(_files(diff)) <= most
    assert len(set(_files(diff))) == len(_files(diff))


def test_what_the_guide_shows_fits_the_tree(tmp_path: Path) -> None:
    for name in {*_files(VERB), *_files(FIELD)}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    _apply(VERB, tmp_path)
    _apply(FIELD, tmp_path)


@pytest.mark.slow
def test_a_verb_is_complete_with_what_the_guide_shows(tmp_path: Path) -> None:
    for tree in TREES:
        # With what is compiled: else all of it would be compiled once more.
        shutil.copytree(ROOT / tree, tmp_path / tree, ignore=shutil.ignore_patterns("pictures", "_build"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, tmp_path)
    _apply(VERB, tmp_path)
    _apply(FIELD, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    command += ["-k", "not names_commands", *JUDGES]  # what pages say of commands is the other tests' matter
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
