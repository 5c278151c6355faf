"""A reporter of a company's own: a line in a ledger for each hit that the agency confirmed.

Its package names it under the entry points `sigfed.reporters`, in pyproject.toml:

    [project.entry-points."sigfed.reporters"]
    ledger = "ledger_reporter:Ledger"

and `partner.toml` then knows the kind `ledger`.
"""

from collections.abc import Sequence
from pathlib import Path

from node.errors import ConfigError
from node.ports.reporters import Entry, OutsideHit, OutsideReceipt, Progress, Tools


class Ledger:
    """A `node.ports.reporters.Reporter`."""

    def __init__(self, entry: Entry, tools: Tools) -> None:
        """Check the options; what is wrong names the key and nothing secret."""
        path = entry.options.get("path")
        if not isinstance(path, str) or set(entry.options) != {"path"}:
            raise ConfigError(f"reporter {entry.name}: path is the one option, and a text")
        self._path = Path(path)
        self._entropy = tools.entropy

    @property
    def destination(self) -> str:
        """A hit that stands in this ledger is not written into it again."""
        return str(self._path)

    @property
    def leaves(self) -> Sequence[str]:
        """What a person agrees to."""
        return (f"nothing leaves: the id of the hit and its collection are written into {self._path}",)

    async def submit(self, hit: OutsideHit, progress: Progress) -> OutsideReceipt:
        """The number is kept before the line is written: a line that is there already is not written again."""
        if not progress.text:
            progress.keep(self._entropy(4).hex())
        line = f"{progress.text} {hit.id} {hit.collection}\n"
        with self._path.open("a+", encoding="utf-8") as ledger:
            ledger.seek(0)
            if line not in ledger:
                ledger.write(line)
        return OutsideReceipt(reference=progress.text)
