"""`sigfed console` with a real node: served from a partner's home, signed in to with a token, and what it then does."""

from hashlib import md5, sha256
from pathlib import Path

from support.agencies import BOTH, UNLISTED, Federation
from support.digest_search import DigestSearch
from support.partner_console import CSRF, console, signed_in
from support.processes import Cli, Daemon


async def test_from_the_command_to_the_overview(federation: Federation, partner: Cli) -> None:
    with console(partner) as (running, port):
        async with await signed_in(partner, port, "--role", "viewer") as browser:
            partner.done("update")
            words = (await browser.get("/console/")).words
        assert "Overview" in words
        assert "went well less than a minute ago" in words
        assert running.stop() == 0
    journal = running.journal.read_text()
    assert "sign-in by=Alice role=viewer" in journal


async def test_a_hit_from_the_report_to_the_dispute(federation: Federation, partner: Cli) -> None:
    """What is done with the mouse is what the commands see afterwards, and the agency."""
    partner.done("update")
    assert partner.run("check", federation.files["both"]).exit == 1
    hit = partner.done("hit", "ls")["hit"]
    named = {"hit": hit, "query": f"hit={hit}"}
    with console(partner) as (running, port):
        async with await signed_in(partner, port) as browser:

            async def act(name: str, **fields: str) -> str:
                page = await browser.get(f"/console/hits/one?hit={hit}")
                found = CSRF.search(page.text)
                assert found is not None
                form = {"csrf": found[1]} | named | fields
                reply = await browser.post(f"/console/hits/{name}", form)
                assert reply.status == 303, reply.words
                return (await browser.get(reply.headers["Location"])).words

            words = await act("report")
            assert "1 hit was told to the agency, against a signed receipt." in words
            assert "receipt signed by fr.example, verified" in words
            assert partner.done("hit", "ls")["reported"] is True
            words = await act("dispute", reason="our logo", contact="abuse@hoster.example")
            assert "It is disputed." in words
            assert "the agency answers by" in words
            assert "The agency has not answered yet." in await act("ask")
            words = await act("resolve", outcome="disabled")
            assert "The agency was told: the id of your report, what you did, and when." in words
            assert "resolution told, and its receipt signed" in words
            evidence = await browser.get(f"/console/hits/evidence?hit={hit}")
            assert evidence.status == 200
            assert "attachment" in evidence.headers["Content-Disposition"]
        running.stop()
    found = partner.done("hit", "ls")
    assert (found["action"], found["disputed"], found["resolution_told"]) == ("disabled", True, True)
    journal = running.journal.read_text()
    for action in ("hit-report", "hit-dispute", "hit-resolve"):
        assert f"done action={action} by=Alice" in journal
    assert "taken file=hit.evidence by=Alice" in journal
    looking = DigestSearch([sha256(BOTH).digest(), md5(BOTH).digest()])
    assert not looking.sightings(journal.encode(), "the journal")


async def test_a_scan_and_an_update_are_seen(federation: Federation, partner: Cli, tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    partner.done("update")
    (uploads / "listed").write_bytes(BOTH)
    (uploads / "other").write_bytes(UNLISTED)
    assert partner.run("scan", str(uploads)).exit == 1
    assert partner.run("scan", str(uploads), "--state", str(tmp_path / "other.db")).exit == 1
    with console(partner) as (_, port):
        async with await signed_in(partner, port) as browser:
            scans = (await browser.get("/console/scans")).words
            page = await browser.get("/console/lists")
            found = CSRF.search(page.text)
            assert found is not None
            done = await browser.post("/console/lists/update", {"csrf": found[1]})
            assert done.status == 303, done.words
            lists = (await browser.get("/console/lists")).words
    assert scans.count(f"{uploads} 2 1 0 0 less than a minute ") == 2, scans
    assert "is the newest, and was held already." in lists
    assert "the published test file is a hit, another is not" in lists


async def test_a_daemon_is_seen_while_it_runs(federation: Federation, partner: Cli) -> None:
    with console(partner) as (_, port):
        async with await signed_in(partner, port) as browser:
            with Daemon(partner, "agent", "--http", "127.0.0.1:0"):
                assert "runs sigfed agent , for less than a minute" in (await browser.get("/console/")).words
            assert "none runs" in (await browser.get("/console/")).words


def test_it_is_not_an_agencys(federation: Federation) -> None:
    for words in (("console", "run"), ("console", "token", "Alice")):
        done = federation.fr.run(*words)
        assert done.exit == 2
        assert "served by sigfed run" in done.err


def test_nobody_is_enrolled(tmp_path: Path) -> None:
    for words in (("console", "run"), ("console", "token", "Alice")):
        done = Cli(tmp_path / "nothing").run(*words)
        assert done.exit != 0
        assert "sigfed enroll" in done.err
        assert not (tmp_path / "nothing").exists()


def test_others_are_let_in_only_with_a_certificate(partner: Cli) -> None:
    (partner.home / "partner.toml").write_text('[console]\nhost = "0.0.0.0"\n')
    done = partner.run("console", "run")
    assert done.exit != 0
    assert "takes certificate_file and key_file" in done.err
