"""Evidence in a browser: shown and judged again, taken away as a file, and one that somebody brought judged."""

import shutil
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import aiohttp
import pytest
import pytest_asyncio

from keys.key import LogPrivateKey
from keys.trust.fingerprint import to_words
from node.app.peers.evidence import accused_of
from node.audit.reader import read_audit
from node.evidence.keep import keep, verify
from node.home import Home
from node.identity.identity import open_identity
from node.store.accounts.records import PersonRole
from node.trust.foundation import log_label
from protocol.evidence import encode_fork
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from support.console import Browser, Reply, RunningConsole

_NL_LIST = "nl.example/lists/csam"
_PAGE = "/console/evidence"


@pytest.fixture
def fork(busy_home: Path, tmp_path: Path) -> bytes:
    """Two heads of one size, signed with the key of the other agency's list."""
    shutil.copytree(busy_home.with_name("nl"), tmp_path / "nl", ignore=shutil.ignore_patterns("*.lock"))
    for name in ("nl-passphrase", "nl-root-passphrase"):
        shutil.copy(busy_home.with_name(name), tmp_path)
    key = open_identity(Home(tmp_path / "nl")).keychain.signer(LogPrivateKey, log_label(_NL_LIST))
    one, other = (sign_checkpoint(Checkpoint(_NL_LIST, 5, root * 32), [key]) for root in (b"1", b"2"))
    return encode_fork(one, other)


@pytest_asyncio.fixture
async def kept(busy: RunningConsole, fork: bytes) -> str:
    """The name of such evidence, which another member told."""
    verdict = verify(fork, accused_of(busy.world.identity, busy.world.store))
    record = keep(busy.world.store, fork, verdict, source="de.example", now_ms=busy.world.now_ms)
    assert record is not None
    return record.sha256[:16]


def _words(busy: RunningConsole) -> str:
    members = busy.world.identity.trust.members().members
    return to_words(next(member.root_sha256 for member in members if member.node == "nl.example"))


async def _brought(browser: Browser, busy: RunningConsole, data: bytes, words: str = "") -> Reply:
    form = aiohttp.FormData()
    form.add_field("csrf", busy.csrf())
    form.add_field("words", words)
    form.add_field("evidence", data, filename="evidence.zip")
    reply = await browser.post(f"{_PAGE}/verify", form)
    return await browser.get(_PAGE) if reply.status == 303 else reply


async def _taken(busy: RunningConsole, name: str) -> bytes:
    """The file, byte for byte."""
    cookie = f"__Host-sigfed={busy.visitors.open(PersonRole.ANALYST)}"
    headers = {"Host": busy.authority, "Cookie": cookie}
    async with (
        aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(f"http://127.0.0.1:{busy.server.port}{_PAGE}/file?id={name}") as reply,
    ):
        assert reply.status == 200
        assert reply.headers["Content-Disposition"] == f'attachment; filename="evidence-{name}.zip"'
        return await reply.read()


async def test_what_is_kept_is_shown_and_judged_again(busy: RunningConsole, kept: str) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        page = (await browser.get(f"{_PAGE}?id={kept}")).words
        assert f"{_NL_LIST} signed two histories, at sizes 5 and 5" in page
        assert "Found by de.example" in page
        assert "Anybody can verify it." in page
        assert "Take the file" not in page, "who only looks takes nothing away"
        assert (await browser.get(f"{_PAGE}?id=0123456789ab")).status == 404
        assert (await browser.get(f"{_PAGE}?id=01")).status == 400


async def test_what_is_taken_away_is_judged_anywhere(busy: RunningConsole, kept: str, fork: bytes) -> None:
    data = await _taken(busy, kept)
    with ZipFile(BytesIO(data)) as archive:
        assert {"evidence.cbor", "1.root.json", "node.json"} <= set(archive.namelist())
        assert archive.read("evidence.cbor") == fork
    newest = list(read_audit(busy.world.store))[-1].record
    assert (newest.action, newest.actor) == ("evidence.export", "a.analyst")
    async with busy.as_role(PersonRole.ANALYST) as browser:
        by_words = (await _brought(browser, busy, data, _words(busy))).words
        by_pins = (await _brought(browser, busy, data)).words
        alone = (await _brought(browser, busy, fork)).words
    assert f"verified: fork of {_NL_LIST}" in by_words
    assert "at fault: the log" in by_words
    assert "verified, by what this node has pinned" in by_pins
    assert "verified, by what this node has pinned" in alone


async def test_what_proves_nothing_is_refused(busy: RunningConsole, kept: str, fork: bytes) -> None:
    data = await _taken(busy, kept)
    altered = fork[:-1] + bytes([fork[-1] ^ 1])
    empty = BytesIO()
    with ZipFile(empty, "w") as archive:
        archive.writestr("letter.txt", "believe me")
    wrong = to_words(bytes(32))
    cases = [
        (b"", "", "the file is missing"),
        (b"believe me", "", ""),
        (altered, "", ""),
        (empty.getvalue(), "", "the archive holds no evidence.cbor"),
        (data[: len(data) // 2] + data[-100:], "", ""),
        (fork, _words(busy), "judged by its root"),
        (data, wrong, ""),
    ]
    async with busy.as_role(PersonRole.ANALYST) as browser:
        for brought, words, says in cases:
            reply = await _brought(browser, busy, brought, words)
            assert 400 <= reply.status < 500, (says, reply.words)
            assert "This was not done." in reply.words
            assert says in reply.words
