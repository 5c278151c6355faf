"""PRF outputs of a release in the making: each computed once, however often lists move under it, and ahead of time.

While what came out for some digests is worked on, the evaluator is at the next ones.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Final

import numpy as np

from node.store.spool import PagePlace, Spool
from node.store.subsets.records import WideKey
from protocol.digest import Digest
from protocol.subset.label import OUTPUT_BYTES

Found = Callable[[], Mapping[Digest, bytes]]
"""Waits for outputs, by digest."""
_ROW: Final = np.dtype([("name", "<i8", 2), ("output", f"V{OUTPUT_BYTES}")])


class Outputs:
    """Outputs in one epoch; `evaluate` gives them, 64 bytes each, and is asked in a thread of `threads`."""

    def __init__(
        self, spool: Spool, threads: Executor, evaluate: Callable[[Sequence[Digest]], Sequence[bytes]]
    ) -> None:
        self._spool = spool
        self._threads = threads
        self._evaluate = evaluate
        self._pages: list[tuple[int, int, PagePlace]] = []
        """With the lowest and the highest look-up key."""

    def of(self, digests: Sequence[Digest]) -> Sequence[bytes]:
        """Those of a few digests, now; they are not kept."""
        return self._evaluate(digests)

    def begin(self, wanted: Mapping[Digest, WideKey]) -> Found:
        """Begin to compute those of digests, which have these names, as far as they are not at hand."""
        known = self._kept(wanted)
        missing = {digest: name for digest, name in wanted.items() if digest not in known}
        if not missing:
            return lambda: known
        asked = self._threads.submit(self._evaluate, [*missing])

        def found() -> Mapping[Digest, bytes]:
            outputs = asked.result()
            self._keep(missing.values(), outputs)
            return known | dict(zip(missing, outputs, strict=True))

        return found

    def _keep(self, names: Iterable[WideKey], outputs: Sequence[bytes]) -> None:
        rows = np.empty(len(outputs), dtype=_ROW)
        rows["name"] = list(names)
        rows["output"] = np.frombuffer(b"".join(outputs), dtype=_ROW["output"])
        keys = rows["name"][:, 0]
        self._pages.append((int(keys.min()), int(keys.max()), self._spool.put(rows.tobytes())))

    def _kept(self, wanted: Mapping[Digest, WideKey]) -> dict[Digest, bytes]:
        """The outputs that an earlier attempt needed, of the digests that are wanted."""
        if not self._pages or not wanted:
            return {}
        keys = np.sort(np.array([key for key, _ in wanted.values()], dtype=np.int64))
        found: dict[WideKey, bytes] = {}
        for lowest, highest, place in self._pages:
            if np.searchsorted(keys, lowest, "left") < np.searchsorted(keys, highest, "right"):
                rows = np.frombuffer(self._spool.get(place), dtype=_ROW)
                names = map(tuple, rows["name"].tolist())
                found.update(zip(names, rows["output"].tolist(), strict=True))
        return {digest: found[name] for digest, name in wanted.items() if name in found}
