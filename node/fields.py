"""Records as JSON objects, and the records of those: one way for what a partner's program keeps, and requests.

Bytes are base64 there, enumerations their values, tuples arrays, and a record in a record is an object. What is read is
made what the record's annotation says.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from protocol.encoding import b64, unb64

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R")
Fact = str | int | float | bool | None | Sequence["Fact"] | Mapping[str, "Fact"]
"""A field of what is told, or what is in it: all that JSON has."""


def to_fields(record: "DataclassInstance", /, *without: str, **others: Any) -> dict[str, Any]:
    """The fields of a record, but `without` some, and `others` as they are."""
    names = (each.name for each in fields(record) if each.name not in without and each.name not in others)
    return {name: _kept(getattr(record, name)) for name in names} | others


def from_fields(kind: type[R], kept: Mapping[str, Any], /, *newer: str, **others: Any) -> R:
    """The record that has these fields, but for `others`, which are given.

    Those that are `newer` than some of what is kept have their default where they are missing.

    Raises:
        KeyError: another one is missing.
        TypeError, ValueError, AttributeError, ProtocolError: one is not what its annotation says.
    """
    hints = {
        name: hint
        for name, hint in _hints(cast("type[DataclassInstance]", kind)).items()
        if name not in others
    }
    found = {name: hint for name, hint in hints.items() if name in kept or name not in newer}
    return kind(**{name: _made(hint, kept[name], newer) for name, hint in found.items()}, **others)


def dumped(fields: Mapping[str, object]) -> bytes:
    """Deterministic JSON: sorted names, no white space."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


@cache
def _hints(kind: "type[DataclassInstance]") -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _kept(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64(value)
    if isinstance(value, tuple):
        return [_kept(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return to_fields(value)
    return value


def _made(hint: Any, value: Any, newer: tuple[str, ...]) -> Any:
    if hint is bytes:
        return unb64(value)
    if is_dataclass(hint):
        return from_fields(cast("type[Any]", hint), value, *newer)
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return tuple(_made(arguments[0], each, newer) for each in value)
    if arguments:  # it, or None
        return None if value is None else _made(arguments[0], value, newer)
    return hint(value)
