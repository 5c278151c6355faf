"""Messages: English text everywhere, and all that it takes to say the same in another language."""

import copy
import pickle
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import KeysError, SigfedError, ThresholdError
from keys.message import Message, marked, pack, shortened, unpack

_FRENCH = {
    "there is no person {name}": "personne du nom de {name}",
    "not released: {reason}": "non publié : {reason}",
    "{count} hash": "{count} empreinte",
    "{count} hashes": "{count} empreintes",
    "try again": "réessayez",
    "": "the header of the catalogue",
}


class _French:
    def gettext(self, message: str, /) -> str:
        return _FRENCH.get(message, message)

    def ngettext(self, one: str, many: str, number: int, /) -> str:
        return self.gettext(one if number < 2 else many)


def _hashes(number: int) -> Message:
    return Message.counted("{count} hash", "{count} hashes", number)


_NOBODY = Message("there is no person {name}", "<b>{0}%s</b>")


@pytest.mark.parametrize(
    ("message", "english", "french"),
    [
        (Message("try again"), "try again", "réessayez"),
        (Message(""), "", ""),
        (Message("a {brace}"), "a {brace}", "a {brace}"),
        (_NOBODY, "there is no person <b>{0}%s</b>", "personne du nom de <b>{0}%s</b>"),
        (Message("{b} {a}", None, 1), "None 1", "None 1"),
        (
            Message("not released: {reason}", _NOBODY),
            "not released: there is no person <b>{0}%s</b>",
            "non publié : personne du nom de <b>{0}%s</b>",
        ),
        (
            Message("not released: {reason}", KeysError("try again")),
            "not released: try again",
            "non publié : réessayez",
        ),
        (Message("not released: {reason}", "try again"), "not released: try again", "non publié : try again"),
        (
            Message("not released: {reason}", OSError(5, "broken")),
            "not released: [Errno 5] broken",
            "non publié : [Errno 5] broken",
        ),
        (_hashes(0), "0 hashes", "0 empreinte"),
        (_hashes(1), "1 hash", "1 empreinte"),
        (_hashes(1234), "1,234 hashes", "1,234 empreintes"),
        (
            Message.joined("; ", [_NOBODY, "try again", Message("try again")]),
            "there is no person <b>{0}%s</b>; try again; try again",
            "personne du nom de <b>{0}%s</b>; try again; réessayez",
        ),
        (Message.joined("; ", []), "", ""),
    ],
)
def test_a_message_is_english_text_and_says_the_same_in_french(
    message: Message, english: str, french: str
) -> None:
    assert message == english
    assert message.translated(_French()) == french


def test_what_is_marked_for_the_catalogues_is_itself() -> None:
    assert marked("there is no person {name}") == "there is no person {name}"


def test_an_error_says_its_message_and_keeps_what_it_was_made_of() -> None:
    error = SigfedError(_NOBODY)
    assert (str(error), error.message.template) == (_NOBODY, "there is no person {name}")
    assert str(ThresholdError("root", signed=1, threshold=2)) == (
        "root: 1 of the required 2 signatures are valid"
    )
    assert str(SigfedError()) == ""


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
@pytest.mark.parametrize("message", [_NOBODY, _hashes(2), Message("try again")])
def test_a_copy_is_the_same_message(message: Message, again: object) -> None:
    assert callable(again)
    copied = again(message)
    assert (copied, copied.translated(_French())) == (message, message.translated(_French()))


def _parts(message: str) -> object:
    if not isinstance(message, Message):
        return message
    values: Mapping[str, str] = message.values
    return message.template, message.many, message.number, {name: _parts(values[name]) for name in values}


_TEXTS = st.text() | st.text().map('{"template":'.__add__)
_MESSAGES = st.recursive(
    _TEXTS.map(lambda text: Message("not released: {reason}", text))
    | st.integers(0, 5).map(_hashes)
    | st.just(Message("try again")),
    lambda inner: st.lists(inner | _TEXTS, max_size=3).map(lambda each: Message.joined("; ", each)),
)


@given(_MESSAGES)
def test_a_message_that_was_kept_is_the_same_message(message: Message) -> None:
    kept = unpack(pack(message, 1_000_000))
    assert (kept, _parts(kept)) == (message, _parts(message))


@given(_MESSAGES | _TEXTS, st.integers(0, 60))
def test_what_is_too_long_is_kept_as_the_beginning_of_its_text(message: str, most: int) -> None:
    kept = pack(message, most)
    assert len(kept) <= most
    assert any(text.startswith(unpack(kept)) for text in (message, f" {message}"))


@given(_TEXTS)
def test_text_is_never_taken_for_a_message(text: str) -> None:
    assert not isinstance(unpack(pack(text, 1_000_000)), Message)


@pytest.mark.parametrize(
    "kept",
    [
        "told before there were messages",
        '{"template":',
        '{"template":"{a.__class__}","values":{"b":"c"}}',
        '{"template":"{a}","values":["c"]}',
        '{"template":"a","values":{"a":{}}}',
        '{"template":"{0}","values":{"a":"c"}}',
    ],
)
def test_what_is_no_message_that_was_kept_is_text(kept: str) -> None:
    found = unpack(kept)
    assert (found, isinstance(found, Message)) == (kept, False)


@pytest.mark.parametrize(("most", "left"), [(5, "there"), (100, _NOBODY)])
def test_a_message_that_is_short_enough_stays_one(most: int, left: str) -> None:
    assert _parts(shortened(_NOBODY, most)) == _parts(left)
