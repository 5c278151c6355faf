"""Against another maker's client of NCMEC's API (PyPI `ncmec-cybertip`): its models and its view of a server."""

import asyncio
import json
from pathlib import Path

from node.hoster.reporters.cybertip_xml import Contact, report
from support.c2sp_peers import package, run
from support.cybertip_host import PASSWORD, USER, cybertip_host
from support.outside import NAME, WITH_ALL

CONTACT = Contact(first_name="Jo", last_name="Desk", email="abuse@hoster.example", platform="Hoster")

READ = """
import json, sys
from ncmec_cybertip import Report
read = Report.from_xml(open(sys.argv[1], "rb").read())
again = read.to_xml(encoding="utf-8", xml_declaration=True, exclude_none=True)
assert Report.from_xml(again) == read
print(json.dumps({
    "type": read.incident_summary.incident_type.value,
    "platform": read.incident_summary.platform,
    "at": read.incident_summary.incident_date_time.isoformat(),
    "email": [each.value for each in read.reporter.reporting_person.email],
    "words": read.additional_info,
    "others": [read.victim, read.person_or_user_reported, read.law_enforcement],
}))
"""
ASK = """
import asyncio, json, ssl, sys
import httpx
from ncmec_cybertip import CyberTiplineClient, Report
from ncmec_cybertip.exceptions import ApiError

url, ca_file, document, user, password = sys.argv[1:]
report = Report.from_xml(open(document, "rb").read())

async def code(work):
    try:
        return (await work).response_code
    except ApiError as error:
        return error.response_code

async def main():
    http = httpx.AsyncClient(auth=(user, password), verify=ssl.create_default_context(cafile=ca_file))
    async with http, CyberTiplineClient(username="", password="", base_url=url, client=http) as client:
        first, second = [(await client.submit(report)).report_id for _ in range(2)]
        codes = [
            await code(client.status()),
            await code(client.finish(first)), await code(client.finish(first)), await code(client.retract(first)),
            await code(client.retract(second)), await code(client.finish(second)), await code(client.finish(1)),
        ]
        print(json.dumps({"first": first, "second": second, "codes": codes}))

asyncio.run(main())
"""


def document(folder: Path) -> str:
    """Our report in a file."""
    path = folder / "report.xml"
    path.write_bytes(report(WITH_ALL, CONTACT))
    return str(path)


def test_another_makers_model_reads_our_report(tmp_path: Path) -> None:
    package("ncmec_cybertip")
    read = json.loads(run("python", "-c", READ, document(tmp_path)))
    assert read["type"] == "Child Pornography (possession, manufacture, and distribution)"
    assert (read["platform"], read["email"]) == ("Hoster", ["abuse@hoster.example"])
    assert read["at"] == "2026-11-01T12:01:00+00:00"
    assert f"SHA256: {WITH_ALL.digest}" in read["words"]
    assert f"File name: {NAME}" in read["words"]
    assert not any(read["others"]), "nobody is accused"


async def test_another_makers_client_takes_our_stand_in_for_the_server(tmp_path: Path) -> None:
    package("ncmec_cybertip")
    path = document(tmp_path)
    async with cybertip_host(tmp_path) as host:
        arguments = ("-c", ASK, host.url, str(host.ca_file), path, USER, PASSWORD)
        said = json.loads(await asyncio.to_thread(run, "python", *arguments))
    assert said["codes"] == [0, 0, 5102, 5102, 0, 5101, 5001]
    assert (host.finished, host.retracted) == ([said["first"]], {said["second"]})
