"""The one file that an agency hands to a partner, made as the operator's manual says: whole, for any machine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from support.tour import blocks

ROOT = Path(__file__).parent.parent.parent
MANUAL = (ROOT / "docs/manuals/operator.md").read_text(encoding="utf-8")
PACKAGES = ("node", "protocol", "keys")


@pytest.fixture(scope="module")
def handed_over(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The file, and the SHA-256 that the command printed."""
    (commands,) = [lines for _, lines in blocks(MANUAL, "sh") if "pip wheel" in lines[0]]
    folder = tmp_path_factory.mktemp("handed-over")
    typed = "\n".join(["set -e", *commands]).replace("handed-over", str(folder))
    done = subprocess.run(
        ["bash", "-c", typed],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    (file,) = folder.glob("*.whl")
    return file, done.stdout.split("\n")[-2].split()[0]


def test_it_is_for_any_machine_and_named_by_its_hash(handed_over: tuple[Path, str]) -> None:
    file, printed = handed_over
    assert file.name.endswith("-py3-none-any.whl")
    assert re.fullmatch(r"[0-9a-f]{64}", printed)


def test_it_has_everything_that_the_program_has(handed_over: tuple[Path, str]) -> None:
    inside = {name for name in ZipFile(handed_over[0]).namelist() if ".dist-info/" not in name}
    here = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so"
    }
    assert inside == here


@pytest.mark.slow
def test_it_is_installed_without_a_network_from_a_folder_that_is_carried(tmp_path: Path) -> None:
    """As the manual of those who have none says; what it needs comes from the index, as for every installation."""
    manual = (ROOT / "docs/manuals/air-gap.md").read_text(encoding="utf-8")
    ((_, commands),) = blocks(manual, "sh")
    typed = "\n".join(["set -e", *commands, "/opt/sigfed/bin/sigfed --version"])
    for shown, here in (("/opt/sigfed", tmp_path / "sigfed"), ("medium", tmp_path / "medium")):
        typed = typed.replace(shown, str(here))
    done = subprocess.run(
        ["bash", "-c", typed],
        cwd=ROOT,
        env=os.environ | {"SIGFED_KERNEL": "no"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1].startswith("sigfed ")


def test_no_page_tells_to_install_a_name_that_is_not_ours() -> None:
    """What a public index has under our name is somebody else's: who installs it runs a stranger's program."""
    pages = [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(path for part in ("*.py", "*.html", "*.po") for path in (ROOT / "node").rglob(part)),
    ]
    by_name = re.compile(r"\binstall (?:-\S+ )*['\"]?sigfed(?![-\w/])")
    assert not [str(page) for page in pages if by_name.search(page.read_text(encoding="utf-8"))]
