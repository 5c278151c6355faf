"""What the whole suite holds to, tried on a suite of its own.

A skip that nobody sees is a test that is not there; a test that leans on a program without asking for it fails on the
first machine that lacks it.
"""

import os
import subprocess
import sys
from multiprocessing import forkserver
from pathlib import Path

import pytest

from node.identity.lock import LOCK_NAME
from support import preloaded
from support.agencies import federate

SKIPS = {
    "in the body": "import pytest\ndef test_a(): pytest.skip('why')\n",
    "module": "import pytest\npytest.skip('why', allow_module_level=True)\n",
}


def run(
    folder: Path, source: str, *words: str, require_all: str = "0", leaning: str = ""
) -> subprocess.CompletedProcess[str]:
    conftest = Path(__file__).parent.parent / "conftest.py"
    (folder / "conftest.py").write_text(conftest.read_text())
    (folder / "test_it.py").write_text(source)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(folder),
            *(words or [str(folder)]),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={
            **os.environ,
            "SIGFED_REQUIRE_ALL": require_all,
            "SIGFED_LEANING": leaning,
            "PYTHONPATH": str(conftest.parent),
        },
    )


@pytest.mark.parametrize("source", SKIPS.values(), ids=SKIPS.keys())
def test_a_skip_fails_where_everything_is_required(tmp_path: Path, source: str) -> None:
    result = run(tmp_path, source, require_all="1")
    assert result.returncode not in (0, 5), result.stdout
    assert "why" in result.stdout


@pytest.mark.parametrize(
    ("words", "require_all", "ran"),
    [(["-n", "1"], "0", "1 passed in"), (["-ra"], "1", "2 passed in"), (["test_it.py"], "0", "2 passed in")],
    ids=["plain, in workers", "everything", "by name"],
)
def test_the_plain_command_alone_leaves_out_what_is_slow(
    tmp_path: Path, words: list[str], require_all: str, ran: str
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = .\nmarkers = slow\n")
    source = "import pytest\n@pytest.mark.slow\ndef test_a(): pass\ndef test_b(): pass\n"
    assert ran in run(tmp_path, source, *words, require_all=require_all).stdout


def test_workers_are_forks_of_one_process_that_collected(tmp_path: Path) -> None:
    source = """
import os
from pathlib import Path

HERE = Path(__file__).parent
(HERE / f"loaded-{__name__}-{os.getpid()}").touch()

def test_a(tmp_path):
    own = [os.getpid(), tmp_path.parent, os.environ["XDG_RUNTIME_DIR"], os.environ["PYTEST_XDIST_WORKER"]]
    (HERE / f"ran-{__name__}").write_text("\\n".join(map(str, own)))

def test_b(capfd):
    os.write(1, b"seen")
    assert capfd.readouterr().out == "seen"

def test_c():
    print("told of", __name__)
    assert False

def test_d():
    try:
        (HERE / "died").touch(exist_ok=False)
    except FileExistsError:
        return
    os._exit(3)

def test_e():
    pass
"""
    (tmp_path / "test_other.py").write_text(source)
    result = run(tmp_path, source, "-n", "2", "--dist", "loadfile", ".")
    assert "3 failed, 8 passed" in result.stdout, result.stdout + result.stderr
    assert "crashed while running" in result.stdout
    assert "told of test_it" in result.stdout
    assert "told of test_other" in result.stdout
    names = [path.name.rpartition("-")[0] for path in tmp_path.glob("loaded-*")]
    assert sorted(names) == ["loaded-test_it", "loaded-test_other"]
    first, second = (path.read_text().splitlines() for path in tmp_path.glob("ran-*"))
    assert not {*first} & {*second}


def test_workers_tell_what_does_not_collect(tmp_path: Path) -> None:
    result = run(tmp_path, "import nothing_of_this_name\n", "-n", "2", ".")
    assert "No module named 'nothing_of_this_name'" in result.stdout
    assert "1 error in" in result.stdout
    assert result.returncode == pytest.ExitCode.TESTS_FAILED


def test_what_leans_on_a_program_is_listed(tmp_path: Path) -> None:
    source = """
import subprocess
import sys
from multiprocessing import forkserver
import pytest

from node.identity.lock import LOCK_NAME
from support import preloaded
from support.agencies import federate
from support.programs import needed

@pytest.fixture(scope="module")
def kept():
    return needed("git")

def test_asks(): needed("git")
def test_has_it_from_a_fixture(kept): pass
def test_has_it_too(kept): pass
def test_opens_a_shell(): subprocess.run("exit 0", shell=True, check=True)
def test_opens_one_that_finds_nothing():
    subprocess.run(["/bin/sh", "-c", "exit 0"], check=True, env={"PATH": sys.prefix + "/bin"})
def test_does_not(): pass

class TestElsewhere:
    @pytest.fixture(scope="class")
    def kept(self): pass

    def test_has_another_of_that_name(self, kept): pass
"""
    leaning = tmp_path / "leaning"
    assert run(tmp_path, source, leaning=str(leaning)).returncode == 0
    named = ("asks", "has_it_from_a_fixture", "has_it_too", "opens_a_shell")
    assert leaning.read_text().split() == [f"test_it.py::test_{name}" for name in named]


def test_a_program_that_was_not_asked_for_fails_where_it_is_installed(tmp_path: Path) -> None:
    source = "import subprocess\ndef test_a(): subprocess.run(['cat', '/dev/null'], check=True)\n"
    result = run(tmp_path, source)
    assert result.returncode == 1, result.stdout
    assert "cat was not asked for" in result.stdout


def test_the_server_of_forks_starts_without_a_change_of_our_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command in another thread would keep the changed one, and put it back for every test that follows."""
    before, seen = dict(os.environ), []
    monkeypatch.setattr(forkserver, "ensure_running", lambda: seen.append(dict(os.environ)))
    preloaded._started.__wrapped__()
    assert seen == [before]


def test_a_federation_that_does_not_come_about_leaves_no_node_running(tmp_path: Path) -> None:
    """It would keep its port, and a processor, until the machine is switched off."""
    (tmp_path / "nl").write_text("in the way")
    with pytest.raises(AssertionError):
        federate(tmp_path)
    assert not (tmp_path / "fr" / LOCK_NAME).exists(), "it ran"
