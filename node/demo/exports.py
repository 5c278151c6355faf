"""Made-up exports in the form of the ICSE database, as an agency would have them on a stick.

Sixteen columns, semicolons, one line a file. Series, investigation and unit are case intelligence: the names written
here are made to be found again, should they ever turn up where they must not.
"""

import base64
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.demo.synthetic import MadeUp
from node.formats.icse import CASE

HEADER = ("MD5", "SHA1", "ZZ40", "PhotoDNA", "Lace", "Image ID", *CASE, "Baseline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What one export holds."""

    agency: str
    baseline: Sequence[MadeUp]
    others: Sequence[MadeUp] = ()

    @property
    def case_words(self) -> tuple[str, ...]:
        """Case intelligence that is written into it."""
        return f"Series-of-{self.agency}", f"Investigation-of-{self.agency}", f"Unit-of-{self.agency}"

    def write(self, path: Path) -> int:
        """Write the file; returns its bytes."""
        with path.open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
            writer.writerow(HEADER)
            writer.writerows(self._rows(self.baseline, first=1, flag="Yes"))
            writer.writerows(self._rows(self.others, first=1 + len(self.baseline), flag="No"))
        return path.stat().st_size

    def _rows(self, files: Iterable[MadeUp], *, first: int, flag: str) -> Iterable[list[str]]:
        series, investigation, unit = self.case_words
        for number, file in enumerate(files, first):
            image = file.is_image
            yield [
                file.md5.hex(),
                file.sha1.hex(),
                file.stand_in("zz40", 16).hex().upper(),
                file.stand_in("photodna", 144).hex().upper() if image else "",
                base64.b64encode(file.stand_in("lace", 129)).decode() if image else "",
                str(4_000_000 + number),
                "YN"[number % 2],
                "NY"[number % 3 == 0],
                "NY"[number % 7 == 0],
                series if number % 4 == 0 else "",
                investigation if number % 6 == 0 else "",
                unit,
                str(1 + number % 9),
                str(number % 8 != 0),
                "Image" if image else "Video",
                flag,
            ]
