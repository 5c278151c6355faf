"""A node and its signer as two users of one machine, set up as the manual says, and a third user who is neither."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest

from support.agencies import LIST, cheapen, found_agency, numbered, publish_files, table
from support.processes import ROOT, Cli, contents, environment, wait_until
from support.programs import found, needed
from support.public_program import publish_program
from support.recorded_homes import lay_out

pytestmark = pytest.mark.slow
UNITS = sorted(path for kind in ("service", "timer") for path in (ROOT / "docs/deploy").glob(f"*.{kind}"))
_PASSPHRASE = "the signer's own\n"


@dataclass
class Machine:
    """Three system users: the node's and the signer's, who share a group, and a stranger."""

    folder: Path
    node: Cli
    names: dict[str, str]
    interpreter: Sequence[str]

    @property
    def group(self) -> str:
        return self.names["node"]

    def program(self, who: str) -> tuple[str, ...]:
        return (*self.interpreter, "-P", "-m", "support.as_user", self.names[who], self.group)

    def imports(self, name: str, count: int) -> None:
        """Import made-up files as the node's user."""
        path = self.folder / f"{name}.csv"
        path.write_text(table(*numbered(name, count)))
        arguments = ["entry", "import", str(path), "--list", LIST, "--basis", "own"]
        assert self.node.run(*arguments, program=self.program("node")).exit == 0

    def owned(self, path: Path, who: str) -> Path:
        """Hand a folder or a file over, as `chown -R` does."""
        subprocess.run(["chown", "-R", f"{self.names[who]}:{self.group}", str(path)], check=True)
        return path


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Sequence[str]]:
    """What runs this program for every user."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make system users: run it as root")
    folder = Path(mkdtemp(prefix="sigfed-program-", dir="/var/tmp"))  # where what is installed can be linked
    folder.chmod(0o755)
    try:
        yield publish_program(folder)
    finally:
        shutil.rmtree(folder)


def test_root_does_not_take_a_folder_of_before_from_its_user(interpreter: Sequence[str]) -> None:
    """An administrator looks at it with a command that only reads, after an upgrade and before the daemon starts."""
    service = (*interpreter, "-P", "-m", "support.as_user", "nobody", "nogroup")
    folder = Path(mkdtemp(prefix="sigfed-before-"))
    folder.chmod(0o755)
    try:
        lay_out("partner_home", folder)
        cli = Cli(folder / "home")
        subprocess.run(["chown", "-R", "nobody:nogroup", str(cli.home)], check=True)
        before = contents(cli.home)
        finished = cli.run("status")
        assert finished.exit == 2
        assert f"{cli.home / 'partner'} belongs to another user" in finished.err
        assert "do this as that user, or chown it" in finished.err
        assert contents(cli.home) == before
        assert cli.run("status", program=service).exit == 0
        state = cli.home / "partner/state.db"
        assert (state.owner(), cli.run("hit", "ls", program=service).exit) == ("nobody", 0)
        os.chown(state, 0, 0)
        finished = cli.run("status", program=service)
        assert (finished.exit, f"{state} belongs to another user" in finished.err) == (2, True)
        assert f"chown it to the node's user: {state}" in finished.err
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def machine(interpreter: Sequence[str]) -> Iterator[Machine]:
    names = {who: f"sigfed-t{os.getpid()}-{who[0]}" for who in ("node", "signer", "other")}
    # Whoever became root by `su` has no /usr/sbin in PATH.
    add, remove = str(found("useradd")), str(found("userdel"))
    folder = Path(mkdtemp(prefix="sigfed-users-"))
    folder.chmod(0o755)
    try:
        subprocess.run([add, "--system", "--user-group", "--no-create-home", names["node"]], check=True)
        for who in ("signer", "other"):
            command = [add, "--system", "--no-create-home", "--gid", names["node"], names[who]]
            subprocess.run(command, check=True)
        cli = found_agency(folder, name="fr", country="FR")
        cheapen(cli)
        cli.done("list", "create", LIST)
        publish_files(cli, numbered("first", 3))
        made = Machine(folder, cli, names, interpreter)
        for path in (cli.home, *folder.glob("fr-*passphrase")):
            made.owned(path, "node")
        yield made
    finally:
        for who in ("signer", "other", "node"):
            subprocess.run([remove, names[who]], check=False, capture_output=True)
        shutil.rmtree(folder)


def split(machine: Machine) -> Path:
    """Move the keys as the node's user, and hand the folder over; the signer's folder."""
    sockets, passphrase = machine.folder / "run", machine.folder / "signer-passphrase"
    sockets.mkdir(mode=0o750)
    machine.owned(sockets, "signer")
    passphrase.touch(mode=0o600)
    passphrase.write_text(_PASSPHRASE)
    machine.owned(passphrase, "node")
    moved = machine.node.home / "moved"
    arguments = ["signer", "split", str(moved), "--user", machine.names["node"], "--yes"]
    arguments += ["--socket", str(sockets / "socket"), "--passphrase-file", str(passphrase)]
    done = machine.node.run(*arguments, program=machine.program("node"))
    assert done.exit == 0, done.err
    folder = machine.folder / "signer"
    moved.rename(folder)
    machine.owned(folder, "signer")
    machine.owned(passphrase, "signer")
    with (machine.node.home / "sigfed.toml").open("a") as config:
        config.write(f'\n[signer]\nsocket = "{sockets / "socket"}"\n')
    return folder


@pytest.fixture
def signer(machine: Machine) -> Iterator[Path]:
    """The signer's folder, while it runs as its user."""
    folder = split(machine)
    log = machine.folder / "signer.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*machine.program("signer"), "--home", str(folder), "--json", "signer", "run"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment(),
            cwd=machine.folder,
        )
    try:
        wait_until(lambda: b'"socket"' in log.read_bytes() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield folder
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.threat("the process taken over")
def test_each_user_has_his_own_and_the_socket_is_all_they_share(machine: Machine, signer: Path) -> None:
    as_node, as_signer = machine.program("node"), machine.program("signer")
    assert machine.node.run("signer", "show", program=as_node).exit == 0
    machine.imports("second", 2)
    published = machine.node.run("publish", program=as_node)
    assert (published.exit, published.first["adds"]) == (0, 4), published.err
    assert machine.node.run("doctor", program=as_node).exit in {0, 3}

    # Neither reads the other's folder, and none of its files belongs to anybody else.
    for folder, who in ((signer, "node"), (machine.node.home, "signer")):
        said = subprocess.run(
            ["setpriv", f"--reuid={machine.names[who]}", f"--regid={machine.group}", "--clear-groups", "ls",
             str(folder)], capture_output=True, check=False)  # fmt: skip
        assert said.returncode != 0
        owner = (folder.stat().st_uid, 0o700)
        assert {(path.stat().st_uid, folder.stat().st_mode & 0o777) for path in folder.rglob("*")} == {owner}
    assert Cli(signer).run("status", program=as_signer).exit == 10

    # Who is in the group may knock, and is sent away.
    script = (
        "import socket, sys; link = socket.socket(socket.AF_UNIX);"
        f"link.connect({str(machine.folder / 'run/socket')!r}); link.settimeout(10);"
        "sys.exit(0 if link.recv(1) == b'' else 1)"
    )
    knock = ["setpriv", f"--reuid={machine.names['other']}", f"--regid={machine.group}", "--clear-groups"]
    subprocess.run([*knock, "/usr/bin/python3", "-c", script], check=True, timeout=30)
    assert "stranger" in (machine.folder / "signer.log").read_text()


def test_keys_move_back_after_the_folder_was_handed_over(machine: Machine) -> None:
    folder = split(machine)
    config = machine.node.home / "sigfed.toml"
    config.write_text(config.read_text().partition("[signer]")[0])
    as_node = machine.program("node")
    said = machine.node.run("signer", "join", str(folder), "--yes", program=as_node)
    assert said.exit == 2
    assert "is not readable" in said.err
    machine.owned(folder, "node")
    machine.owned(machine.folder / "signer-passphrase", "node")
    assert machine.node.run("signer", "join", str(folder), "--yes", program=as_node).exit == 0
    assert machine.node.run("publish", program=as_node).exit == 0


@pytest.mark.parametrize("unit", UNITS, ids=[unit.name for unit in UNITS])
def test_units_are_what_systemd_takes(unit: Path, tmp_path: Path) -> None:
    needed("systemd-analyze")
    text = unit.read_text().replace("/opt/sigfed/bin/sigfed", sys.executable)
    for other in UNITS:
        (tmp_path / other.name).write_text(text if other == unit else other.read_text())
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / unit.name)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


def test_a_machine_that_only_serves_runs_under_the_rules_of_any_node() -> None:
    node, web = (
        (ROOT / f"docs/deploy/{name}.service").read_text().splitlines() for name in ("sigfed", "sigfed-web")
    )
    differ = [word.partition("=")[0] for word, other in zip(node, web, strict=True) if word != other]
    assert differ == ["Description", "Documentation", "ExecStart"]


@pytest.mark.threat("silent connections")
@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name
)
def test_a_service_has_an_end_to_its_memory_and_leaves_no_core(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    assert {"LimitCORE=0", "MemorySwapMax=0"} <= set(lines)
    assert any(re.fullmatch(r"MemoryMax=[1-9]\d*[MG]", line) for line in lines)
