"""What pages and comments name exists, in the code and on the disk; what pages get when they are built is there."""

import ast
import re
from pathlib import Path

import pytest

from support.documentation import built
from support.layers import ROOT, about, layers

PAGES = sorted(
    path for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if path.parent.name != "adr"
)
"""But for records of decisions, which tell of the past."""
SOURCES = [path for part in ("node", "protocol", "keys", "tests") for path in (ROOT / part).rglob("*.py")]
DOTTED = re.compile(r"`((?:node|protocol|keys)(?:\.\w+)+)(?:\(\))?`")
PATH = re.compile(r"`((?:node|protocol|keys|tests|docs|\.ci)/[\w./-]+)(?:::\w+)?`")
OF_A_HOME = re.compile(r"keys/(?!.*\.py$)")
SOURCE = re.compile(r"\bdocs/[\w/-]+\.\w+")


def unknown(text: str) -> list[str]:
    """The modules, attributes of modules, and files that a page names and that do not exist."""
    modules = [name for name in DOTTED.findall(text) if not name.endswith(".json") and not _is_there(name)]
    paths = [name for name in PATH.findall(text) if not OF_A_HOME.match(name) and not (ROOT / name).exists()]
    return [*modules, *paths]


def _is_there(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    files = (path / "__init__.py", path.with_suffix(".py"))
    owner, _, last = name.rpartition(".")  # of a method the class, else the module
    return any(file.is_file() for file in files) or any(
        _is_defined(*each) for each in ((owner, last), owner.rpartition(".")[::2])
    )


def _is_defined(module: str, attribute: str) -> bool:
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        return False
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {
        one.name
        for one in tree.body
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    assigned = (one for one in ast.walk(tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store))
    return attribute in names | {one.id for one in assigned}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_modules_and_files_that_a_page_names_exist(page: Path) -> None:
    assert unknown(page.read_text(encoding="utf-8")) == []


def test_one_that_does_not_exist_is_noticed() -> None:
    there = (
        "`protocol.digest`, `protocol.digest.Digest`, `node.lists`, `tests/unit`, `keys/offline`, `node.json`"
    )
    gone = ["protocol.quorums", "protocol.digest.Digests", "node.nowhere.lists", "node/nothing.py"]
    assert unknown(there) == []
    assert unknown(there + ", ".join(f"`{name}`" for name in gone)) == gone


def test_modules_that_comments_of_the_product_name_exist() -> None:
    product = (path for path in SOURCES if "tests" not in path.relative_to(ROOT).parts)
    texts = {path: path.read_text(encoding="utf-8") for path in product}
    assert sum(len(DOTTED.findall(text)) for text in texts.values()) > 50
    assert {(path, name) for path, text in texts.items() for name in unknown(text)} == set()


def test_each_record_of_a_decision_has_a_number_of_its_own_and_says_it() -> None:
    records = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    said = [path.read_text(encoding="utf-8").partition(":")[0] for path in records]
    assert said == [f"# {number:04}" for number in range(len(records))]


def test_pages_that_the_code_names_exist() -> None:
    named = {(path, page) for path in SOURCES for page in SOURCE.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 100
    assert {page for _, page in named if not (ROOT / page).exists()} == set()


@pytest.mark.parametrize("package", ["node", "node.hoster", "node.console", "protocol", "keys"])
def test_the_picture_of_a_package_has_every_module_in_its_layer(package: str) -> None:
    page = built("architecture", f"```{{layers}} {package}\n```")
    shown = re.findall(r"<b>(\w+)</b> (.*?)</div>", page)
    assert [name for name, _ in shown] == [name for layer in layers(package) for name in layer]
    assert page.count('class="layer"') == len(layers(package))
    assert all(said and about(f"{package}.{name}") for name, said in shown)


def test_a_package_without_a_contract_has_no_picture() -> None:
    with pytest.raises(LookupError, match=r"node\.nothing"):
        built("architecture", "```{layers} node.nothing\n```")
