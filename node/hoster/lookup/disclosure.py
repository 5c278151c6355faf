"""A disclosed look-up from the partner's side: which PDQ values are shown, and what the answers say of which file.

Of values that are nearly the same one is shown for all: frames of an animation and versions of one picture tell nothing
more, and would stop the partner there as a walk towards an entry does. What was answered stands, whatever becomes of
the rest. Near is for a person to look at; nothing is recorded as a hit. Spec: docs/spec/disclosed.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from node.errors import NodeError, VerificationError
from protocol.api import DisclosedApi
from protocol.digest import Algorithm, Digest, degenerate
from protocol.errors import ProtocolError
from protocol.limits import MAX_DISCLOSED_VALUES
from protocol.lists.event import collection_name
from protocol.slices import slices
from protocol.statement.disclosed_lookup import NOTHING, DisclosedQuery, open_reply
from protocol.subset.identity import subset_id

ALIKE: Final = 10
"""Bits of 256 in which two values may differ to be shown as one: what compressing a picture again turns, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is to be shown: of each file the values that stand for its own."""

    files: tuple[tuple[str, tuple[Digest, ...]], ...] = field(repr=False)
    without: tuple[str, ...]
    """Files that have no PDQ value that says something about them."""

    @property
    def values(self) -> tuple[Digest, ...]:
        """All values, each once, in ascending order."""
        return tuple(sorted({value for _, values in self.files for value in values}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """What was answered."""

    near: tuple[tuple[str, str], ...]
    """Files, with the collection of the nearest entry."""
    far: tuple[str, ...]
    unanswered: tuple[str, ...] = ()
    stopped: NodeError | None = None
    """Why these were not answered."""


def choose(named: Iterable[tuple[str, Sequence[Digest]]]) -> Shown:
    """What is shown of files, given by all their hashes."""
    chosen: list[Digest] = []
    files: list[tuple[str, tuple[Digest, ...]]] = []
    without = []
    for name, digests in named:
        values = [each for each in digests if each.algorithm is Algorithm.PDQ and not degenerate(each)]
        if values:
            files.append((name, tuple(dict.fromkeys(_stand_in(value, chosen) for value in values))))
        else:
            without.append(name)
    return Shown(files=tuple(files), without=tuple(without))


async def disclose(api: DisclosedApi, subset: str, origin: str, shown: Shown) -> Disclosed:
    """Ask about everything that is to be shown, batch by batch; a file is near when one of its values is."""
    answers: dict[Digest, int] = {}
    stopped = None
    try:
        for batch in slices(shown.values, MAX_DISCLOSED_VALUES):
            query = DisclosedQuery(subset_id=subset_id(origin), values=tuple(batch))
            answers.update(await _ask(api, subset, query))
    except NodeError as exc:
        stopped = exc
    near, far, unanswered = [], [], []
    for name, values in shown.files:
        met = [answers[value] for value in values if answers.get(value, NOTHING) != NOTHING]
        if met:
            near.append((name, collection_name(min(met))))
        elif all(value in answers for value in values):
            far.append(name)
        else:
            unanswered.append(name)
    return Disclosed(near=tuple(near), far=tuple(far), unanswered=tuple(unanswered), stopped=stopped)


async def _ask(api: DisclosedApi, subset: str, query: DisclosedQuery) -> Mapping[Digest, int]:
    body = await api.disclosed_lookup(subset, query.to_bytes())
    try:
        reply = open_reply(body, query)
    except ProtocolError as exc:
        raise VerificationError(exc.message) from exc
    return dict(zip(query.values, reply.collections, strict=True))


def _stand_in(value: Digest, chosen: list[Digest]) -> Digest:
    """The value that is shown for this one: itself, unless one was chosen that is nearly the same."""
    number = int.from_bytes(value.value)
    for other in chosen:
        if (number ^ int.from_bytes(other.value)).bit_count() <= ALIKE:
            return other
    chosen.append(value)
    return value
