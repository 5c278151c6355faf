"""What to do with a found file is said in the same words everywhere: who reads two pages must not read two things."""

import re
from pathlib import Path

import pytest

from node.hoster.hits.instructions import FOUND

ROOT = Path(__file__).parents[2]
SAY_IT = (
    "docs/manuals/tour.md",
    "docs/manuals/partner.md",
    "docs/manuals/partner-console.md",
    "docs/manuals/agent.md",
    "docs/manuals/recipes.md",
)
OTHERWISE = re.compile(
    r"(do not|never) (open|copy|move|delete)[^.;\n]{0,40}\b(file|hit)|(move|keep) the file where",
    re.IGNORECASE,
)
"""Other words for the same, such as stood in three places and contradicted each other."""


def plain(path: Path) -> str:
    return " ".join(path.read_text("utf-8").split())


@pytest.mark.parametrize("name", SAY_IT)
def test_a_page_about_hits_says_what_to_do_with_the_file(name: str) -> None:
    assert FOUND in plain(ROOT / name)


def test_no_page_and_no_part_of_the_program_says_it_otherwise() -> None:
    pages = [*ROOT.glob("docs/manuals/*.md"), *ROOT.glob("docs/reference/*.md"), ROOT / "README.md"]
    program = [path for kind in ("py", "html") for path in ROOT.glob(f"node/**/*.{kind}")]
    said = {str(path.relative_to(ROOT)): OTHERWISE.search(plain(path)) for path in [*pages, *program]}
    assert {name: found[0] for name, found in said.items() if found} == {}
