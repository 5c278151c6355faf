"""What is in a page, as a browser would take it."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from itertools import pairwise

from typing_extensions import override

LOADS = frozenset(
    {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "audio",
        "video",
        "source",
        "image",
        "use",
        "form",
        "base",
    }
)
"""Elements that run, fetch or send something."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def elements(page: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Name and attributes of every element, in order."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return iter(reader.found)


def outline(page: str) -> list[str]:
    """The headings in order, as `h1`."""
    return [name for name, _ in elements(page) if re.fullmatch(r"h[1-6]", name)]


def require_self_contained(page: str) -> None:
    """Fails unless the page runs nothing, fetches nothing, leads nowhere, and can be read by who does not see it."""
    found = list(elements(page))
    names = [name for name, _ in found]
    assert not LOADS & set(names), LOADS & set(names)
    for name, attributes in found:
        assert not {"href", "src", "srcset", "style", "xlink:href", "action"} & set(attributes), (
            name,
            attributes,
        )
        assert not [each for each in attributes if each.startswith("on")], (name, attributes)
    assert page.count("url(") == 0
    assert "@import" not in page
    assert [names.count(one) for one in ("html", "main", "h1", "title")][:3] == [1, 1, 1]
    assert dict(found)["html"]["lang"] == "en"
    levels = [int(each[1]) for each in outline(page)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels)), levels
    _require_tables(found)


def _require_tables(found: list[tuple[str, dict[str, str]]] | list[tuple[str, Mapping[str, str]]]) -> None:
    names = [name for name, _ in found]
    assert names.count("caption") == names.count("table")
    assert all(attributes.get("scope") in {"col", "row"} for name, attributes in found if name == "th")
    pictures = [
        at for at, (name, attributes) in enumerate(found) if name == "svg" and attributes.get("role") == "img"
    ]
    assert all(names[at + 1] == "title" or "aria-label" in found[at][1] for at in pictures)
    hidden = [attributes for name, attributes in found if name == "svg" and attributes.get("role") != "img"]
    assert all(
        attributes.get("aria-hidden") == "true" or "viewBox" in attributes or "overflow" in attributes
        for attributes in hidden
    )
