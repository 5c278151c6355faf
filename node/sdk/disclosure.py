"""A disclosed look-up from a program: what was found privately decides what is shown, and answers go back to files."""

from collections.abc import Sequence

from node.hashing.file_hashes import Hashed
from node.hoster.lookup.disclosure import Disclosed, Shown, choose
from node.ports.verdicts import Outcome
from node.sdk.results import DisclosedResult, FileResult

_FOUND = "it is not shown: it was looked up privately, and {}"
_NO_VALUE = "it has no PDQ value that says something about it"


def to_show(hashed: Sequence[Hashed], found: Sequence[FileResult]) -> Shown:
    """The values of pictures that are not on the list; files are named by their places."""
    return choose(
        (str(place), [digest for part in each.parts for digest in part.digests])
        for place, (each, one) in enumerate(zip(hashed, found, strict=True))
        if one.outcome is Outcome.CLEAN
    )


def disclosed_results(
    found: Sequence[FileResult], shown: Shown, done: Disclosed | None
) -> list[DisclosedResult]:
    """What is known of each file by now, in order; `done` is None where nothing was to be shown."""
    near = dict(done.near) if done else {}
    reasons = dict.fromkeys(shown.without, _NO_VALUE)
    if done is not None and done.unanswered:
        reasons |= dict.fromkeys(done.unanswered, str(done.stopped or "it was not answered"))
    return [
        DisclosedResult(
            file=one,
            near=_near(place, one, near, reasons),
            collection=near.get(place),
            reason=_reason(place, one, reasons),
        )
        for place, one in ((str(number), one) for number, one in enumerate(found))
    ]


def _near(place: str, found: FileResult, near: dict[str, str], reasons: dict[str, str]) -> bool | None:
    if found.outcome is not Outcome.CLEAN or place in reasons:
        return None
    return place in near


def _reason(place: str, found: FileResult, reasons: dict[str, str]) -> str:
    if found.outcome is not Outcome.CLEAN:
        return _FOUND.format(f"is {found.outcome.value}")
    return reasons.get(place, "")
