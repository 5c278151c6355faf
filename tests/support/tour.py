"""Documentation that is run: ```console blocks are typed into real shells, and what they print is compared.

A block shows commands after a prompt `NAME$ ` and what they print below. Each NAME is one terminal (a person at a
machine), with a shell of its own that lives as long as the page. A command that ends in `# exit code N` is expected to
leave with N, any other with 0. A line `…` stands for lines that are not shown. `&` at the end starts a server: its
shown lines are waited for.

What differs from run to run (fingerprints, invitations, dates, byte counts, the home folder) is masked for comparison.
Fingerprints are also *read over*: where a page repeats words that a command showed, the words of this run are typed, as
people do who read them out by telephone. The same holds for ports: the page's are replaced by free ones.

Needs nothing but Python and bash, so it also runs by itself, from the repository's folder:
`python3 tests/support/tour.py docs/manuals/tour.md`; with `--rewrite` it writes what was printed into the page.
"""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\s*$")
_PROMPT = re.compile(r"^([a-z]*)\$ (.+)$")
_EXIT = re.compile(r"# exit code (\d+)$")
_ERASED = re.compile(r".*\r\x1b\[K")
"""What a terminal shows no more: a line of progress that was drawn over."""
_WORDS = re.compile(r"\b[a-z]{5}(?:-[a-z]{5}){7}\b")
_PORT = re.compile(r"\b844\d\b")
_MASKS = (
    (_WORDS, "FINGERPRINT"),
    (re.compile(r"/#[A-Z2-7]{52}"), "/#CODE"),
    (re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d UTC|T\d\d:\d\d:\d\dZ)?"), "DATE"),
    (re.compile(r"\bvalid for \d+ days"), "valid for DAYS"),
    (re.compile(r"\bentry \d+"), "entry NUMBER"),
    (re.compile(r'(?<=/lists/national:)\d+|(?<="index":)\d+'), "NUMBER"),
    (re.compile(r"[\d,]+ bytes received, [\d,]+ sent"), "BYTES"),
    (re.compile(r"[\d,]+ bytes"), "BYTES"),
    (re.compile(r"[\d,]+ of [\d,]+ evaluations"), "EVALUATIONS"),
    (re.compile(r"[\d,]+ GiB"), "SPACE"),
    (re.compile(r"^OK    group: .*"), "OK    group: GROUP"),
    (re.compile(r"\b1\d{12}\b"), "MILLISECONDS"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{8}){3}\b|\b[0-9a-f]{8}\b"), "ID"),
)
ELLIPSIS = "…"
INSTALLED = "/opt/sigfed/bin"
"""What manuals put in front of PATH."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a page, who types it, what the page shows below it, and the exit code the page claims."""

    who: str
    command: str
    shown: tuple[str, ...]
    line: int
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was typed: what it printed, its exit code, how long it took."""

    step: Step
    printed: tuple[str, ...]
    exit_code: int
    seconds: float

    @property
    def as_shown(self) -> bool:
        """Whether the page tells the truth about it."""
        return self.exit_code == self.step.exit_code and matches(self.printed, self.step.shown)

    @property
    def story(self) -> str:
        """The step as a test shows it when the page is wrong."""
        return "\n".join(
            (
                f"line {self.step.line}: {self.step.who}$ {self.step.command}",
                f"--- the page shows (exit code {self.step.exit_code})",
                *self.step.shown,
                f"--- it printed (exit code {self.exit_code})",
                *self.printed,
            )
        )


def blocks(text: str, language: str) -> Iterator[tuple[int, list[str]]]:
    """The fenced blocks of a language in a Markdown text: first line's number, lines."""
    inside: list[str] | None = None
    kind, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if inside is None:
            if fence:
                inside, kind, start = [], fence[1], number + 1
        elif line.startswith("```"):
            if kind == language:
                yield start, inside
            inside = None
        else:
            inside.append(line)


def steps(text: str) -> list[Step]:
    """The commands of all ```console blocks of a page, in order."""
    found: list[Step] = []
    for start, lines in blocks(text, "console"):
        number = 0
        while number < len(lines):
            prompt = _PROMPT.match(lines[number])
            assert prompt, f"line {start + number}: output before any prompt"
            first, command = start + number, prompt[2]
            number += 1
            while command.endswith("\\"):
                command += "\n" + lines[number]
                number += 1
            shown = []
            while number < len(lines) and not _PROMPT.match(lines[number]):
                shown.append(lines[number])
                number += 1
            claimed = _EXIT.search(command)
            found.append(Step(prompt[1], command, tuple(shown), first, int(claimed[1]) if claimed else 0))
    return found


def masked(line: str) -> str:
    """A line without what differs from run to run."""
    for pattern, word in _MASKS:
        line = pattern.sub(word, line)
    return re.sub(r" {2,}", "  ", line.rstrip())


def matches(printed: Iterable[str], shown: Iterable[str]) -> bool:
    """Whether printed lines are what a page shows, where `…` stands for any lines."""
    pattern = "".join(
        "(?:.*\n)*" if line.strip() == ELLIPSIS else re.escape(masked(line)) + "\n" for line in shown
    )
    return re.fullmatch(pattern, "".join(masked(line) + "\n" for line in printed)) is not None


class Terminal:
    """One shell, its output on a terminal of its own; every command gets an empty standard input."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._screen, slave = pty.openpty()
        tty.setraw(slave)
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
        os.close(slave)
        self._waiting = b""
        self._script = Path(environment["HOME"]) / f".typed-{self._shell.pid}"

    def type(self, step: Step, *, patience: float) -> Done:
        """Type a command and wait for its end, or for the lines a server is expected to show."""
        began = time.monotonic()
        self._script.write_text(step.command + "\n")
        assert self._shell.stdin is not None
        mark = f"~{os.urandom(8).hex()}~"
        self._shell.stdin.write(f". {self._script} </dev/null; printf '{mark}%d\\n' $?\n".encode())
        self._shell.stdin.flush()
        printed, code = self._until(mark, began + patience)
        if step.command.rstrip().endswith("&"):
            printed += self._lines(len(step.shown) - len(printed), began + patience)
        return Done(step, tuple(printed), code, time.monotonic() - began)

    def _until(self, mark: str, deadline: float) -> tuple[list[str], int]:
        lines: list[str] = []
        while True:
            (line,) = self._lines(1, deadline)
            before, found, code = line.partition(mark)
            if found:
                return [*lines, before] if before else lines, int(code)
            lines.append(line)

    def _lines(self, count: int, deadline: float) -> list[str]:
        lines: list[str] = []
        while len(lines) < count:
            line, end, rest = self._waiting.partition(b"\n")
            if end:
                lines.append(_ERASED.sub("", line.decode(errors="replace").rstrip("\r")))
                self._waiting = rest
                continue
            ready = select.select([self._screen], [], [], max(0.0, deadline - time.monotonic()))[0]
            if not ready:
                raise TimeoutError("\n".join(["a command does not end; it printed", *lines, line.decode()]))
            self._waiting += os.read(self._screen, 65536)
        return lines

    def close(self) -> None:
        """End the shell and whatever it started that still runs."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._shell.pid, sign)
                self._shell.wait(timeout=15)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self._shell.wait()
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        os.close(self._screen)
        self._script.unlink(missing_ok=True)


@dataclass(slots=True)
class Typist:
    """Types the commands of pages into one terminal a person, and reads over what people would read over."""

    folder: Path
    home: Path
    environment: Mapping[str, str]
    patience: float = 180.0
    terminals: dict[str, Terminal] = field(default_factory=dict)
    read_over: dict[str, str] = field(default_factory=dict)

    def type(self, step: Step) -> Done:
        """Type one step with this run's words and ports."""
        terminal = self.terminals.get(step.who)
        if terminal is None:
            variables = {**self.environment, "HOME": str(self.home)}
            terminal = self.terminals[step.who] = Terminal(self.folder, variables)
        typed = Step(step.who, self._as_here(step.command), step.shown, step.line, step.exit_code)
        done = terminal.type(typed, patience=self.patience)
        self._note_words(done)
        return Done(step, tuple(self._as_shown(line) for line in done.printed), done.exit_code, done.seconds)

    def close(self) -> None:
        """End all terminals."""
        for terminal in self.terminals.values():
            terminal.close()

    def _as_here(self, text: str) -> str:
        for port in set(_PORT.findall(text)):
            self.read_over.setdefault(port, _free_port())
        for shown, here in self.read_over.items():
            text = text.replace(shown, here)
        return text

    def _as_shown(self, line: str) -> str:
        for shown, here in self.read_over.items():
            line = line.replace(here, shown)
        return line.replace(str(self.home), "/home/you").replace(str(self.folder), "/home/you/sigfed")

    def _note_words(self, done: Done) -> None:
        shown = [words for line in done.step.shown for words in _WORDS.findall(line)]
        printed = [words for line in done.printed for words in _WORDS.findall(line)]
        self.read_over.update(zip(shown, printed, strict=False))


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def rewritten(text: str, done: Iterable[Done]) -> str:
    """The page with what its commands printed now, where it showed something else."""
    lines: list[str | None] = list(text.splitlines())
    for one in done:
        if one.as_shown:
            continue
        first = one.step.line - 1 + len(one.step.command.splitlines())
        lines[first : first + len(one.step.shown)] = [None] * len(one.step.shown)
        lines[first - 1] = "\n".join((lines[first - 1] or "", *one.printed))
    return "".join(f"{line}\n" for line in lines if line is not None)


def main(pages: list[str], *, rewrite: bool) -> int:
    """Type pages from the current folder in one world, and say how long each command took."""
    wrong = 0
    with tempfile.TemporaryDirectory() as home:
        read_over = {INSTALLED: "$PWD/.venv/bin"}
        typist = Typist(folder=Path.cwd(), home=Path(home), environment=dict(os.environ), read_over=read_over)
        try:
            for page in map(Path, pages):
                text = page.read_text(encoding="utf-8")
                done = [_typed_aloud(typist, step) for step in steps(text)]
                wrong += sum(not one.as_shown for one in done)
                if rewrite and all(one.exit_code == one.step.exit_code for one in done):
                    page.write_text(rewritten(text, done), encoding="utf-8")
        finally:
            typist.close()
    sys.stdout.write("the pages tell the truth\n" if not wrong else f"{wrong} commands did something else\n")
    return int(wrong > 0)


def _typed_aloud(typist: Typist, step: Step) -> Done:
    done = typist.type(step)
    sys.stdout.write(f"{done.seconds:7.1f} s  {step.who}$ {step.command}\n")
    sys.stdout.write("" if done.as_shown else done.story + "\n")
    return done


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if name != "--rewrite"], rewrite="--rewrite" in sys.argv))
