"""What a node keeps of the case data of an import, read back."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """What the source said about one file."""

    offset: int
    """Of its first entry, from the start of the batch."""
    entries: int
    source_id: str
    case: Mapping[str, str]


def unpack_cases(data: bytes) -> Iterator[CaseRow]:
    """The rows that `pack_cases` packed."""
    for part in data.decode("utf-8", "surrogatepass").split("\x1d") if data else ():
        head, *rows = part.split("\x1e")
        names = json.loads(head)
        for row in rows:
            offset, count, source_id, *values = row.split("\x1f")
            case = dict(zip(names, values, strict=True))
            yield CaseRow(offset=int(offset), entries=int(count), source_id=source_id, case=case)
