"""What lists and releases are compared with: sets of hashes of lawful files, and hashes that must never be released."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from keys.message import Message, marked
from node.acts.act import Done, Field, Node, act
from node.errors import UsageError

if TYPE_CHECKING:
    from node.formats.rows import Reading
    from node.lists.guards import Guards
    from protocol.digest import Digest

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A known-benign set."""

    name: Annotated[str, Field(label=marked("the name"), record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benign(Named):
    """A known-benign set and what is in it."""

    file: Annotated[str, Field(record=True)]
    """What it was read from."""
    reading: Annotated["Reading", Field(record=False)]
    progress: Annotated[Callable[[int], None], Field(record=False)] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tripwires:
    """Hashes, and what they are of."""

    note: Annotated[str, Field(record=True)]
    digests: Annotated[Sequence["Digest"], Field(record=False)]
    hash_from: Annotated[str, Field(record=True)] = ""
    """The file that they were read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Tripwires by number."""

    numbers: Annotated[Sequence[int], Field(record=True)]


@act("guard-benign.add", fresh=True)
def add_benign(node: Node, given: Benign) -> Done:
    """Set aside, from now on, what is in this file: rows of imports, and entries that peers list."""
    require_set_name(given.name)
    report = _guards(node).add_benign(
        given.name, given.reading, now_ms=node.identity.now_ms, progress=given.progress
    )
    record = report.record
    return Done(
        said=Message.counted(
            "{name}: {hashes} hashes of {count} row, {refused} refused",
            "{name}: {hashes} hashes of {count} rows, {refused} refused",
            record.rows,
            record.name,
            f"{record.hashes:,}",
            f"{record.refused:,}",
        ),
        facts={
            "set": record.name,
            "rows": record.rows,
            "hashes": record.hashes,
            "refused": record.refused,
            "refused_rows": [{"line": row.line, "reason": row.reason} for row in report.refused],
        },
        lines=[
            *(f"  line {row.line}: {row.reason}" for row in report.refused[:_SHOWN]),
            *([f"  … and {record.refused - _SHOWN:,} more"] if record.refused > _SHOWN else []),
        ],
        following=("sigfed guard benign ls",),
    )


@act("guard-benign.remove", fresh=True)
def remove_benign(node: Node, given: Named) -> Done:
    """Forget a set; what it set aside stays so until it is released."""
    _guards(node).remove_benign(given.name)
    return Done(
        said=Message("{name} is forgotten; what it set aside stays in quarantine", given.name),
        facts={"set": given.name, "removed": True},
        following=("sigfed quarantine ls",),
    )


@act("guard-tripwire.add", fresh=True)
def add_tripwires(node: Node, given: Tripwires) -> Done:
    """Refuse, from now on, every release that would list one of these hashes."""
    added = _guards(node).add_tripwires(given.digests, note=given.note, now_ms=node.identity.now_ms)
    known = len(given.digests) - added
    return Done(
        said=Message.counted(
            "{count} tripwire was added, {known} known already",
            "{count} tripwires were added, {known} known already",
            added,
            known,
        ),
        facts={"added": added, "known": known},
        following=("sigfed guard tripwire ls", "sigfed subset release NAME"),
    )


@act("guard-tripwire.remove", fresh=True)
def remove_tripwires(node: Node, given: Numbers) -> Done:
    """Let these hashes be released again."""
    _guards(node).remove_tripwires(given.numbers)
    numbers = ", ".join(map(str, given.numbers))
    return Done(
        said=Message("Tripwire {number} is gone: its hash may be released again", numbers)
        if len(given.numbers) == 1
        else Message("Tripwires {numbers} are gone: their hashes may be released again", numbers),
        facts={"removed": len(given.numbers)},
        following=("sigfed subset release NAME",),
    )


def require_set_name(name: str, *, hint: str = marked("give it another name")) -> None:
    """Check that a set can be called so; raises `UsageError`."""
    from keys.trust.names import is_log_name

    if not is_log_name(name):
        raise UsageError("a set is named with up to 64 small letters, digits and hyphens", hint=hint)


def _guards(node: Node) -> "Guards":
    from node.app.guards import open_guards

    return open_guards(node.identity, node.store)
