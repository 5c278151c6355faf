"""What people are told has its values apart, everywhere: so it can be said in another language."""

import ast

import pytest

from keys.message import fields
from support.messages import Said, composed, said


def _place(each: Said) -> str:
    return f"{each.path}:{each.line}"


def test_no_sentence_is_put_together_before_its_message_is_made() -> None:
    assert [_place(each) for each in said() if composed(each.text)] == []


def _fields(template: str | tuple[str, str]) -> int:
    return len(fields(template)) if isinstance(template, str) else len(set(fields(template[1])) - {"count"})


def test_each_field_has_its_value() -> None:
    assert [
        (_place(each), template)
        for each in said()
        for template in each.ids
        if _fields(template) != each.values
    ] == []
    assert [_place(each) for each in said() if each.values and not list(each.ids)] == []


def test_a_field_is_a_bare_name() -> None:
    templates = {
        part for each in said() for id_ in each.ids for part in ([id_] if isinstance(id_, str) else id_)
    }
    assert [text for text in templates if not all(name.isidentifier() for name in fields(text))] == []
    assert len(templates) > 1000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('f"a {b}"', True),
        ('"a %s" % b', True),
        ('"a" + b', True),
        ('"a {b}".format(b=b)', True),
        ('"; ".join(b)', True),
        ('_("a")', True),
        ('translated("a")', True),
        ('translated_plural("a", "b", c)', True),
        ('"a" if b else f"{c}"', True),
        ('"a"', False),
        ('Message("a {b}", b + 1)', False),
    ],
)
def test_what_is_looked_for_is_found(text: str, found: bool) -> None:
    assert composed(ast.parse(text, mode="eval").body) is found
