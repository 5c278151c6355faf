"""Completion answers in the shells themselves: bash runs the script it is given, zsh and fish are asked as they ask."""

import subprocess
import sys
from pathlib import Path

import pytest

ASK_BASH = """
eval "$(sigfed --show-completion)"
COMP_WORDS=({words}); COMP_CWORD={place}
_sigfed_completion sigfed
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def _run(command: list[str], environment: dict[str, str], **more: str) -> list[str]:
    done = subprocess.run(
        command, env={**environment, **more}, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def _bash(line: str, environment: dict[str, str]) -> list[str]:
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    script = ASK_BASH.format(words=quoted, place=len(words) - 1)
    return _run(["bash", "--noprofile", "--norc", "-c", script], environment)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        pytest.param("sigfed li", ["list"], id="noun"),
        pytest.param("sigfed en", ["endorse", "enroll", "entry"], id="several"),
        pytest.param("sigfed peer ", ["add", "grant", "ls", "remove", "sync"], id="verbs"),
        pytest.param("sigfed entry import --co", ["--collection", "--column"], id="options"),
        pytest.param("sigfed partner invite --files", ["--files-per-day"], id="option"),
        pytest.param("sigfed --ho", ["--home"], id="global"),
    ],
)
def test_bash_completes(line: str, offered: list[str], shell_environment: dict[str, str]) -> None:
    assert sorted(_bash(line, shell_environment)) == offered


def test_bash_leaves_files_to_itself(shell_environment: dict[str, str]) -> None:
    assert _bash("sigfed check some", shell_environment) in ([], [""])


def test_zsh_is_told_what_each_verb_does(shell_environment: dict[str, str]) -> None:
    told = _run(
        ["sigfed"], shell_environment, _SIGFED_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="sigfed peer s"
    )
    assert "sync" in "".join(told)
    assert "Fetch what peers published" in "".join(told)


def test_fish_is_told_the_verbs(shell_environment: dict[str, str]) -> None:
    told = _run(
        ["sigfed"],
        shell_environment,
        _SIGFED_COMPLETE="complete_fish",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
        _TYPER_COMPLETE_ARGS="sigfed subset r",
    )
    assert [line.split("\t")[0] for line in told] == ["release"]


def test_installing_adds_a_script_that_bash_loads(tmp_path: Path, shell_environment: dict[str, str]) -> None:
    home = {**shell_environment, "HOME": str(tmp_path)}
    _run(["bash", "--noprofile", "--norc", "-c", "sigfed --install-completion; true"], home)
    told = _run(["bash", "--noprofile", "--norc", "-c", "source ~/.bashrc; complete -p sigfed"], home)
    assert told == ["complete -o default -F _sigfed_completion sigfed"]


def test_completing_loads_nothing_that_a_person_would_wait_for(shell_environment: dict[str, str]) -> None:
    heavy = "{'sqlalchemy', 'aiohttp', 'numpy', 'alembic'}"
    ask = f"import sys, node.cli.main; print(*({heavy} & set(sys.modules)))"
    python = str(Path(sys.executable))
    assert _run([python, "-c", ask], shell_environment) == [""]
