"""The walk from beginning to end: every chapter, the report, the verdict; no process outlives it.

Exit code 0 means that every claim was tested and held. A command that fails ends the walk: what was not come to did
not hold. The folder stays.
"""

import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from node.clock import SystemClock, system_entropy
from node.demo.chapters.chapters import CHAPTERS, Chapter, claims_of, play, programme
from node.demo.parties import AGENCIES
from node.demo.ports import free_ports
from node.demo.processes import StepFailedError
from node.demo.record import Record
from node.demo.report.page import page
from node.demo.world import Listener, World
from node.errors import AlreadyExistsError

ROWS: Final = 1500
REPORT: Final = "report.html"
HELD, NOT_HELD = 0, 2


def run(folder: Path | None, *, output: Listener, rows: int = ROWS, chapter: str = "") -> int:
    """Walk in `folder`, or in a new temporary one; the exit code says whether every claim held.

    With the name of a chapter: no further than that chapter, and only what it rests on.

    Raises:
        AlreadyExistsError: the folder is not empty.
        UsageError: there is no such chapter.
    """
    clock = SystemClock()
    began = clock.now()
    chapters = programme(chapter)
    world = stage(prepared(folder), output=output, rows=rows, chapters=chapters)
    output.talk(f"walking in {world.folder}; this takes a minute or two")
    with stoppable(), closing(world):
        try:
            for each in chapters:
                play(world, each)
        except StepFailedError as failure:
            output.talk("", f"stopped: {failure}", f"  {failure.hint}")
            world.record.give_up(str(failure))
        except KeyboardInterrupt:
            output.talk("", "stopped; the next walk begins anew, in another folder")
            raise
    return conclude(world, seconds=(clock.now() - began).total_seconds())


def stage(folder: Path, *, output: Listener, rows: int, chapters: Sequence[Chapter] = CHAPTERS) -> World:
    """A world in an empty folder, before chapter one; each agency will import about `rows` rows."""
    ports = dict(zip(AGENCIES, free_ports(len(AGENCIES), system_entropy), strict=True))
    names = tuple(chapter.name for chapter in chapters)
    record = Record(expected=claims_of(chapters), chapters=names)
    return World(folder=folder, rows=rows, ports=ports, listener=output, record=record)


def conclude(world: World, *, seconds: float) -> int:
    """Tell the findings, write the report, and return the exit code."""
    output, record = world.listener, world.record
    output.talk("")
    for finding in record.findings:
        mark = "ok " if finding.held else "NOT"
        output.result(
            {"claim": finding.claim.name, "held": finding.held, "detail": finding.detail},
            f"{mark} {finding.claim.name}: {finding.claim.sentence}",
            *(() if finding.held else (f"    {finding.detail}",)),
        )
    path = world.place(REPORT)
    path.write_text(page(record, seconds=seconds), encoding="utf-8")
    held = sum(finding.held for finding in record.findings)
    output.result(
        {"report": str(path), "seconds": round(seconds, 1), "ok": record.complete},
        f"{held} of {len(record.findings)} claims held, in {seconds:.0f} seconds",
        f"report: {path}",
    )
    return HELD if record.complete else NOT_HELD


def prepared(folder: Path | None) -> Path:
    """The empty folder to use: the named one, or a new temporary one.

    Raises:
        AlreadyExistsError: it is not empty.
    """
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="sigfed-demo-"))
    path = folder.expanduser().absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise AlreadyExistsError("{path} is not empty", path, hint="name a new folder with --dir")
    return path


@contextmanager
def stoppable() -> Iterator[None]:
    """Let a polite request to end be an interrupt, so that nodes are stopped on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
