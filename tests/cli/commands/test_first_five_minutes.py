"""A hoster with one string, typed at a terminal: from nothing to a hit that was reported and put right.

Five minutes of typing are promised. The machine's own seconds are printed, not judged.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.agencies import BOTH, SUBSET, Federation, numbered
from support.tour import Done, Step, Terminal

pytestmark = pytest.mark.slow

CHARACTERS_A_MINUTE = 200
"""Slow: forty words."""
PROMISE_MINUTES = 5
COMMANDS = 6
"""Enrol, update, scan, report, resolve, and saying once where the folder is."""
FILES = 100
NEWCOMER = "beginner"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A person's home folder with a hundred files, one of them listed."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    for number, content in enumerate([*numbered("upload", FILES - 1), BOTH]):
        (folder / f"{number}.jpg").write_bytes(content)
    return tmp_path


@dataclass(slots=True)
class Hoster:
    """Who types, and all that was typed."""

    terminal: Terminal
    typed: list[Done] = field(default_factory=list)

    def types(self, command: str, *, exit_code: int = 0) -> tuple[str, ...]:
        """What a command prints, which must end with `exit_code`."""
        done = self.terminal.type(Step(NEWCOMER, command, (), 0, exit_code), patience=180.0)
        assert done.exit_code == exit_code, done.story
        self.typed.append(done)
        return done.printed

    @property
    def characters(self) -> int:
        """Keys pressed, each command's Enter among them."""
        return sum(len(done.step.command) + 1 for done in self.typed)


@pytest.fixture
def hoster(home: Path, shell_environment: dict[str, str]) -> Iterator[Hoster]:
    terminal = Terminal(home, {**shell_environment, "HOME": str(home)})
    yield Hoster(terminal)
    terminal.close()


@pytest.mark.threat("a month until the first hit")
def test_from_one_string_to_a_resolved_hit_in_five_minutes_of_typing(
    federation: Federation, home: Path, hoster: Hoster, capsys: pytest.CaptureFixture[str]
) -> None:
    invited = federation.fr.done("partner", "invite", NEWCOMER, "--subset", SUBSET)
    (home / "invitation").write_text(str(invited["invitation"]) + "\n")

    hoster.types("export SIGFED_HOME=~/sigfed")
    enrolled = hoster.types("sigfed enroll --stdin < invitation")
    assert f"enrolled as {NEWCOMER} with fr.example, subset {SUBSET}" in enrolled
    assert any("up to date" in line for line in hoster.types("sigfed update"))
    scanned = hoster.types("sigfed scan uploads", exit_code=1)
    assert any(line.startswith(f"{FILES} files, ") for line in scanned)
    assert any(line.startswith(f"1 on the list, {FILES - 1} not on the list") for line in scanned)
    reported = hoster.types("sigfed hit report --all")
    (receipt,) = [line for line in reported if "reported, baseline, receipt verified" in line]
    short = receipt.partition(":")[0]
    resolved = hoster.types(f"sigfed hit resolve {short} --action removed")
    assert "The agency was told: the id of your report, what you did, and when." in resolved

    (at_agency,) = federation.fr.run("hit", "ls", "--partner", NEWCOMER).results
    assert (str(at_agency["hit"])[:8], at_agency["action"]) == (short, "removed")
    minutes = hoster.characters / CHARACTERS_A_MINUTE
    seconds = sum(done.seconds for done in hoster.typed)
    with capsys.disabled():
        sys.stdout.write(
            f"\n  first five minutes: {len(hoster.typed)} commands, {hoster.characters} characters"
            f" ({minutes:.1f} minutes of typing), {seconds:.0f} s of waiting\n"
        )
    assert len(hoster.typed) <= COMMANDS
    assert minutes < PROMISE_MINUTES
