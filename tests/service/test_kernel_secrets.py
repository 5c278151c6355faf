"""What the kernel's machine code does with secrets: constant time, nothing left in memory, nothing out of bounds.

Constant time is a property of what a compiler made: these tests look at the code of the compiler that is here, with the
options of the build hook. The sum of a proof is the one thing in variable time, and the control of each test.
"""

import re
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from node.group.build_hook import FLAGS
from support.kernel import EMULATED, NATIVE, UNOPTIMISED, compiled, emulator, foreign_program, program
from support.machine import made_once
from support.programs import needed
from support.sizes import THOROUGH, size

pytestmark = pytest.mark.slow

NOT_HERE = 77
PATIENCE = 1200
OPTIMISED = (FLAGS[0], "-g1")  # a report needs lines alone; for variables gcc takes half as long again
BUILDS = {"portable": OPTIMISED, "emulated": (*OPTIMISED, *EMULATED)}
"""Valgrind knows no AVX-512, so it runs one lane; the eight lanes run in plain C."""
MOST = size(quick="123", thorough="301")
"""Items in a batch: some times what the kernel takes at once, and a rest."""
COMPILERS = size(quick=("cc",), thorough=("cc", "clang"))
SANITIZED = (*UNOPTIMISED, "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# The fake stack of gcc 12 for use-after-return is aligned to 32 bytes, and code for AVX-512 wants 64.
OPTIONS = {"ASAN_OPTIONS": "detect_stack_use_after_return=0", "PATH": ""}


def run(*command: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment
    )
    if done.returncode == NOT_HERE:
        pytest.skip("needs a processor with AVX-512 IFMA")
    return done


@pytest.mark.threat("wrong arithmetic")
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("build", BUILDS)
def test_no_branch_and_no_address_depends_on_a_secret(build: str, compiler: str) -> None:
    memcheck = (needed("valgrind"), "-q", "--error-exitcode=9")
    poison = program("poison", BUILDS[build], compiler)
    done = run(*memcheck, poison, "1")
    assert done.returncode == 0, done.stderr
    assert f"path {int(build == 'emulated')}" in done.stdout
    control = run(*memcheck, poison, "1", "public")
    assert control.returncode == 9, "what is in variable time must be reported"
    assert "sum" in control.stdout


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("build", BUILDS)
def test_all_secrets_take_as_many_instructions(build: str, compiler: str) -> None:
    callgrind = (needed("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null")
    poison = program("poison", BUILDS[build], compiler)

    def counted(*arguments: str) -> str:
        done = run(*callgrind, poison, *arguments)
        assert done.returncode == 0, done.stderr
        (found,) = re.findall(r"Collected : (\d+)", done.stderr)
        return str(found)

    assert len({counted(str(seed)) for seed in range(1, 4)}) == 1
    assert len({counted(str(seed), "public") for seed in range(1, 4)}) > 1


if THOROUGH:  # millions of instructions, stepped one by one, take ten minutes

    @pytest.mark.parametrize("path", [0, 1], ids=["portable", "ifma"])
    @pytest.mark.parametrize("call", ["all", "each", "map", "uniform", "invert", "one"])
    def test_the_machine_code_takes_the_same_way_with_all_secrets(call: str, path: int) -> None:
        done = run(stepper(), compiled("kernel"), str(path), call)
        assert done.returncode == 0, done.stdout

    def test_the_sum_of_one_lane_takes_different_ways() -> None:
        """The control of the stepper: eight lanes gather, which shows in addresses that are read and not in the way."""
        done = run(stepper(), compiled("kernel"), "0", "sum")
        assert done.returncode == 1, done.stdout

    def test_on_aarch64_all_secrets_take_the_same_way() -> None:
        """Each block of instructions that an emulator enters, in order: what ends one is a branch."""
        poison = foreign_program("poison")

        def way(*arguments: str) -> tuple[int, str]:
            done = run(emulator(), "-d", "exec,nochain", poison, *arguments)
            blocks = re.findall(r"^Trace \d+: \S+ \[\w+/(\w+)/", done.stderr, re.MULTILINE)
            assert done.returncode == 0, done.stdout
            return len(blocks), sha256(" ".join(blocks).encode()).hexdigest()

        ((steps, _),) = {way(str(seed)) for seed in range(1, 4)}
        assert steps > 100_000
        assert len({way(str(seed), "public") for seed in range(1, 4)}) > 1


def stepper() -> Path:
    needed("cc")
    with made_once("trace") as target:
        if not target.exists():
            done = run("cc", "-O2", "-o", target, NATIVE / "trace.c", "-ldl")
            assert done.returncode == 0, done.stderr
    return target


@pytest.mark.threat("wrong arithmetic")
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("path", ["0", "1"], ids=["portable", "ifma"])
def test_no_copy_of_a_secret_outlives_a_call(path: str, compiler: str) -> None:
    hygiene = program("hygiene", OPTIMISED, compiler)
    done = run(hygiene, path)
    assert done.returncode == 0, done.stdout
    assert run(hygiene, path, "leave").returncode == 1, "a copy that was left must be found"


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(
    ("path", "most", "flags"),
    [("0", MOST, ()), ("1", MOST, ()), ("1", size(quick="9", thorough="12"), EMULATED)],
    ids=["portable", "ifma", "emulated"],
)
def test_sanitizers_find_nothing(path: str, most: str, flags: tuple[str, ...], compiler: str) -> None:
    exercise = program("exercise", (*SANITIZED, *flags), compiler)
    done = run(exercise, path, most, environment=OPTIONS)
    assert done.returncode == 0, done.stdout + done.stderr
