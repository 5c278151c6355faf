"""Asking other agencies who holds a hash: joined with a string that is shown to nobody, asked, answered, recorded.

Two agencies, each with the console of its home; over HTTP one asks the other, which has never heard about what.
"""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio

from node.audit.reader import read_audit
from node.console.pages.entries import holders as page
from node.errors import PeerUnreachableError
from node.hoster import client
from node.store.accounts.records import PersonRole
from support.agencies import LIST, SUBSET, Federation, cheapen, row, table, written
from support.audited import audit_text, recorded
from support.browser import axe_async, browsing_async
from support.busy_agency import open_world
from support.console import Reply, RunningConsole, console_of
from support.federated import federated

_PAGE = "/console/holders"
_HOLDINGS = "holdings"
_SECRET = b"held by one agency in an investigation"
_CONTACT = '<b>duty</b> "desk" +31'
_HELD, _FREE = sha256(_SECRET).hexdigest(), sha256(b"held by nobody").hexdigest()


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """NL lists what FR does not, and lets members ask; FR's node stands still, and its console has its home."""
    with federated(tmp_path_factory.mktemp("holders")) as made:
        nl = made.nl
        export = written(
            made.folder / "investigative.csv", table(_SECRET).replace("baseline", "investigative")
        )
        nl.done("entry", "import", export, "--list", LIST, "--basis", "own")
        nl.done("publish")
        nl.done("subset", "create", _HOLDINGS, "--holdings", "--collection", "investigative")
        cheapen(nl)
        nl.done("subset", "release", _HOLDINGS)
        nl.done("contact", _CONTACT)
        made.fr_node.stop()
        yield made


@pytest_asyncio.fixture
async def fr(federation: Federation) -> AsyncIterator[RunningConsole]:
    with ExitStack() as stack:
        async with console_of(open_world(federation.fr.home, stack)) as running:
            yield running


@pytest_asyncio.fixture
async def nl(federation: Federation, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """Of the home that NL's node works with, too."""
    with ExitStack() as stack:
        async with console_of(open_world(federation.nl.home, stack)) as running:
            yield running


async def _send(console: RunningConsole, path: str, role: PersonRole, **fields: str) -> Reply:
    async with console.as_role(role, proved_ms=console.world.now_ms, person="alice") as browser:
        reply = await browser.post(path, {"csrf": console.csrf(), **fields})
        return await browser.get(reply.headers["Location"]) if reply.status == 303 else reply


async def _invited(nl: RunningConsole, name: str, **fields: str) -> tuple[str, Reply]:
    """An invitation that NL's operator makes in a browser, with the page that shows it."""
    form = {"name": name, "subset": _HOLDINGS, "agency": "fr.example"} | fields
    reply = await _send(nl, "/console/partners/invite", PersonRole.OPERATOR, **form)
    found = re.findall(r"<textarea[^>]*>([^<]+)</textarea>", reply.text)
    return (found[0] if found else ""), reply


async def _look(console: RunningConsole, path: str, role: PersonRole = PersonRole.VIEWER) -> Reply:
    async with console.as_role(role) as browser:
        return await browser.get(path)


async def test_nobody_is_asked_before_somebody_joined(fr: RunningConsole) -> None:
    assert "No agency can be asked yet" in (await _look(fr, _PAGE)).words
    reply = await _send(fr, f"{_PAGE}/ask", PersonRole.ANALYST, hash=_HELD)
    assert reply.status == 400
    assert "no agency can be asked" in reply.words


async def test_holdings_are_for_a_member_that_is_named(nl: RunningConsole) -> None:
    assert "fr.example" in (await _look(nl, "/console/partners", PersonRole.OPERATOR)).words
    for wrong, why in (
        ({"agency": ""}, "is for members of the federation"),
        ({"agency": "nobody.example"}, "is for members of the federation"),
        ({"agency": "nl.example"}, "is for members of the federation"),
    ):
        text, reply = await _invited(nl, "wrong", **wrong)
        assert (text, reply.status) == ("", 400), wrong
        assert why in reply.words


async def test_a_partners_subset_is_for_no_agency(fr: RunningConsole) -> None:
    reply = await _send(
        fr, "/console/partners/invite", PersonRole.OPERATOR, name="x", subset=SUBSET, agency="nl.example"
    )
    assert "is for partners" in reply.words


async def test_a_string_joins_once_and_is_shown_nowhere(fr: RunningConsole, nl: RunningConsole) -> None:
    text, shown = await _invited(nl, "fr-asks")
    assert "sigfed holders join" in shown.words
    assert "sigfed enroll" not in shown.words
    joined = await _send(fr, f"{_PAGE}/join", PersonRole.OPERATOR, invitation=text)
    assert "nl.example may be asked about 2 entries, as fr-asks" in joined.words
    assert "<b>duty" not in joined.text
    again, _ = await _invited(nl, "fr-twice")
    assert again
    refused = await _send(fr, f"{_PAGE}/join", PersonRole.OPERATOR, invitation=again)
    assert (refused.status, again in refused.text) == (409, False)
    assert "may ask nl.example already" in refused.words
    newest = list(read_audit(fr.world.store))[-1].record
    assert (newest.action, newest.actor) == ("holders.join", "alice")
    assert ("node", "nl.example") in dict(newest.details).items()
    code = text.partition("#")[2]
    assert code not in audit_text(fr) + audit_text(nl) + joined.text


async def test_who_joined_stays_joined_where_the_list_does_not_come(
    fr: RunningConsole, nl: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The string is used up by then: saying that nothing was done would lose the agency its invitation."""

    async def cut_off(*_: object, **__: object) -> None:
        raise PeerUnreachableError("cut off")

    for home in fr.world.identity.home.askers:
        shutil.rmtree(home.folder)
    text, _ = await _invited(nl, "fr-again")
    with monkeypatch.context() as cut:
        cut.setattr(client, "update", cut_off)
        joined = await _send(fr, f"{_PAGE}/join", PersonRole.OPERATOR, invitation=text)
    assert "nl.example may be asked; its list has not come yet" in joined.words
    newest = list(read_audit(fr.world.store))[-1].record
    assert (newest.action, newest.outcome) == ("holders.join", "partly")
    asked = await _send(fr, f"{_PAGE}/ask", PersonRole.ANALYST, hash=_HELD)
    assert "holds this hash" in asked.words


@pytest.mark.parametrize(
    ("string", "why"),
    [
        ("https://127.0.0.1:1/#" + "A" * 52, "not from a member"),
        ("https://127.0.0.1:1/#" + "1" * 52, "other characters"),
        ("<img src=x>", "was it pasted whole?"),
        ("x" * 5000, "too long"),
        ("", "is missing"),
    ],
)
async def test_what_is_no_string_of_a_member_is_refused(fr: RunningConsole, string: str, why: str) -> None:
    before = recorded(fr)
    reply = await _send(fr, f"{_PAGE}/join", PersonRole.OPERATOR, invitation=string)
    assert reply.status >= 400
    assert why in reply.words
    assert not string or string not in reply.text
    assert recorded(fr) == before


async def test_a_string_is_not_held_while_a_passkey_is_asked_for(fr: RunningConsole) -> None:
    async with fr.as_role(PersonRole.OPERATOR) as browser:
        reply = await browser.post(f"{_PAGE}/join", {"csrf": fr.csrf(), "invitation": "the-secret-string"})
        assert reply.headers["Location"] == "/console/prove?to=/console/holders"
        assert "the-secret-string" not in (await browser.get(_PAGE)).text


@pytest.mark.threat("look-ups between agencies")
async def test_who_holds_it_is_named_and_who_asked_recorded(
    fr: RunningConsole, federation: Federation
) -> None:
    asked = await _send(fr, f"{_PAGE}/ask", PersonRole.ANALYST, hash=f"{_HELD}\n{_FREE}")
    assert re.search(r"nl\.example \S+ line 1 holds this hash investigative \(sha256\)", asked.words)
    assert re.search(r"nl\.example \S+ line 2 does not hold this hash", asked.words)
    assert '<b>duty</b> "desk"' in asked.words
    assert "<b>duty" not in asked.text
    newest = list(read_audit(fr.world.store))[-1].record
    details = dict(newest.details)
    assert (newest.action, newest.actor) == ("entry.holders", "alice")
    assert (details["files"], details["asked"], details["not_answered"]) == ("2", "1", "0")
    told = audit_text(fr) + federation.nl_node.journal.read_text()
    assert not any(value in told for value in (*row(_SECRET).split(","), _FREE) if len(value) >= 32)


async def test_answers_are_shown_once_to_whoever_asked(fr: RunningConsole) -> None:
    async with fr.as_role(PersonRole.ANALYST) as browser:
        await browser.post(f"{_PAGE}/ask", {"csrf": fr.csrf(), "hash": _HELD})
        other = await _look(fr, f"{_PAGE}/asked", PersonRole.ANALYST)
        first, second = [await browser.get(f"{_PAGE}/asked") for _ in range(2)]
    assert "is shown once, and was shown" in other.words
    assert "holds this hash" in first.words
    assert "is shown once, and was shown" in second.words


@pytest.mark.usefixtures("with_browser")
async def test_in_a_browser_nothing_is_in_the_way_of_reading_the_answers(fr: RunningConsole) -> None:
    """Of the pages as they are once somebody may be asked; the others are judged with all pages."""
    async with browsing_async() as browser:
        context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="fr")
        await context.add_cookies([fr.cookie(PersonRole.OPERATOR, proved_ms=fr.world.now_ms)])
        shown = await context.new_page()
        await shown.goto(fr.url(_PAGE))
        assert await axe_async(shown) == []
        await shown.fill("#field-hash", f"{_HELD}\n{_FREE}")
        await shown.click("#form-holders-ask button")
        await shown.wait_for_url("**/holders/asked")
        assert await axe_async(shown) == []
        assert await shown.evaluate("document.documentElement.scrollWidth") <= 390
        read = await shown.inner_text("main")
        assert "ligne 2" in read
        assert "ne détient pas cette empreinte" in read
        await context.close()


async def test_the_page_of_an_entry_leads_there(fr: RunningConsole) -> None:
    place = "list=nl.example/lists/csam&index=0"
    entry = await _look(fr, f"/console/entry?{place}", PersonRole.ANALYST)
    assert f'href="{_PAGE}?{place.replace("&", "&amp;")}"' in entry.text
    assert _PAGE + "?" not in (await _look(fr, f"/console/entry?{place}")).text
    asking = (await _look(fr, f"{_PAGE}?{place}", PersonRole.ANALYST)).words
    assert "This asks nl.example ." in asking.replace("nl.example.", "nl.example .")
    assert "never about what" in asking
    asked = await _send(fr, f"{_PAGE}/ask", PersonRole.ANALYST, list="nl.example/lists/csam", index="0")
    assert "does not hold this hash" in asked.words
    assert recorded(fr)[-1] == ("entry.holders", "nl.example/lists/csam:0", "alice")


async def test_a_damaged_enrolment_is_shown_and_the_page_stands(fr: RunningConsole) -> None:
    [home] = fr.world.identity.home.askers
    file = home.partner / "state.db"
    sound = file.read_bytes()
    file.write_bytes(b"damaged")
    try:
        page = (await _look(fr, _PAGE, PersonRole.ANALYST)).words
        asked = (await _send(fr, f"{_PAGE}/ask", PersonRole.ANALYST, hash=_HELD)).words
    finally:
        file.write_bytes(sound)
    assert f"nl.example - cannot be asked {file} is damaged" in page
    assert "This asks" not in page
    assert "could not be asked" in asked


async def test_a_question_is_bounded(fr: RunningConsole) -> None:
    many = "\n".join([_HELD] * (page.MOST + 1))
    reply = await _send(fr, f"{_PAGE}/ask", PersonRole.ANALYST, hash=many)
    assert (reply.status, f"at most {page.MOST} files" in reply.words) == (400, True)
    with page._ONE_AT_A_TIME:  # somebody else waits for the network
        reply = await _send(fr, f"{_PAGE}/ask", PersonRole.ANALYST, hash=_HELD)
    assert (reply.status, "somebody else asks" in reply.words) == (429, True)


async def test_who_does_not_answer_is_named(
    fr: RunningConsole, federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the others: NL's node stands still from here on."""
    with monkeypatch.context() as hasty:
        hasty.setattr(page, "SECONDS", 0.0)
        asked = await _send(fr, f"{_PAGE}/ask", PersonRole.ANALYST, hash=_HELD)
        assert "could not be asked no answer within 0 seconds" in asked.words
    federation.nl_node.stop()
    asked = await _send(fr, f"{_PAGE}/ask", PersonRole.ANALYST, hash=_HELD)
    assert "could not be asked" in asked.words
    assert "holds this hash" not in asked.words
    assert dict(list(read_audit(fr.world.store))[-1].record.details)["not_answered"] == "1"
