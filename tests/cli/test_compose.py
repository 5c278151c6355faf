"""The cluster of `docs/deploy/compose.yml`, typed as the manual says; each container is a process.

No image is built and no container runs: what a service is told (its command, its variables, its user, what its volumes
hold) is the file's, and its programs are those that are installed here. Ports are free ones.
"""

import os
import re
import shlex
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from node.config import load
from support.agencies import written
from support.haproxy import listens
from support.postgres import unprivileged
from support.processes import ROOT, environment, free_ports, wait_until
from support.programs import needed
from support.seaweedfs import program
from support.services import Services
from support.shell_program import shell_program

pytestmark = pytest.mark.slow
DEPLOY = ROOT / "docs/deploy"
_PORTS = ("8443", "8444", "8445", "8446", "5433", "8333", "9333")
"""That the file and the manual name."""
_OTHERS = (
    "volume.port",
    "filer.port",
    "master.port.grpc",
    "volume.port.grpc",
    "filer.port.grpc",
    "s3.port.grpc",
)
"""Of SeaweedFS, which they do not name."""
VOLUMES = ("database", "objects", "own", "web1", "web2", "secrets")


@dataclass
class Compose:
    """What `podman-compose` does with the file, in processes."""

    folder: Path
    """Of the file, and of the volumes."""
    services: Services
    found: Mapping[str, Any]
    path: str

    def type(self, *words: str) -> None:
        """One command line of it."""
        match words:
            case ("build",):
                pass  # no image: what is installed here is its programs
            case ("up", "-d", *names):
                self._start(names or [name for name, told in self.found.items() if "profiles" not in told])
            case ("run", "--rm", "--entrypoint", entrypoint, name, *more):
                self._run(name, [entrypoint], more)
            case ("run", "--rm", "own", "init", *more):  # which would ask for the passphrase of the root
                self._run(
                    "own",
                    None,
                    ["init", *more, "--root-kdf", "online", "--root-passphrase-file", self.root()],
                )
            case ("run", "--rm", name, *more) if "profiles" not in self.found[name]:
                self._run(name, None, more)
            case ("--profile", profile, "run", "--rm", name) if profile in self.found[name]["profiles"]:
                self._run(name, None, ())
            case _:
                raise AssertionError(words)

    def root(self) -> str:
        """A file with the passphrase of the root."""
        file = self.folder / "root-passphrase"
        file.touch(mode=0o600)
        return written(file, "a made-up passphrase\n")

    def _start(self, names: Sequence[str]) -> None:
        for name in names:
            if not self.services.has(name):
                self.services.start(name, self._command(name), self._variables(name))

    def _run(self, name: str, entrypoint: Sequence[str] | None, more: Sequence[str]) -> None:
        words = self._command(name, entrypoint, more)
        done = subprocess.run(
            words,
            env=self._variables(name),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name} {more}: {done.stdout}{done.stderr}"

    def _command(
        self, name: str, entrypoint: Sequence[str] | None = None, more: Sequence[str] = ()
    ) -> Sequence[str]:
        told = self.found[name]
        default = ["sigfed"] if told["image"] == "sigfed" else []  # as in the Containerfile
        first = entrypoint or told.get("entrypoint", default)
        command: Any = more or told.get("command", ["run"] if default else [])
        words = command if isinstance(command, list) else shlex.split(command)
        return [
            *self._as_user(told),
            *(self._placed(told, word).replace("$$", "$") for word in [*first, *words]),
        ]

    def _as_user(self, told: Mapping[str, Any]) -> Sequence[str]:
        """PostgreSQL does not run as root."""
        return (
            unprivileged(self._volumes(told)["/var/lib/postgresql"]) if told.get("user") == "postgres" else []
        )

    def _variables(self, name: str) -> Mapping[str, str]:
        told = self.found[name].get("env_file")
        lines = (self.folder / told).read_text().splitlines() if told else []
        return {
            **environment(),
            "CHEAP_KEYS": "1",
            "PATH": self.path,
            "SIGFED_HOME": self._placed(self.found[name], "/var/lib/sigfed"),
            **dict(line.split("=", 1) for line in lines),
        }

    def _placed(self, told: Mapping[str, Any], word: str) -> str:
        """A word with the paths of a container as they are here."""
        for inside, outside in {**self._volumes(told), "/tmp/": self.folder / "tmp"}.items():
            word = word.replace(inside, f"{outside}/" if inside.endswith("/") else str(outside))
        return word

    def _volumes(self, told: Mapping[str, Any]) -> Mapping[str, Path]:
        found = {}
        for volume in told.get("volumes", ()):
            outside, inside = volume.split(":")[:2]
            found[inside] = self.folder / ("" if outside.startswith(".") else "volumes") / outside
        return found


@dataclass
class Cluster:
    """All of it, while it runs."""

    compose: Compose
    ports: Mapping[str, str]

    def ready(self) -> int:
        """Status of what the proxy passes on."""
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        with (
            suppress(OSError),
            urlopen(
                f"https://127.0.0.1:{self.ports['8443']}/health/ready", context=trusting, timeout=5
            ) as got,
        ):
            return int(got.status)
        return 0


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    free = [str(port) for port in free_ports(len(_PORTS) + len(_OTHERS))]
    ports, others = (
        dict(zip(_PORTS, free, strict=False)),
        dict(zip(_OTHERS, free[len(_PORTS) :], strict=True)),
    )
    others["master.port"] = ports["9333"]
    ports["9333"] += f".{others['master.port.grpc']}"
    with TemporaryDirectory(prefix="sigfed-compose-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as another user
        for file in ("compose.yml", "haproxy.cfg"):
            (folder / file).write_text(with_ports((DEPLOY / file).read_text(), ports))
        found = yaml.safe_load((folder / "compose.yml").read_text())["services"]
        found["objects"]["command"] += "".join(f" -{option}={port}" for option, port in others.items())
        for volume in ("tmp", "logs", *(f"volumes/{volume}" for volume in VOLUMES)):
            (folder / volume).mkdir(parents=True)
        with shell_program() as programs, Services(folder / "logs") as services:
            folders = [programs, program().parent, needed("haproxy").parent, needed("initdb").parent]
            path = ":".join([*map(str, folders), os.environ["PATH"]])
            compose = Compose(folder, services, found, path)
            for line in typed():
                if line.startswith("podman-compose "):
                    compose.type(*shlex.split(with_ports(line, ports))[1:])
                else:
                    subprocess.run(
                        ["bash", "-euc", with_ports(line, ports)], cwd=folder, check=True, umask=0o077
                    )
            yield Cluster(compose, ports)


def typed() -> Sequence[str]:
    """What the manual says to type in the folder of the file."""
    text = (ROOT / "docs/manuals/scaling.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```\n(cd docs/deploy\n.*?)^```", text, re.DOTALL | re.MULTILINE)
    joined = str(block).replace("\\\n", " ").splitlines()
    return [line for line in joined if not line.startswith(("cd ", "umask "))]


def with_ports(text: str, ports: Mapping[str, str]) -> str:
    """A text with other ports."""
    return re.sub(r"\b(?:{})\b".format("|".join(ports)), lambda found: ports[found[0]], text)


def test_a_cluster_is_set_up_as_the_manual_says_and_answers_without_the_nodes_own_machine(
    cluster: Cluster,
) -> None:
    wait_until(lambda: cluster.ready() == 200)
    settings = load(cluster.compose.folder / "volumes/own")
    assert [*map(str, settings.listen.proxies), *settings.console.proxies] == ["127.0.0.1/32"]
    services = cluster.compose.services
    with services.held("own"):
        services.kill("own")
        for name, port in (("web1", "8445"), ("web2", "8446")):
            with services.held(name):
                services.kill(name)
                wait_until(lambda: cluster.ready() == 200)
            wait_until(partial(listens, int(cluster.ports[port])))
