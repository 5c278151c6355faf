"""What tests lean on that pip does not bring: one door, and a watch that everybody takes it.

A test that needs a program of the machine asks `needed` for it, and is skipped with what to install where it is not.
Starting one without having asked fails, also where it is installed. Which tests asked, or opened a shell, is written to
the file that `SIGFED_LEANING` names: `.ci/run` runs exactly these once more where nothing of it is installed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest

PACKAGES: Mapping[str, str] = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "cc": "gcc",
    "chromium": "chromium-headless-shell",
    "chromium-headless-shell": "chromium-headless-shell",
    "clamdscan": "clamdscan",
    "clang": "clang",
    "etcd": "etcd-server",
    "faketime": "faketime",
    "git": "git",
    "haproxy": "haproxy",
    "initdb": "postgresql",
    "nginx": "nginx-light",
    "node": "nodejs",
    "qemu-aarch64": "qemu-user",
    "rspamd": "rspamd",
    "softhsm2-util": "softhsm2",
    "squid": "squid",
    "ssh-agent": "openssh-client",
    "systemd-analyze": "systemd",
    "valgrind": "valgrind",
}
"""Programs, and the Debian packages that have them."""
WITH_THEM: Mapping[str, str] = {
    "postgres": "initdb",
    "ssh-add": "ssh-agent",
    "ssh-keygen": "ssh-agent",
    "weed": "SIGFED_SEAWEEDFS",
}
"""Programs that may be started once another was asked for."""
EVERYWHERE = frozenset(
    [
        "bash",
        "chown",
        "env",
        "false",
        "ldconfig",
        "ls",
        "mount",
        "printenv",
        "setpriv",
        "sh",
        "tee",
        "touch",
        "umount",
        "uname",
        "useradd",
        "userdel",
        "xargs",
    ]
)
"""What a bare Debian has; `.ci/bare` shows when one of them is wrong."""
LOOKED_FOR = frozenset({"clamscan", "dpkg-query"})
"""What is compared with where it happens to be, and else done without."""
SHELLS = frozenset({"bash", "sh"})
"""What is typed into them is not watched, so whoever opens one counts as leaning unless PATH has nothing there."""
BARE = os.environ.get("SIGFED_BARE") == "1"
"""Only PATH counts: what lies beside it, in folders of a system that has everything, is not looked at."""
_BESIDE_PATH = ("usr/sbin", "usr/lib/postgresql/*/bin")
_LIST = os.environ.get("SIGFED_LEANING", "")


def found(name: str) -> Path | None:
    """Where a program is (of several versions the newest); None where it is not installed."""
    beside = (
        [] if BARE else [path for each in _BESIDE_PATH for path in sorted(Path("/").glob(each), reverse=True)]
    )
    for path in (None, *beside):
        there = shutil.which(name, path=path if path is None else str(path))
        if there is not None:
            return Path(there)
    return None


def hint(name: str) -> str:
    """What to do where a program is missing."""
    return f"needs {name} (Debian: apt install {PACKAGES[name]})"


def needed(name: str) -> Path:
    """Where a program is; the test that asks is skipped where it is not installed."""
    _WATCH.note(name)
    there = found(name)
    if there is None:
        pytest.skip(hint(name))
    return there


def needed_in(variable: str, place: str, how: str) -> Path:
    """The folder that a variable names, with `place` in it; a skip with how to get it where there is none."""
    _WATCH.note(variable)
    folder = os.environ.get(variable, "")
    if not folder or not any(Path(folder).glob(place)):
        pytest.skip(f"set {variable}=DIR after: {how}")
    return Path(folder).absolute()


def npm_folder(package: str, variable: str) -> Path:
    """Where a package of npm, given as NAME@VERSION, is installed for `node`; the test is skipped without."""
    name, _, _ = package.partition("@")
    return needed_in(variable, f"node_modules/{name}", f"npm install --prefix DIR {package}")


def node_answers(script: str, package: str, variable: str, *, asked: str) -> str:
    """What a script of `tests/interop` that uses a package of npm says to this; the test is skipped without it."""
    path = Path(__file__).parents[1] / "interop" / script
    command = [str(needed("node")), str(path), str(npm_folder(package, variable))]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"node ended with {done.returncode}: {done.stderr}"
    return done.stdout


class _Watch:
    """Who asked for what."""

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._leaning = False
        self._making: list[pytest.FixtureDef[Any]] = []
        self._kept: set[pytest.FixtureDef[Any]] = set()
        """Those that asked; another file has others of their names."""

    def note(self, name: str) -> None:
        self._asked.add(name)
        self._leaning = True
        self._kept.update(self._making)

    def started(self, program: str, search: str) -> None:
        """A process begins; raises `AssertionError` when it is one that may not be there."""
        name = Path(program).name
        if name in SHELLS and not _is_bare(search):
            self.note(name)
        elsewhere = shutil.which(program)
        if name in EVERYWHERE | LOOKED_FOR or elsewhere is None:
            return
        asked = [os.environ[name] for name in self._asked if name in os.environ]
        places = (sys.prefix, sys.base_prefix, gettempdir(), *asked)
        for path in (Path(elsewhere).absolute(), Path(elsewhere).resolve()):
            if any(path.is_relative_to(place) for place in places if place != "/usr"):
                return
        if Path(elsewhere).samefile(sys.executable):
            return
        assert WITH_THEM.get(name, name) in self._asked, f"{program} was not asked for: see support.programs"

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """What a fixture that is kept for several tests asks for, all of them lean on."""
        if fixturedef.scope == "function":
            return (yield)
        self._making.append(fixturedef)
        try:
            return (yield)
        finally:
            self._making.pop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._leaning = False
        try:
            return (yield)
        finally:
            if _LIST and (self._leaning or not self._kept.isdisjoint(_fixtures(item))):
                with Path(_LIST).open("a", encoding="utf-8") as file:
                    file.write(f"{item.nodeid}\n")


def _fixtures(item: pytest.Item) -> Iterator[pytest.FixtureDef[Any]]:
    """Those that a test has; of several of one name the innermost, and what it makes more of."""
    known = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    for name, found in known.items():
        for each in reversed(found):
            yield each
            if name not in each.argnames:
                break


_WATCH = _Watch()


def _is_bare(path: str) -> bool:
    """Whether a PATH leads to nothing but this environment and what the run itself made; see `support.bare`."""
    own = (sys.prefix, gettempdir())
    return all(any(Path(each).is_relative_to(place) for place in own) for each in path.split(os.pathsep))


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        program, words, _folder, variables = arguments
        _WATCH.started(os.fsdecode(program or words[0]), (variables or os.environ).get("PATH", ""))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_WATCH)
    sys.addaudithook(_audit)
