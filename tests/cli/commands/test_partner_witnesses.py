"""A partner while the only other agency is away: what waits, what does not, and how it ends well by itself."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from support.agencies import LIST, SUBSET, Federation, import_files, written
from support.processes import Cli, Running, wait_until

WITHDRAWN, KEPT, LATE = (
    b"listed and withdrawn",
    b"listed and kept",
    b"listed by the other before it went away",
)
WAITS = "waits for 1 more of the members that cosign it"


@contextmanager
def without_the_other(federation: Federation) -> Iterator[None]:
    """The Dutch node is stopped, and runs again afterwards."""
    federation.nl_node.stop()
    try:
        yield
    finally:
        federation.nl_node = Running(federation.nl)


def verdict(partner: Cli, path: str) -> str:
    """What the partner hears about one file."""
    return str(partner.run("check", path).first["verdict"])


def release(federation: Federation) -> dict[str, object]:
    return federation.fr.done("subset", "release", SUBSET)


def withdraw(cli: Cli, content: bytes, folder: Path) -> None:
    """End the entries of a made-up file."""
    hashes = written(folder / "wrong", sha256(content).hexdigest() + "\n")
    cli.done("entry", "withdraw", "--list", LIST, "--hash-from", hashes, "--reason", "error", "--yes")


@pytest.mark.threat("an update that fails for ever")
def test_a_partner_while_the_witness_is_away(federation: Federation, partner: Cli, tmp_path: Path) -> None:
    fr, nl = federation.fr, federation.nl
    files = {
        content: written(tmp_path / f"{number}.bin", content)
        for number, content in enumerate((WITHDRAWN, KEPT, LATE))
    }
    import_files(fr, [WITHDRAWN, KEPT])
    import_files(nl, [WITHDRAWN, KEPT, LATE])
    for cli in (fr, nl):
        cli.done("publish")
    fr.run("peer", "sync")
    version = release(federation)["version"]
    updated = partner.done("update")
    assert (updated["new"], updated["witnesses"], updated["witnesses_needed"]) == (version, ["nl.example"], 1)
    assert partner.done("status")["witnesses"] == ["nl.example"]
    healthy = {one["check"]: one["health"] for one in partner.run("doctor").results}
    assert healthy == dict.fromkeys(("enrolment", "list", "witnesses", "libsodium", "group", "files"), "ok")

    with without_the_other(federation):
        withdraw(fr, WITHDRAWN, tmp_path)
        ahead = release(federation)
        assert ahead["removed"] == 2
        taken = partner.run("update")
        assert (taken.exit, taken.first["new"], taken.first["ahead"]) == (0, version, ahead["version"])
        assert taken.first["gone"] == 2
        assert [verdict(partner, files[one]) for one in (WITHDRAWN, KEPT)] == ["clean", "hit"]

        import_files(fr, [LATE])
        last = release(federation)
        assert last["added"] == 2
        waits = partner.run("update")  # what it takes away is remembered
        assert (waits.exit, waits.out) == (14, "")
        assert WAITS in waits.err
        assert "stays in force until" in waits.err
        again = partner.run("update")
        assert (again.exit, again.out) == (14, "")
        assert WAITS in " ".join(again.err.split())
        assert [verdict(partner, files[one]) for one in files] == ["clean", "hit", "clean"]
        status = partner.done("status")
        assert (status["version"], status["gone"]) == (version, 2)
        warned = {one["check"] for one in partner.run("doctor").results if one["health"] == "warn"}
        assert warned == {"waiting"}

        newcomer = Cli(tmp_path / "newcomer")
        invitation = fr.done("partner", "invite", "late", "--subset", SUBSET)["invitation"]
        early = newcomer.run("enroll", "--stdin", typed=f"{invitation}\n")
        assert early.exit == 14
        assert "you are enrolled, the invitation has done its work" in early.err
        again = newcomer.refused(2, "is enrolled", "enroll", "--stdin", typed=f"{invitation}\n")
        assert "go on with: sigfed update" in again.err
        newcomer.refused(10, "there is no release yet", "check", files[KEPT])
        assert newcomer.run("doctor").exit == 2

    fr.run("witness", "ask")
    done = partner.done("update")
    assert (done["old"], done["new"], done["ahead"], done["gone"]) == (version, last["version"], 0, 0)
    assert [verdict(partner, files[one]) for one in files] == ["clean", "hit", "hit"]
    first = newcomer.run("update")
    assert (first.exit, first.first["new"]) == (0, done["new"])
    assert verdict(newcomer, files[LATE]) == "hit"


_HALTING = """
import sys, time
from pathlib import Path
from node.hoster.release.log import ReleaseLog

asked, go_on = map(Path, sys.argv[1:3])
del sys.argv[1:3]
advance = ReleaseLog.advance

async def halting(self, *args, **kwargs):
    ReleaseLog.advance = advance
    asked.touch()
    while not go_on.exists():
        time.sleep(0.02)
    return await advance(self, *args, **kwargs)

ReleaseLog.advance = halting
from node.__main__ import main
main()
"""
"""The program, halted between the trust files that an update fetched and the head that it reads."""


def test_a_log_key_that_takes_over_while_a_partner_updates_is_believed(
    federation: Federation, partner: Cli, tmp_path: Path
) -> None:
    fr = federation.fr
    partner.done("update")
    asked, go_on = tmp_path / "asked", tmp_path / "go on"
    program = (sys.executable, "-P", "-c", _HALTING, str(asked), str(go_on))
    with partner.start("update", program=program) as update:
        wait_until(asked.exists)
        fr.done("key", "revoke", f"log-subsets-{SUBSET}-1", "--reason", "lost", "--yes")
        version = release(federation)["version"]
        go_on.touch()
        out, err = update.communicate(timeout=60)
    assert update.returncode == 0, err
    assert json.loads(out)["new"] == version
