"""Agencies and a partner for tests of the command line, made by the commands that a user types.

Keys open with the cheap derivation, and the running nodes do nothing by themselves, so that what happens is what
a test does.
"""

import asyncio
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5, sha256
from pathlib import Path
from threading import Lock

import aiohttp

from keys.keyfile import KdfProfile, WrappingKey, describe, seal, unseal
from keys.roles import Role
from node.clock import system_entropy
from node.home import Home
from node.hoster.store.database import PartnerStore
from node.hoster.store.kinds import FactName, Kind
from node.identity.identity import open_identity
from node.lists.catalogue import ListReport, report_list
from node.rotation.store import write_store
from node.tls import certificate_name, client_context, create_identity
from node.trust.foundation import FIRST
from support.copies import let_go_on, reach_nobody
from support.processes import Cli, Daemon, Running, free_port, run_together

LIST = "csam"
SUBSET = "baseline"
PARTNER = "hoster"
PASSPHRASE = "a made-up passphrase"
ROOT_PASSPHRASE = "another made-up passphrase"

BOTH, SINGLE, UNLISTED = b"listed by both agencies", b"listed by one agency", b"listed by nobody"
"""Contents of files that the partner looks up."""
CHEAP = KdfProfile(1, 64, 1)
_ONE_DERIVATION = Lock()
"""As in `node.signing.keychain`: two derivations of several lanes at once wait for each other for ever."""


def row(content: bytes) -> str:
    """The hashes of a made-up file as a line of a table."""
    return f"{sha256(content).hexdigest()},{md5(content).hexdigest()},baseline"


def table(*contents: bytes) -> str:
    """A table with named columns."""
    return "\n".join(["sha256,md5,collection", *map(row, contents), ""])


def lawful_table(*contents: bytes) -> str:
    """A set of lawful files: a table that says nothing of collections."""
    return "\n".join(["sha256,md5", *(row(content).removesuffix(",baseline") for content in contents), ""])


def numbered(name: str, count: int) -> list[bytes]:
    """Made-up files."""
    return [f"{name} {number}".encode() for number in range(count)]


def written(path: Path, content: str | bytes) -> str:
    """Write a file; its path as an argument."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def found_agency(
    folder: Path,
    *,
    name: str,
    country: str,
    clock_file: Path | None = None,
    store: str = "",
    objects: str = "",
) -> Cli:
    """A node that was just founded; with a DSN as `store`, its tables are there, and its `objects` in a bucket."""
    secrets = {"passphrase": PASSPHRASE, "root-passphrase": ROOT_PASSPHRASE}
    files = {secret: folder / f"{name}-{secret}" for secret in secrets}
    for secret, path in files.items():
        path.touch(mode=0o600)
        path.write_text(secrets[secret] + "\n")
    cli, port = Cli(folder / name, clock_file, cheap_keys=True), free_port()
    arguments = ["init", "--node", f"{name}.example", "--country", country, "--root-kdf", "online"]
    arguments += ["--url", f"https://127.0.0.1:{port}/", "--port", str(port)]
    arguments += ["--store", store] if store else []
    arguments += ["--objects", objects] if objects else []
    for secret, path in files.items():
        arguments += [f"--{secret}-file", str(path)]
    cli.done(*arguments)
    for job in ("sync_minutes = 10", "publish_minutes = 5", "release_minutes = 60", "cosign_minutes = 10"):
        cli.edit("sigfed.toml", job, job.split(" = ")[0] + " = 0")
    return cli


def asking_no_witness(cli: Cli) -> None:
    """From now on it follows what no member has cosigned."""
    cli.edit("sigfed.toml", "quorum = -1", "quorum = 0")


def cheapen(cli: Cli) -> None:
    """Seal the node's key files again so that opening one takes no time: its cost is a parameter of the file."""
    for folder, passphrase in ((cli.home / "keys", PASSPHRASE), (cli.home / "keys/offline", ROOT_PASSPHRASE)):
        cheap = WrappingKey.fresh(passphrase.encode(), profile=CHEAP, entropy=system_entropy)
        for path in folder.glob("*.json"):
            data = path.read_bytes()
            if describe(data).profile == CHEAP:
                continue
            with _ONE_DERIVATION:
                opened = unseal(data, passphrase.encode())
            sealed = seal(
                opened.secret,
                wrapping=cheap,
                role=opened.role,
                node=opened.node,
                public=opened.public,
                entropy=system_entropy,
            )
            path.write_bytes(sealed)


def list_files(cli: Cli, contents: Iterable[bytes]) -> None:
    """Start the list, import made-up files that the agency holds, and publish."""
    cli.done("list", "create", LIST)
    cheapen(cli)
    publish_files(cli, contents)


def publish_files(cli: Cli, contents: Iterable[bytes]) -> None:
    """Import made-up files that the agency holds, and publish all that waits."""
    import_files(cli, contents)
    cli.done("publish")


def import_files(cli: Cli, contents: Iterable[bytes]) -> None:
    """Import made-up files that the agency holds."""
    path = written(cli.home.with_name(f"{cli.home.name}.csv"), table(*contents))
    cli.done("entry", "import", path, "--list", LIST, "--basis", "own")


def impostor(cli: Cli, folder: Path) -> Cli:
    """A home like that of a node, which serves with another certificate than its trust files name."""
    copy = cli.copied(folder)
    identity = open_identity(Home(copy.home))
    other = create_identity(identity.settings.node, now=identity.clock.now())
    (copy.home / "keys" / f"tls-{FIRST}.json").unlink()
    identity.keychain.create_secret(Role.TLS, FIRST, secret=other.key)
    (copy.home / "trust" / certificate_name(FIRST)).write_bytes(other.certificate)
    return copy


def report(cli: Cli, origin: str = "") -> ListReport:
    """What is held of a list, read beside the product's commands."""
    identity = open_identity(Home(cli.home))
    with write_store(identity) as store:
        return report_list(store, origin or f"{identity.settings.node}/lists/{LIST}")


def fetch(cli: Cli, node: Daemon, path: str) -> tuple[int, bytes]:
    """Status and body of what a running node answers anybody."""
    pins = frozenset({open_identity(Home(cli.home)).tls().spki_sha256})

    async def ask() -> tuple[int, bytes]:
        connector = aiohttp.TCPConnector(ssl=client_context(pins))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(node.answered["serving"] + path) as reply,
        ):
            return reply.status, await reply.read()

    return asyncio.run(ask())


ENROLLED = frozenset({"state.db", "state.json", "auth.key", "auth.key.sha256", "members", "releases"})
"""What a partner's folder holds once it is enrolled and has a release."""


@dataclass(slots=True, kw_only=True)
class Federation:
    """Two agencies that know and follow each other, both running, and a partner enrolled with the first."""

    folder: Path
    fr: Cli
    nl: Cli
    partner: Cli
    fr_node: Running
    nl_node: Running
    invitation: str
    files: dict[str, str]
    """Paths of the files that the partner looks up."""

    def new_partner(self, home: Path) -> Cli:
        """The partner as it was once it had enrolled and updated: nothing found, scanned or proposed yet."""
        made = self.partner.copied(home)
        for path in (home / "partner").iterdir():
            if path.name not in ENROLLED:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        with PartnerStore(home / "partner").writing() as rows:
            for kind in Kind:
                for row in rows.ls(kind):
                    if row.name not in {FactName.STATE, FactName.SELF_TEST}:
                        rows.remove(kind, row.name)
        return made

    @contextmanager
    def fr_stopped(self) -> Iterator[None]:
        """The French node is down, and runs again afterwards."""
        self.fr_node.stop()
        try:
            yield
        finally:
            self.fr_node = Running(self.fr)

    def fr_copied(self, to: Path) -> Cli:
        """A second home like the French one, taken while nothing writes there; it reaches nobody.

        Members would cosign what it signs, and tell the first that its history is another.
        """
        with self.fr_stopped():
            copy = self.fr.copied(to)
        let_go_on(copy.home)
        reach_nobody(copy.home)
        return copy

    def stop(self) -> None:
        """Stop both nodes."""
        for node in (self.fr_node, self.nl_node):
            node.stop()


def at_once(*work: Sequence[str | Cli]) -> list[dict[str, object]]:
    """Commands of different homes at the same time; the results in order."""
    with ThreadPoolExecutor(len(work)) as pool:
        futures = [pool.submit(one[0].done, *map(str, one[1:])) for one in work if isinstance(one[0], Cli)]
        return [future.result() for future in futures]


def federate(
    folder: Path,
    *,
    shared: Sequence[bytes] = (),
    files_per_day: int = 10_000,
    clock_file: Path | None = None,
    store: str = "",
    objects: str = "",
) -> Federation:
    """Found, publish, become members and peers, release, enrol; both agencies list `shared` too.

    `store` is the DSN of the first one's tables; below `objects`, a bucket, each has its objects.
    """
    listed = {"fr": ("FR", [BOTH, *shared]), "nl": ("NL", [BOTH, SINGLE, *shared])}

    def make(name: str) -> Cli:
        country, contents = listed[name]
        dsn = store if name == "fr" else ""
        cli = found_agency(
            folder,
            name=name,
            country=country,
            clock_file=clock_file,
            store=dsn,
            objects=objects and f"{objects}/{name}",
        )
        list_files(cli, contents)
        return cli

    with ThreadPoolExecutor(2) as pool:
        fr, nl = pool.map(make, listed)
    fr_node, nl_node = run_together((fr, nl))
    try:
        invitation = _join(fr, nl, files_per_day)
        partner = Cli(folder / "partner", clock_file)
        partner.done("enroll", "--stdin", typed=invitation + "\n")
    except BaseException:
        fr_node.stop()
        nl_node.stop()
        raise
    contents = {"both": BOTH, "single": SINGLE, "unlisted": UNLISTED}
    return Federation(
        folder=folder,
        fr=fr,
        nl=nl,
        partner=partner,
        fr_node=fr_node,
        nl_node=nl_node,
        invitation=invitation,
        files={name: written(folder / f"{name}.bin", content) for name, content in contents.items()},
    )


def _join(fr: Cli, nl: Cli, files_per_day: int) -> str:
    """Members, peers, one sync, one release; an invitation."""
    words = {cli: cli.done("member", "ls")["fingerprint"] for cli in (fr, nl)}
    urls = {cli: open_identity(Home(cli.home)).settings.listen.url for cli in (fr, nl)}
    at_once(
        (fr, "member", "add", urls[nl], "--words", words[nl], "--country", "NL"),
        (nl, "member", "add", urls[fr], "--words", words[fr], "--country", "FR"),
    )
    at_once(
        (fr, "peer", "add", "nl.example", "--grant", "baseline"),
        (nl, "peer", "add", "fr.example", "--grant", "baseline"),
    )
    at_once((fr, "peer", "sync"), (nl, "peer", "sync"))
    fr.done("subset", "create", SUBSET)
    cheapen(fr)
    fr.done("subset", "release", SUBSET)
    quota = str(files_per_day)
    invited = fr.done("partner", "invite", PARTNER, "--subset", SUBSET, "--files-per-day", quota)
    return str(invited["invitation"])
