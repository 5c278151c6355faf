"""What an agency says with its entries, as people fill it in: basis, criteria, review date, countries, reason."""

from datetime import date
from typing import Final

from node.access.notation import basis_of, day_of, reason_of
from node.console.languages import translated as _
from node.console.parts import Values
from node.errors import UsageError
from node.lists.imports.intake import Statement
from protocol.lists.ext import Basis, Reason

MAX_CRITERIA: Final = 2**32 - 1


def bases() -> list[tuple[str, str]]:
    """Every basis and what it states, for a choice."""
    return [
        ("reviewed", _("reviewed: analysts of this agency examined the file")),
        ("own", _("own: this agency holds the material itself")),
        ("relies-on", _("relies on the peer: recorded, and does not count for the rule")),
    ]


def collections() -> list[tuple[str, str]]:
    """Every collection, for a choice."""
    return [(name, _(name)) for name in ("baseline", "national", "investigative", "other")]


def reasons() -> list[tuple[str, str]]:
    """Every reason of a withdrawal or dispute, for a choice."""
    return [
        ("error", _("error: nobody should list it; it is blocked everywhere")),
        ("legal", _("legal: this agency may not list it")),
        ("duplicate", _("duplicate: it is listed elsewhere")),
        ("other", _("other")),
    ]


def examined_basis_from(form: Values) -> Basis:
    """The basis that was chosen; whoever says that it was examined here has ticked that too; raises `UsageError`."""
    basis = basis_of(form.require("basis", _("the basis")))
    if basis is not Basis.RELIES_ON and not form.ticked("examined"):
        raise UsageError(
            "this would state, signed, that the file was examined here",
            hint="tick the box if it was; otherwise choose to rely on the peer",
        )
    return basis


def reason_from(form: Values) -> Reason:
    """The reason that was chosen; raises `UsageError`."""
    return reason_of(form.require("reason", _("the reason")))


def criteria_from(form: Values) -> int:
    """The version of the criteria document, 1 where none was filled in; raises `UsageError`."""
    return form.number("criteria", 1, least=1, most=MAX_CRITERIA)


def review_day_from(form: Values) -> date | None:
    """The day on which to look at it again; None where none was filled in; raises `UsageError`."""
    text = form.text("review_by")
    return day_of(text) if text else None


def countries_from(form: Values, name: str) -> frozenset[str]:
    """The countries of a field, by their codes of two letters; raises `UsageError`."""
    codes = form.text(name).upper().replace(",", " ").split()
    if any(len(code) != 2 or not (code.isascii() and code.isalpha()) for code in codes):
        raise UsageError("countries are named by their codes of two letters, as: NL FR")
    return frozenset(codes)


def statement_from(form: Values) -> Statement:
    """What is said with new entries; raises `UsageError`."""
    return Statement(
        basis=examined_basis_from(form),
        criteria=criteria_from(form),
        review_by=review_day_from(form),
        legality=countries_from(form, "legality"),
    )
