"""The reporter `ncmec`: the CyberTipline of the National Center for Missing & Exploited Children (United States).

A report is opened, then finished; only what was finished is a report. The number of an opened one is kept before it is
finished, so whatever gets lost in between is finished the next time instead of being told twice: an answer that says
it was finished already is a receipt. A report that was opened and whose number was lost is never finished.
No image is ever sent. The test host is the default; the other one must be named twice.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlencode

from pydantic import Field, model_validator

from keys.message import Message
from node.config import Section, validated
from node.errors import (
    ForbiddenError,
    NodeError,
    PeerRefusedError,
    PeerUnreachableError,
    UnauthenticatedError,
    VerificationError,
)
from node.hoster.reporters.cybertip_xml import Answer, Contact, read_answer, report
from node.ports.reporters import Entry, HttpAsk, HttpReply, OutsideHit, OutsideReceipt, Progress, Tools

PRODUCTION: Final = "report.cybertip.org"
TEST: Final = "exttest.cybertip.org"
_BASE: Final = "/ispws"

_NOT_KNOWN, _RETRACTED, _FINISHED = 5001, 5101, 5102
_XML: Final = {"Content-Type": "text/xml; charset=utf-8"}
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_LEAVES_TEST: Final = f"to NCMEC's test system {TEST}, where no report is acted upon"
_LEAVES_PRODUCTION: Final = (
    f"to NCMEC in the United States ({PRODUCTION}), as a report under 18 U.S.C. § 2258A"
)

_Text = Annotated[str, Field(min_length=1, max_length=100)]


class _Options(Section):
    environment: Literal["test", "production"] = "test"
    confirm_production: str = ""
    """The production host's name, said a second time."""
    test_url: Annotated[str, Field(max_length=2048)] = ""
    """Another test system than NCMEC's."""
    username: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^:\x00-\x1f\x7f]+$")]
    password_file: Path
    first_name: _Text
    last_name: _Text
    email: Annotated[str, Field(min_length=3, max_length=255, pattern=r"^[^@\s]+@[^@\s]+$")]
    platform: Annotated[str, Field(max_length=256)] = ""

    @model_validator(mode="after")
    def _meant(self) -> Self:
        """A real report that was sent by mistake cannot be taken back by whoever sent it."""
        if self.environment == "production":
            if self.confirm_production != PRODUCTION:
                raise ValueError(f'real reports are sent only with confirm_production = "{PRODUCTION}"')
            if self.test_url:
                raise ValueError("test_url does not go with the production environment")
        if PRODUCTION in self.test_url.lower():
            raise ValueError("test_url names the production host")
        return self

    @property
    def base_url(self) -> str:
        if self.environment == "production":
            return f"https://{PRODUCTION}{_BASE}"
        return self.test_url.rstrip("/") or f"https://{TEST}{_BASE}"


class CyberTipline:
    """Opens and finishes a report for each hit."""

    def __init__(self, entry: Entry, tools: Tools) -> None:
        options = validated(_Options, entry.options, source=f"reporter {entry.name}")
        tools.web.require_allowed(options.base_url)
        self._entry = entry
        self._web = tools.web
        self._options = options
        shown = b64encode(f"{options.username}:{tools.secret(options.password_file)}".encode()).decode(
            "ascii"
        )
        self._credentials = {"Authorization": f"Basic {shown}"}
        self._contact = Contact(
            first_name=options.first_name,
            last_name=options.last_name,
            email=options.email,
            platform=options.platform,
        )
        self._greeted = False

    @property
    def destination(self) -> str:
        """As `Reporter.destination`: what the test system was told, the other one was not."""
        return "/".join(self._options.base_url.split("/")[2:3])

    @property
    def leaves(self) -> Sequence[str]:
        """As `Reporter.leaves`."""
        options = self._options
        to = _LEAVES_PRODUCTION if options.environment == "production" else _LEAVES_TEST
        if options.test_url:
            to = f"to the test system {self.destination}"
        more = [
            *(["its hash"] if self._entry.sends_hash else []),
            *(["the name of its file"] if self._entry.sends_name else []),
        ]
        return (
            f"{to}:",
            f"the name and address of {options.first_name} {options.last_name}, your name and the agency's,",
            "when the file was recognised, its collection, the countries that list it, the hit's id"
            + "".join(f", {each}" for each in more),
            "no file is sent, and none is uploaded later",
        )

    async def submit(self, hit: OutsideHit, progress: Progress) -> OutsideReceipt:
        """As `Reporter.submit`; the reference is the number of the report."""
        if not self._greeted:
            self._require(await self._ask("GET", "/status", {}, None, repeatable=True), "does not greet us")
            self._greeted = True
        if progress.text.isdecimal() and await self._finish(int(progress.text)):
            return OutsideReceipt(reference=progress.text)
        opened = self._require(
            await self._ask("POST", "/submit", _XML, report(hit, self._contact)), "does not take the report"
        )
        if opened.report_id is None:
            raise VerificationError("the CyberTipline opened a report and did not say its number")
        progress.keep(str(opened.report_id))
        try:
            finished = await self._finish(opened.report_id)
        except PeerRefusedError:
            await self.retract(opened.report_id)
            progress.keep("")
            raise
        if not finished:
            raise PeerUnreachableError(
                "the CyberTipline does not know a report that it has just opened", hint="report again later"
            )
        return OutsideReceipt(reference=str(opened.report_id))

    async def retract(self, report_id: int) -> None:
        """Cancel a report that was opened and not finished; a finished one cannot be taken back.

        Raises:
            PeerRefusedError: it is finished, or not known.
        """
        self._require(await self._post_id("/retract", report_id), "does not retract the report")

    async def _finish(self, report_id: int) -> bool:
        """Whether it is finished now; False where there is no such report (any more), so that it is opened anew."""
        answer = await self._post_id("/finish", report_id)
        if answer.code in {_NOT_KNOWN, _RETRACTED}:
            return False
        if answer.code == _FINISHED:  # the answer to an earlier attempt was lost
            return True
        self._require(answer, "does not finish the report")
        if answer.report_id != report_id:
            raise VerificationError("the CyberTipline answered about another report")
        return True

    async def _post_id(self, path: str, report_id: int) -> Answer:
        body = urlencode({"id": report_id}).encode("ascii")
        return await self._ask("POST", path, _FORM, body, repeatable=True)

    async def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        repeatable: bool = False,
    ) -> Answer:
        url = self._options.base_url + path
        sent = {**headers, **self._credentials}
        reply = await self._web.ask(
            HttpAsk(method=method, url=url, headers=sent, body=body, repeatable=repeatable)
        )
        return self._read(reply)

    def _read(self, reply: HttpReply) -> Answer:
        if reply.status == 401:
            raise self._unauthenticated()
        if 300 <= reply.status < 400 or not reply.body:
            raise VerificationError(
                "the CyberTipline answered with status {status} and nothing that can be read",
                reply.status,
                hint="is its address right? a redirect is not followed",
            )
        return read_answer(reply.body)

    def _require(self, answer: Answer, what: str) -> Answer:
        """The answer, if it says done; raises what its code means (documentation, "Response codes")."""
        if answer.code == 0:
            return answer
        raise self._refusal(answer.code, f"the CyberTipline {what} (code {answer.code})")

    def _refusal(self, code: int, words: str) -> NodeError:
        match code // 1000:
            case 1:
                return PeerUnreachableError(
                    "{words}: it failed", words, hint="report again later; nothing is lost"
                )
            case 2:
                return self._unauthenticated()
            case 3:
                return ForbiddenError(words, hint="ask NCMEC what this user name may do")
            case _:
                return PeerRefusedError(words, status=code, hint="see the API's response codes")

    def _unauthenticated(self) -> UnauthenticatedError:
        return UnauthenticatedError(
            "the CyberTipline does not accept the user name and password",
            hint=Message(
                "those for the test system and the other one differ; see {path}", self._options.password_file
            ),
        )
