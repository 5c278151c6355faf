"""What an agency may say with its entries, as people type it: review dates and countries."""

from collections.abc import Sequence

from keys.message import Message
from node.access.notation import basis_of, day_of
from node.errors import UsageError
from node.lists.imports.intake import Statement

_ILLEGAL, _UNCLEAR, _LEGAL = "illegal", "unclear", "legal"


def statement_of(
    *, basis: str, criteria: int, source: str, review_by: str, legality: Sequence[str] | None
) -> Statement:
    """What is said with new entries; raises `UsageError`."""
    return Statement(
        basis=basis_of(basis),
        criteria=criteria,
        relies_on=source or None,
        review_by=day_of(review_by) if review_by else None,
        legality=illegal_in(legality or ()),
    )


def legality_of(typed: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Countries that are to be named as ones where it is illegal, and ones to be named no longer.

    Raises:
        UsageError: not of the form `CC=illegal` or `CC=unclear`, or a country named twice.
    """
    pairs = [item.partition("=") for item in typed]
    codes = [code.upper() for code, _, _ in pairs]
    for code, _, what in pairs:
        if what == _LEGAL:
            raise UsageError(
                "an entry says where material is known to be illegal; elsewhere it says nothing",
                hint=Message("to take such a word back: --legality {code}={name}", code, _UNCLEAR),
            )
        if what not in {_ILLEGAL, _UNCLEAR} or len(code) != 2 or not (code.isascii() and code.isalpha()):
            raise UsageError("legality is written like this: --legality NL=illegal")
    if len(set(codes)) < len(codes):
        raise UsageError("a country is named twice")
    return (
        frozenset(code for code, (_, _, what) in zip(codes, pairs, strict=True) if what == _ILLEGAL),
        frozenset(code for code, (_, _, what) in zip(codes, pairs, strict=True) if what == _UNCLEAR),
    )


def illegal_in(typed: Sequence[str]) -> frozenset[str]:
    """As `legality_of`, for entries that are new: there is nothing to take back."""
    illegal, unclear = legality_of(typed)
    if unclear:
        raise UsageError("a new entry has nothing to take back; --legality NL=illegal names a country")
    return illegal
