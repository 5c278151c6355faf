"""The one verdict of a partner's machine that follows several subsets: each of them judges every file, all at once."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from node.hoster.judge.local import LocalJudge
from node.ports.verdicts import Outcome, Verdicts, over_subsets
from protocol.digest import Digest


class JointJudge:
    """`node.ports.verdicts.Judge` of the subsets that are followed; of one alone its verdicts, as they are."""

    def __init__(self, judges: Mapping[str, LocalJudge]) -> None:
        """`judges` by the names of their subsets."""
        self._judges: Final = dict(judges)
        self.given: Counter[Outcome] = Counter()
        """Verdicts by what they say, since this process began."""

    async def judge(self, parts: Sequence[Sequence[Digest]], name: str, *, handed: bool = False) -> Verdicts:
        """As the port says. Each subset is asked about what its own screen does not clear, and nothing else."""
        found = await asyncio.gather(
            *(judge.judge(parts, name, handed=handed) for judge in self._judges.values())
        )
        judged = found[0] if len(found) == 1 else self._joint(found)
        self.given[judged.whole.outcome] += 1
        return judged

    def _joint(self, found: Sequence[Verdicts]) -> Verdicts:
        signed = [
            [replace(verdict, subset=subset, version=judge.version) for verdict in verdicts.parts]
            for (subset, judge), verdicts in zip(self._judges.items(), found, strict=True)
        ]
        return Verdicts(tuple(map(over_subsets, zip(*signed, strict=True))))
