"""The audit log in a browser: newest first, filtered, checked, taken away; and the health of the node."""

from node.audit.reader import read_audit, read_audit_backwards, verify_export
from node.identity.audit import tell
from node.objects.logfiles import LogFiles
from node.store.accounts.records import PersonRole
from support.console import RunningConsole


async def test_records_are_shown_newest_first_and_filtered(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        words = (await browser.get("/console/audit")).words
        assert words.index("entry.import") < words.index("list.create")
        people = (await browser.get("/console/audit?action=person")).words
        assert "person.add" in people
        assert "list.create" not in people
        alice = (await browser.get("/console/audit?actor=alice")).words
        assert "person.add" in alice
        assert "approval.approve" not in alice
        none = (await browser.get("/console/audit?actor=nobody")).words
        assert "No record among these fits the filter." in none


async def test_a_record_has_a_page_of_its_own(busy: RunningConsole) -> None:
    wanted = next(item for item in read_audit(busy.world.store) if item.record.action == "partner.quota")
    async with busy.as_role(PersonRole.VIEWER) as browser:
        words = (await browser.get(f"/console/audit/record?number={wanted.index}")).words
        assert "partner.quota" in words
        assert "hoster" in words
        assert (await browser.get("/console/audit/record?number=999999")).status == 404


async def test_pages_follow_each_other_without_gap(busy: RunningConsole) -> None:
    for number in range(60):
        tell(busy.world.identity, busy.world.store, "test.record", f"subject {number}")
    numbers, path = [], "/console/audit"
    async with busy.as_role(PersonRole.VIEWER) as browser:
        while path:
            text = (await browser.get(path)).text
            numbers += [int(part.split('"')[0]) for part in text.split("/console/audit/record?number=")[1:]]
            link = (
                text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
                if 'rel="next"' in text
                else ""
            )
            path = f"/console/audit{link.replace('&amp;', '&')}" if link else ""
    assert numbers == [item.index for item in read_audit_backwards(busy.world.store)]
    assert numbers == sorted(numbers, reverse=True)


async def test_every_record_is_checked_and_damage_is_named(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        form = {"csrf": busy.csrf()}
        assert (await browser.post("/console/audit/verify", form)).status == 303
        assert "none altered, removed or inserted" in (await browser.get("/console/audit")).words
        world = busy.world
        log = f"{world.node}/audit/main"
        with world.store.read() as unit:
            size = unit.logs.get(log).head.size
        [name, *_] = LogFiles(world.store.objects, world.store.vault, log).bundles(size=size)
        path = world.identity.home.objects / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        reply = await browser.post("/console/audit/verify", form)
    assert reply.status >= 400
    assert "record" in reply.words
    assert "altered" in reply.words


async def test_the_export_is_verified_elsewhere(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.SECURITY, proved_ms=busy.world.now_ms) as browser:
        reply = await browser.get("/console/audit/export")
    assert reply.headers["Content-Disposition"].startswith('attachment; filename="fr.example-audit-')
    root = busy.world.identity.trust.roots()[0]
    verified = verify_export(iter(reply.text.splitlines(keepends=True)), root.sha256)
    assert verified.size > 10
    taken = [item.record for item in read_audit(busy.world.store) if item.record.action == "audit.export"]
    assert [record.actor for record in taken] == ["a.security"]


async def test_what_must_be_mended_is_said_first_with_its_step(busy: RunningConsole) -> None:
    home = busy.world.identity.home
    home.folder.chmod(0o755)
    async with busy.as_role(PersonRole.VIEWER) as browser:
        words = (await browser.get("/console/health")).words
    assert "others can read the home folder" in words
    assert "chmod 700" in words
    assert words.index("soon") < words.index("well", words.index("soon"))
