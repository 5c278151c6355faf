"""Which group a whole program computes with, and where it says so: without a kernel, with one, with a wrong one."""

import shutil
import sys
from pathlib import Path

import pytest

from node.evaluator.process import EvaluatorProcess
from node.group.build_hook import FLAGS, LIBRARY, compile_kernel
from node.ports.evaluator import EpochSecret
from protocol.oprf.kernel import PATHS
from support.agencies import found_agency
from support.kernel import UNOPTIMISED, compiled
from support.processes import Cli
from support.programs import needed

ROOT = Path(__file__).parents[3]
DOCTOR_AND_STATUS = """
import sys
from node.cli.main import run
*home, doctor = sys.argv[1:]
run([*home, doctor])
sys.exit(run([*home, "status"]))
"""
SECRET = EpochSecret(subset="baseline", epoch=1, seed=b"\x05" * 32)


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return found_agency(tmp_path_factory.mktemp("agency"), name="fr", country="FR")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A copy of the program without a kernel, which is what runs; its folder."""
    for package in ("node", "protocol", "keys"):
        ignored = shutil.ignore_patterns("*.so")  # what was compiled of Python is good there, too
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    return tmp_path


def install(program: Path, kernel: Path) -> None:
    shutil.copy(kernel, program / "node" / "group" / LIBRARY)


def edit(program: Path, file: str, before: str, after: str) -> None:
    """Change a source of its kernel."""
    source = program / "node" / "group" / "kernel" / file
    text = source.read_text(encoding="utf-8")
    assert text.count(before) == 1
    source.write_text(text.replace(before, after), encoding="utf-8")


def examined(agency: Cli, program: Path) -> tuple[str, str, str]:
    """What `doctor` and `status` say of the group: health, words, name."""
    command = ("env", f"PYTHONPATH={program}", sys.executable, "-P", "-c", DOCTOR_AND_STATUS)
    *checks, status = agency.run("doctor", program=command).results
    (check,) = [check for check in checks if check["check"] == "group"]
    return check["health"], check["words"], status["group"]


def evaluating_with(monkeypatch: pytest.MonkeyPatch, program: Path) -> str:
    """The group of the evaluation process that a node of this program starts."""
    monkeypatch.setattr(sys, "path", [str(program), *sys.path])
    with EvaluatorProcess(lambda: [SECRET]) as evaluator:
        assert len(evaluator.outputs("baseline", 1, [b"input"])) == 1
        return evaluator.group


def test_without_a_kernel(agency: Cli, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    health, words, name = examined(agency, program)
    assert (health, name) == ("ok", "libsodium")
    assert "not compiled" in words
    assert evaluating_with(monkeypatch, program) == "libsodium"


def test_with_a_kernel(agency: Cli, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(program, compiled("kernel"))
    health, words, name = examined(agency, program)
    assert health == "ok"
    assert name in PATHS
    assert words == f"{name}; its self-test passed"
    assert evaluating_with(monkeypatch, program) == name


@pytest.mark.threat("wrong arithmetic")
def test_with_a_kernel_that_computes_something_else(
    agency: Cli, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(program, "constants.h", "0x34dca135978a3", "0x34dca135978a1")
    folder = program / "node" / "group"
    needed("cc")
    assert not compile_kernel(folder / "kernel", folder / LIBRARY, (*UNOPTIMISED, *FLAGS[1:]))
    health, words, name = examined(agency, program)
    assert (health, name) == ("warn", "libsodium")
    assert "the kernel is not used" in words
    assert "other sources" not in words, "it was tested"
    assert evaluating_with(monkeypatch, program) == "libsodium"


def test_with_a_kernel_of_older_sources(agency: Cli, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable installation, in which somebody changed the kernel and did not install again."""
    install(program, compiled("kernel"))
    edit(program, "scalar.c", "Numbers modulo the order", "Numbers, modulo the order")
    health, words, name = examined(agency, program)
    assert (health, name) == ("warn", "libsodium")
    assert words == (
        "libsodium, because the kernel is not used: it was compiled from other sources than those beside it;"
        " install the program again"
    )
    assert evaluating_with(monkeypatch, program) == "libsodium"


def test_the_configuration_chooses_libsodium(agency: Cli, program: Path) -> None:
    install(program, compiled("kernel"))
    agency.edit("sigfed.toml", 'group = "fastest"', 'group = "libsodium"')
    try:
        health, words, name = examined(agency, program)
    finally:
        agency.edit("sigfed.toml", 'group = "libsodium"', 'group = "fastest"')
    assert (health, name) == ("ok", "libsodium")
    assert "configuration" in words


def test_the_evaluation_process_takes_the_choice_of_the_configuration() -> None:
    with EvaluatorProcess(lambda: [SECRET], "libsodium") as evaluator:
        assert evaluator.group == "libsodium"
