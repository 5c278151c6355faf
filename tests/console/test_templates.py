"""What templates may not do: show what comes from elsewhere as if the console had written it."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from node.console import environment, words
from node.console.languages import translated

_TEMPLATES = sorted(Path(environment.__file__).parent.rglob("*.html"))
_HOSTER = Path(environment.__file__).parent / "hoster"
_ENVIRONMENT = jinja2.Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True)
_TABLE = re.compile(r'<table class="cards">(.*?)</table>', re.DOTALL)
_HEAD, _OF_CELL = re.compile(r'<th scope="col"[^>]*>(.*?)</th>'), re.compile(r'data-head="(.*?)"(?=[ >])')
_TRANSLATING = {"_", "gettext", "ngettext"}


def _unsafe(source: str) -> Iterator[int]:
    """Lines that have a variable translated as markup, or say that something is markup."""
    tree = _ENVIRONMENT.parse(source)
    for call in tree.find_all(nodes.Call):
        name = call.node.name if isinstance(call.node, nodes.Name) else ""
        if name in _TRANSLATING and not isinstance(call.args[0], nodes.Const):
            yield call.lineno
    yield from (each.lineno for each in tree.find_all(nodes.Filter) if each.name == "safe")


def _named(path: Path) -> str:
    return str(path.relative_to(Path(environment.__file__).parent))


def test_a_console_has_one_template_of_a_name() -> None:
    """Pages name no folder: of two the second would never be shown."""
    names = Counter((path.is_relative_to(_HOSTER), path.name) for path in _TEMPLATES)
    assert [name for (_, name), count in names.items() if count > 1] == []


@pytest.mark.parametrize("path", _TEMPLATES, ids=_named)
def test_only_own_sentences_are_markup(path: Path) -> None:
    """`_(variable)` gives markup that nothing escapes: what comes from elsewhere takes the filter `translated`."""
    assert list(_unsafe(path.read_text())) == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("{{ _('Own words') }}", []),
        ("{% trans count=files|length %}{{ count }} file{% pluralize %}{{ count }} files{% endtrans %}", []),
        ("{% trans why=reason|translated %}it is set aside: {{ why }}{% endtrans %}", []),
        ("\n{{ _(reason) }}", [2]),
        ("{{ state(_(reason), 'bad') }}", [1]),
        ("{% trans why=_(reason) %}it is set aside: {{ why }}{% endtrans %}", [1]),
        ("{{ reason|safe }}", [1]),
    ],
)
def test_what_is_looked_for_is_found(source: str, lines: list[int]) -> None:
    assert list(_unsafe(source)) == lines


def test_a_name_that_is_translated_is_escaped_and_nothing_is_filled_into_it() -> None:
    env = jinja2.Environment(autoescape=True, finalize=words.shown)
    env.filters["translated"] = translated
    shown = env.from_string("{{ name|translated }}").render(name="<b>100%(x)s</b>")
    assert shown == "&lt;b&gt;100%(x)s&lt;/b&gt;"


def _strange_heads(source: str) -> list[str]:
    """What a telephone would write before cells, and no column is called."""
    return [
        head
        for table in _TABLE.findall(source)
        for head in _OF_CELL.findall(table)
        if head not in _HEAD.findall(table)
    ]


@pytest.mark.parametrize("path", _TEMPLATES, ids=_named)
def test_a_cell_on_a_telephone_is_called_as_its_column(path: Path) -> None:
    """Each name stands twice, where the column is and where the cell is: whoever reads either sees what it is."""
    assert _strange_heads(path.read_text()) == []


def test_a_cell_that_is_called_otherwise_is_found() -> None:
    table = (
        '<table class="cards"><th scope="col" class="number">Size</th><td data-head="Width">1</td></table>'
    )
    assert _strange_heads(table) == ["Width"]
