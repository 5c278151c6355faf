"""Documents of the CyberTipline Reporting API: the report that is sent, the answers that are read.

As documented at https://report.cybertip.org/ispws/documentation: elements in the order of its schema, texts within its
lengths. `/fileinfo` is not used: it describes a file that was uploaded, and nothing is ever uploaded from here.
"""

# The parser is the standard library's: no document with a DTD reaches it, so no entity is ever expanded.
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from node.errors import VerificationError
from node.ports.reporters import OutsideHit

INCIDENT_TYPE: Final = "Child Pornography (possession, manufacture, and distribution)"
"""The API's own name, in the words of 18 U.S.C. § 2258A."""
HASH_TYPES: Final = {"md5": "MD5", "sha1": "SHA1", "sha256": "SHA256", "pdq": "PDQ", "photodna": "PhotoDNA"}
_LONGEST: Final = 3000
_REPORT_ID: Final = range(1, 2**63)
_ANSWERS: Final = frozenset({"reportResponse", "reportDoneResponse"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The person who reports, and where it happened."""

    first_name: str
    last_name: str
    email: str
    platform: str = ""
    """Name of the service; empty: not said."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side answered."""

    code: int
    """0: done."""
    report_id: int | None


def report(hit: OutsideHit, contact: Contact) -> bytes:
    """The document that opens a report."""
    root = ET.Element("report")
    summary = ET.SubElement(root, "incidentSummary")
    _add(summary, "incidentType", INCIDENT_TYPE)
    if contact.platform:
        _add(summary, "platform", contact.platform)
    found = datetime.fromtimestamp(hit.found_ms // 1000, UTC)
    _add(summary, "incidentDateTime", found.isoformat().replace("+00:00", "Z"))
    _add(summary, "incidentDateTimeDescription", "when the stored file was recognised by its hash")
    person = ET.SubElement(ET.SubElement(root, "reporter"), "reportingPerson")
    _add(person, "firstName", contact.first_name)
    _add(person, "lastName", contact.last_name)
    _add(person, "email", contact.email)
    _add(root, "additionalInfo", _words(hit))
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def read_answer(body: bytes) -> Answer:
    """What a `reportResponse` or `reportDoneResponse` says; raises `VerificationError` for anything else."""
    try:
        text = body.decode("utf-8")
        if "<!" in text:
            raise VerificationError("the CyberTipline answered with a document that defines its own words")
        root = ET.fromstring(text)  # noqa: S314 -- bounded, and without a DTD
        code, number = root.findtext("responseCode", ""), root.findtext("reportId", "")
        report_id = int(number) if number.strip() else None
        answer = Answer(int(code), report_id)
    except (ValueError, ET.ParseError) as exc:
        raise VerificationError(
            "the CyberTipline's answer cannot be read", hint="is its address right? something else answered"
        ) from exc
    if root.tag not in _ANSWERS or (report_id is not None and report_id not in _REPORT_ID):
        raise VerificationError("the CyberTipline gave an answer that is not documented")
    return answer


def _words(hit: OutsideHit) -> str:
    lines = [
        "A stored file was recognised by its hash; the file was not opened for this report and is not sent.",
        f"Listed as {hit.collection or 'known material'} by: {', '.join(hit.countries) or 'the federation'}.",
        f"Confirmed by {hit.agency} for {hit.partner}; reference {hit.id}.",
    ]
    if hit.weak:
        lines.append("Only one old hash matched; such matches can be forged.")
    kind = HASH_TYPES.get(hit.algorithm, hit.algorithm)
    if hit.digest is not None:
        lines.append(f"{kind}: {hit.digest}")
    if hit.name is not None:
        lines.append(f"File name: {hit.name}")
    return "\n".join(lines)


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = _plain(text)[:_LONGEST]


def _plain(text: str) -> str:
    """The text with what XML 1.0 cannot carry written as escapes: file names come from whoever uploaded the file."""
    return "".join(
        char
        if char == "\n"
        or (
            char >= " "
            and not "\x7f" <= char <= "\x9f"
            and not "\ud800" <= char <= "\udfff"
            and char not in "\ufffe\uffff"
        )
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
