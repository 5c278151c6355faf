"""One reader or writer for each outside format; services see rows and never a format.

`read_rows` recognises the format by its header line. Readers are streaming and bounded: a file of any size
and any content costs a few hundred kilobytes of memory and ends in rows, refused rows or one
InputRefusedError.
"""

from collections.abc import Collection, Mapping
from typing import BinaryIO

from node.formats.benign import refuse_benign
from node.formats.columns import read_columns
from node.formats.icse import looks_like_icse, read_icse
from node.formats.rows import ImportRow, Reading, RefusedRow, RowResult

__all__ = ["ImportRow", "Reading", "RefusedRow", "RowResult", "read_columns", "read_icse", "read_rows"]


def read_rows(
    stream: BinaryIO,
    *,
    collection: int,
    mapping: Mapping[str, str] | None = None,
    delimiter: str | None = None,
    categories: Collection[str] = (),
) -> Reading:
    """The rows of `stream`, which must be seekable, in the format its header line shows.

    An ICSE export decides the collection itself; `collection` is that of rows of other files that name none.
    `categories` are those values of a `category` column whose rows belong on a list. Raises InputRefusedError when no
    format fits, or when the file is a set of lawful files; UsageError for a bad `mapping`.
    """
    start = stream.tell()
    refuse_benign(stream)
    stream.seek(start)
    icse = not mapping and looks_like_icse(stream)
    stream.seek(start)
    if icse:
        return read_icse(stream, delimiter=delimiter)
    return read_columns(
        stream, collection=collection, mapping=mapping, delimiter=delimiter, categories=categories
    )
