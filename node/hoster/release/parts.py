"""Fetching the files of a release, each bounded by what its manifest allows, as deltas from what is held."""

from typing import Final

from protocol.api import SubsetApi
from protocol.messages import ReleasePart
from protocol.subset.files import Held
from protocol.subset.filter import MAX_FILTER_BYTES
from protocol.subset.label import LABEL_BYTES
from protocol.subset.manifest import Manifest
from protocol.subset.spliced_octets import Laid

_HEADS: Final = 32
"""Heads of a file and of a delta, and the padding of codes."""


async def fetch_part(
    api: SubsetApi, subset: str, version: int, part: ReleasePart, *, manifest: Manifest, held: Held | None
) -> Laid:
    """One file of the release with that manifest, whole or as the delta from `held`; nothing is verified."""
    return await api.release_part(
        subset,
        version=version,
        part=part,
        since=held.version if held else None,
        max_bytes=part_limit(manifest, part, held),
    )


def part_limit(manifest: Manifest, part: ReleasePart, held: Held | None) -> int:
    """Bytes that a release file of `manifest` can have, whole or as a delta from `held`.

    A value costs its width and at most four bits more, a place that a delta names less than a byte. Without this a node
    could make the client hold as many bytes as any release may have.
    """
    if part is ReleasePart.FILTER:
        return MAX_FILTER_BYTES
    old = held.release.manifest if held else None
    if part is ReleasePart.SCREEN:
        values, places = manifest.screen_count * (manifest.screen_width + 4), old.screen_count if old else 0
    elif part is ReleasePart.ANSWERS:
        values, places = (
            manifest.answers_count * (manifest.answers_width + 4),
            old.answers_count if old else 0,
        )
    else:
        values, places = manifest.answers_count * LABEL_BYTES * 8, manifest.answers_count if old else 0
    return _HEADS + values // 8 + places
