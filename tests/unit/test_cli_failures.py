"""Failures of the machine are messages and exit codes, and what cannot become a node leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from node.cli import main
from node.cli.exit_codes import ExitCode
from node.cli.main import run


def _init(home: Path, passphrase: Path, **changes: str) -> list[str]:
    answers = {"node": "fr.example", "country": "FR", "url": "https://fr.example/"} | changes
    options = [part for name, value in answers.items() for part in (f"--{name}", value)]
    secrets = ["--passphrase-file", str(passphrase), "--root-passphrase-file", str(passphrase)]
    return ["--home", str(home), "init", *options, *secrets, "--root-kdf", "online"]


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text("a long passphrase\n")
    return path


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("url", "http://fr.example/", id="address without TLS"),
        pytest.param("url", "https://FR.example/", id="address in capitals"),
        pytest.param("country", "XX", id="no country"),
        pytest.param("node", f"{'a' * 64}.example", id="name with a long label"),
    ],
)
def test_an_answer_that_cannot_be_signed_leaves_no_half_node(
    tmp_path: Path, passphrase: Path, capsys: pytest.CaptureFixture[str], field: str, value: str
) -> None:
    home = tmp_path / "home"
    assert run(_init(home, passphrase, **{field: value})) == ExitCode.FATAL
    assert capsys.readouterr().err.splitlines()[-1].startswith("sigfed: init: ")
    assert not home.exists()


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, passphrase: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"
    assert run(_init(home, passphrase)) == ExitCode.FATAL
    message = capsys.readouterr().err.splitlines()[-1]
    assert message == f"sigfed: {tmp_path / 'file'}: File exists"


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    program = "from node.cli.main import run; raise SystemExit(run(['--help']))"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == ExitCode.FATAL  # 1, typer's own, would say that files are on the list


def test_a_bug_shows_its_traceback_and_is_no_hit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: list[str]) -> int:
        raise LookupError("a bug")

    monkeypatch.setattr(main, "run", broken)
    with pytest.raises(SystemExit) as left:
        main.main()
    assert left.value.code == ExitCode.FATAL
    assert "LookupError: a bug" in capsys.readouterr().err
