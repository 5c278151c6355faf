"""The next root in a browser: other holders and thresholds, who has signed so far, and whom the file goes to next."""

import asyncio
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import aiohttp
import pytest

from keys.trust.proposals.proposal import Proposal
from node.identity.key_holders import ProposalFile
from node.rotation import proposals
from node.store.accounts.records import PersonRole
from support.audited import details_of
from support.console import Browser, Reply, RunningConsole
from support.console_keys import signed_by_holder
from support.key_holders import KeyHolder

_SECURITY = PersonRole.SECURITY
_PATH = "/console/keys/next-root"


def _file_of(holder: KeyHolder) -> bytes:
    return Path(holder.makes_keys()).read_bytes()


async def _send(browser: Browser, busy: RunningConsole, path: str, **fields: str | bytes) -> Reply:
    form = aiohttp.FormData()
    form.add_field("csrf", busy.csrf())
    for name, value in fields.items():
        form.add_field(name, value, filename=name if isinstance(value, bytes) else None)
    return await browser.post(path, form)


async def _brought_back(browser: Browser, busy: RunningConsole, name: str, data: bytes) -> str:
    """The page of keys after somebody's signature came back."""
    reply = await _send(browser, busy, "/console/keys/signed", proposal=name, signed=data)
    assert reply.status == 303, reply.words
    return (await browser.get("/console/keys")).words


async def test_another_holder_comes_and_one_goes(busy: RunningConsole, tmp_path: Path) -> None:
    carol = KeyHolder(tmp_path, "carol")
    card = _file_of(carol)
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        assert "Holders 1, 2" in (await browser.get(_PATH)).words
        reply = await _send(
            browser,
            busy,
            _PATH,
            card1=card,
            card2=b"",
            remove="2",
            threshold="2",
            targets_threshold="2",
            stolen_targets="",
        )
        assert reply.status == 303, reply.words
        recorded = details_of(busy, "key.propose")
        assert (recorded["holders"], recorded["remove"]) == ("carol", "2")
        assert "stolen_targets" not in recorded
        name = reply.headers["Location"].partition("#proposal-")[2]
        waits = (await browser.get("/console/keys")).words
        assert "adds holder carol" in waits
        assert "removes holder 2" in waits
        assert "must sign: take the file to one after the other" in waits
        file = (await browser.get(f"/console/keys/proposal?name={name}")).text.encode()
        waits = await _brought_back(browser, busy, name, signed_by_holder(busy.world, file))
        assert "carol nothing next root, members register, node document, list of files" in waits
        carried = tmp_path / "carried.proposal"
        carried.write_text((await browser.get(f"/console/keys/proposal?name={name}")).text)
        carol.signs(carried)
        waits = await _brought_back(browser, busy, name, carried.read_bytes())
        assert "signed by everybody who must" not in waits, "the list of files is signed once the rest is"
        last = (await browser.get(f"/console/keys/proposal?name={name}")).text.encode()
        carried.write_bytes(signed_by_holder(busy.world, last))
        await _brought_back(browser, busy, name, carried.read_bytes())
        done = await _send(browser, busy, "/console/keys/publish", proposal=name)
        assert done.status == 303, done.words
        keys = (await browser.get("/console/keys")).words
    assert "Root 2 is in force" in keys
    root = busy.world.identity.trust.root()
    assert [holder.name for holder in root.named_holders] == ["1", "carol"]
    assert (root.threshold, root.targets_threshold) == (2, 2)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"card1": b"no card"}, "holder card", id="card"),
        pytest.param({"remove": "nobody"}, "nobody holds no key", id="remove"),
        pytest.param({"threshold": "9"}, "9 of 2 root keys cannot sign", id="too-many"),
        pytest.param({"threshold": "many"}, "threshold is not a number", id="no-number"),
    ],
)
async def test_what_cannot_be_a_root_is_said_at_the_form(
    busy: RunningConsole, fields: dict[str, str | bytes], says: str
) -> None:
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        reply = await _send(browser, busy, _PATH, **fields)
    assert 400 <= reply.status < 500
    assert says in reply.words
    assert proposals.ls(busy.world.identity.home) == []


async def test_an_older_page_means_no_other_proposal_by_a_name(busy: RunningConsole) -> None:
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        first = await _send(browser, busy, _PATH, remove="", threshold="2")
        name = first.headers["Location"].partition("#proposal-")[2]
        assert (await _send(browser, busy, "/console/keys/discard", proposal=name)).status == 303
        await _send(browser, busy, _PATH, remove="", threshold="1")
        late = await _send(browser, busy, "/console/keys/discard", proposal=name)
    assert (late.status, len(proposals.ls(busy.world.identity.home))) == (404, 1)


async def test_of_two_who_bring_signatures_at_once_one_is_told_to_take_the_file_again(
    busy: RunningConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol = KeyHolder(tmp_path, "carol")
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        card = _file_of(carol)
        asked = await _send(browser, busy, _PATH, card1=card, remove="2", threshold="2")
        name = asked.headers["Location"].partition("#proposal-")[2]
        file = (await browser.get(f"/console/keys/proposal?name={name}")).text
        carried = tmp_path / "carried.proposal"
        carried.write_text(file)
        carol.signs(carried)
        write, both = ProposalFile.write, Barrier(2)

        def written_with_another(place: ProposalFile, proposal: Proposal) -> None:
            with suppress(BrokenBarrierError):
                both.wait(1)
            write(place, proposal)

        monkeypatch.setattr(ProposalFile, "write", written_with_another)
        signed = carried.read_bytes(), signed_by_holder(busy.world, file.encode())
        replies = await asyncio.gather(
            *(_send(browser, busy, "/console/keys/signed", proposal=name, signed=each) for each in signed)
        )
    assert sorted(reply.status for reply in replies) == [303, 409]
