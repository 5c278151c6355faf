"""The spool of hits: one row each, durable before the hit is shown to anybody.

A hit outlives everything that can fail between finding and reporting it. The row holds what the node needs to be told
and the name of the file that was looked up, which never leaves this machine. The PRF output is not kept: what
authenticates the one report is all that is left of it. Report and receipt are sealed with a key in a file of its own,
so that a copy of the rows alone (a log collector, a support case) tells nobody a hash of the list.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import digest as hmac
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from keys.message import Message
from node.clock import DAY_MS
from node.errors import NotFoundError, StoreError
from node.fields import from_fields, to_fields
from node.files import decode_state
from node.hoster.hits.notification import Notification
from node.hoster.hits.resolutions import Action, Done
from node.hoster.store.database import PartnerStore, Row, Rows, verify_sealed
from node.hoster.store.kinds import FactName, Kind
from node.short_ids import only_one, typed_digits
from protocol.digest import is_weak
from protocol.encoding import b64, decode_cbor, encode_cbor, unb64
from protocol.errors import ProtocolError
from protocol.statement.case import CaseState
from protocol.statement.end import FROM_THE_FIRST
from protocol.statement.report import Evaluated, SentReport

if TYPE_CHECKING:  # what only reads the spool loads nothing that looks up
    from node.hoster.lookup.examiner import Hit

_FORMAT: Final = 1
_KEY: Final = "hits"
_SEALED: Final = ("report", "receipt", "found", "end")
_APART: Final = ("sent", "receipt", "tag", "others", "end")
"""Fields that are in what is sealed."""
_NEWER: Final = ("told", "acknowledged", "not_told", "held", "ended_ms", "late", "instead")
"""Fields that hits of an earlier version do not have."""
_MAX_FOUND: Final = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledHit:
    """One hit, and what was done about it."""

    KIND: ClassVar[str] = Message("hit")
    sent: SentReport = field(repr=False)
    """The report as it is, or will be, sent."""
    name: str
    """Of the file or row that was looked up."""
    found_ms: int
    collection: str
    """Name; empty while nobody has said it."""
    countries: tuple[str, ...]
    weak: bool
    """Only one of md5 and sha1 matched: a person must look, and nothing is done by itself."""
    receipt: bytes = field(default=b"", repr=False)
    """The node's statement; empty: not reported yet."""
    tried: bool = False
    """Whether the report was sent: the node may have it, also where no answer came."""
    refused: str = ""
    """Why the node does not take the report, in words; empty: it was not refused."""
    case: bytes = field(default=b"", repr=False)
    """What the node last said of the case; empty: not disputed."""
    action: Action | None = None
    resolved_ms: int = 0
    told: tuple[Notification, ...] = ()
    """Whom else it was told, or tried to be."""
    acknowledged: bytes = b""
    """The node's statement that it was told what became of the file; empty: it was not."""
    not_told: str = ""
    """Why the node does not want to know, in words; empty: it was not asked, or takes it."""
    before: tuple[Done, ...] = ()
    """What was recorded before it was corrected, oldest first."""
    held: bool = False
    """Whether somebody said that it must not be purged."""
    tag: bytes = field(default=b"", repr=False)
    """Of the reported hash, as in `Evaluated`."""
    others: tuple[Evaluated, ...] = field(default=(), repr=False)
    """The other hashes of the file that are listed: it stays a hit while one of them is."""
    ended_ms: int = 0
    """When it was known here that no release lists its hash any more; 0: the newest one does."""
    end: bytes = field(default=b"", repr=False)
    """The node's statement that the report ended; empty: it gave none."""
    late: bool = False
    """Whether it had ended when the agency got its report, so that nobody began anything because of that."""
    instead: str = ""
    """The id of the hit of another hash of the same file, which is listed still; empty: there is none."""

    @property
    def id(self) -> str:
        """The report's id in hexadecimal digits."""
        return self.sent.report.report_id.hex()

    def by(self, first: Evaluated, *others: Evaluated) -> "SpooledHit":
        """The same file as these hashes are listed; the label of another one does not say by whom."""
        algorithms = [each.report.report.digest.algorithm for each in (first, *others)]
        same = first.report.report.digest == self.sent.report.digest
        return replace(
            self,
            sent=first.report,
            tried=False,
            tag=first.tag,
            others=others,
            weak=is_weak(algorithms),
            countries=self.countries if same else (),
        )

    @property
    def state(self) -> str:
        """In one word: waiting, reported, refused or disputed, and resolved or withdrawn after all."""
        if self.withdrawn:
            return "withdrawn"
        if self.action is not None:
            return "resolved"
        if self.case:
            return "disputed"
        if self.receipt:
            return "reported"
        return "refused" if self.refused else "waiting"

    @property
    def disputed(self) -> bool:
        """Whether the agency is to answer a dispute of it."""
        return bool(self.case) and not self.answered

    @property
    def answered(self) -> bool:
        """Whether the agency answered a dispute of it."""
        return bool(self.case) and bool(CaseState.from_bytes(self.case).answer)

    @property
    def waiting(self) -> bool:
        """Whether it is still to be reported."""
        return not self.receipt and not self.refused and not self.ended_ms

    @property
    def withdrawn(self) -> bool:
        """Whether no release lists its hash any more, and nobody has recorded since what became of the file."""
        return bool(self.ended_ms) and (self.action is None or self.resolved_ms < self.ended_ms)

    @property
    def to_undo(self) -> bool:
        """Whether it was withdrawn after somebody acted on it, or told the agency: a person must look what to undo."""
        believed = bool(self.receipt) and not self.late
        return self.withdrawn and not self.instead and (believed or self.action is not None)

    @property
    def unresolved(self) -> bool:
        """Whether it is still to be recorded what became of the file."""
        return self.action is None and not self.ended_ms

    @property
    def untold(self) -> bool:
        """Whether the node has the report, and is still to be told what became of the file."""
        return self.action is not None and bool(self.receipt) and not (self.acknowledged or self.not_told)

    @property
    def due_ms(self) -> int:
        """By when it should be recorded what became of the file."""
        return self.found_ms + DAY_MS

    def overdue(self, now_ms: int) -> bool:
        """Whether what became of the file should have been recorded by now."""
        return self.unresolved and now_ms > self.due_ms


class Readable(NamedTuple):
    """The hits that can be read, oldest first, and what is wrong with one of the others."""

    hits: list[SpooledHit]
    damage: StoreError | None


class HitSpool:
    """The hits of one enrolment, in its `PartnerStore`."""

    def __init__(self, folder: Path) -> None:
        self._store = PartnerStore(folder)

    def record(self, hit: "Hit", *, name: str, now_ms: int) -> SpooledHit | None:
        """Keep a hit durably; None for the test file. The same file and hash is the same hit, until it was removed.

        What was withdrawn and is listed again is another hit.
        What is disabled, preserved or no material is still there, and was dealt with: finding it again is no news.
        A damaged row of another hit does not keep this one from being recorded. A daemon and a scan that find one file
        in the same moment record it once.
        """
        if hit.report is None:
            return None
        spooled = _spooled(hit, hit.report, name=name, now_ms=now_ms)
        key = self._key()
        with self._store.writing() as rows:
            self._mark_earlier(rows)
            known = self._newest(rows, _mark(key, spooled))
            if known is not None and known.action is not Action.REMOVED:
                return known
            self._put(rows, spooled)
        return spooled

    def recall(self, hit: "Hit", *, name: str) -> SpooledHit | None:
        """The newest hit of the same file and hash that is kept, resolved or not; None for one that was withdrawn."""
        if hit.report is None:
            return None
        mark = _mark(self._key(), _spooled(hit, hit.report, name=name, now_ms=0))
        with self._store.writing() as rows:
            self._mark_earlier(rows)
            return self._newest(rows, mark)

    def _newest(self, rows: Rows, mark: str) -> SpooledHit | None:
        hits = self._opened(rows.marked(Kind.HIT, mark)).hits
        return hits[-1] if hits and not hits[-1].ended_ms else None

    def _mark_earlier(self, rows: Rows) -> None:
        """Mark the hits that were files of their own; what is damaged keeps no other from being known."""
        for hit in self._opened(rows.marked(Kind.HIT, "")).hits:
            self._put(rows, hit)

    def save(self, hit: SpooledHit) -> SpooledHit:
        """Write a hit in place of what was kept of it, and give it back."""
        with self._store.writing() as rows:
            self._put(rows, hit)
        return hit

    def _put(self, rows: Rows, hit: SpooledHit) -> None:
        seal = self._store.seal(_KEY)
        sealed = {
            name: b64(seal.seal(f"{hit.id}/{name}", data)) if data else ""
            for name, data in _secrets(hit).items()
        }
        body = json.dumps({**_fields(hit), **sealed}).encode()
        rows.put(Kind.HIT, hit.id, body, mark=_mark(self._key(), hit))

    def renew(self, old: SpooledHit, *found: Evaluated) -> SpooledHit:
        """Keep a hit with another report of it, the first of what is listed now."""
        with self._store.writing() as rows:
            new = self._kept(rows, old.by(*found))
            rows.remove(Kind.HIT, old.id)
        return new

    def keep(self, new: SpooledHit) -> SpooledHit:
        """What is kept of a hit that takes another's place, written where it is not there yet.

        After a cut between the two it takes the place again, and what was done about it meanwhile stays.
        """
        with self._store.writing() as rows:
            return self._kept(rows, new)

    def _kept(self, rows: Rows, new: SpooledHit) -> SpooledHit:
        kept = self._found(rows, new.id)
        if kept is None:
            self._put(rows, new)
        return kept or new

    @property
    def last_end(self) -> bytes:
        """The id of the last report of which the node told that it ended; zeros: it told of none."""
        with self._store.reading() as rows:
            said = rows.body(Kind.FACT, FactName.LAST_END) or b""
        try:
            return bytes.fromhex(said.decode()) or FROM_THE_FIRST
        except ValueError:
            return FROM_THE_FIRST

    @last_end.setter
    def last_end(self, report_id: bytes) -> None:
        with self._store.writing() as rows:
            rows.put(Kind.FACT, FactName.LAST_END, report_id.hex().encode())

    def drop(self, *hits: SpooledHit) -> None:
        """Forget hits for good."""
        with self._store.writing() as rows:
            for hit in hits:
                rows.remove(Kind.HIT, hit.id)

    def ls(self) -> list[SpooledHit]:
        """All hits, oldest first; raises `StoreError` for a damaged row."""
        found = self.readable()
        if found.damage is not None:
            raise found.damage
        return found.hits

    def readable(self) -> Readable:
        """All hits that can be read: one that is damaged must not stop what is to be done with the others."""
        with self._store.reading() as rows:
            found = rows.ls(Kind.HIT)
        return self._opened(found)

    def _opened(self, rows: Sequence[Row]) -> Readable:
        hits: list[SpooledHit] = []
        damage: StoreError | None = None
        for row in rows:
            try:
                hits.append(self._open(row))
            except StoreError as exc:
                damage = exc
        return Readable(sorted(hits, key=_age), damage)

    def verify(self) -> Iterator[tuple[str, str]]:
        """Every hit that is kept, opened: its name, and what is wrong with it, or nothing."""
        return verify_sealed(self._store, Kind.HIT, _KEY, self._open)

    def find(self, hit_id: str) -> SpooledHit | None:
        """The hit with this whole id; None: it is not kept, or damaged."""
        with self._store.reading() as rows:
            return self._found(rows, hit_id)

    def _found(self, rows: Rows, hit_id: str) -> SpooledHit | None:
        body = rows.body(Kind.HIT, hit_id)
        with suppress(StoreError):
            return None if body is None else self._open(Row(hit_id, body))
        return None

    def get(self, text: str) -> SpooledHit:
        """The one hit whose id begins with these digits; raises `NotFoundError` or `UsageError`."""
        with self._store.reading() as rows:
            found = rows.beginning(Kind.HIT, typed_digits(text))
        none = NotFoundError("there is no such hit here", hint="see them with: sigfed hit ls")
        return self._open(only_one(found, none))

    def _key(self) -> bytes:
        """The key of the spool, made with its first hit."""
        return self._store.key(_KEY)

    def _open(self, row: Row) -> SpooledHit:
        seal = self._store.seal(_KEY)
        try:
            fields = decode_state(row.body)  # one of before has a SHA-256 of its own
            sealed = {name: unb64(dict(fields).get(name, "")) for name in _SEALED}
            return _hit(
                fields,
                {
                    name: seal.unseal(f"{row.name}/{name}", data) if data else b""
                    for name, data in sealed.items()
                },
            )
        except (ValueError, KeyError, TypeError, ProtocolError, StoreError) as exc:
            raise StoreError(
                "hit {id} in {path} is damaged",
                row.name,
                self._store.path,
                hint="restore it from a backup, or look the file up again",
            ) from exc


def _spooled(hit: "Hit", sent: SentReport, *, name: str, now_ms: int) -> SpooledHit:
    """A hit that was just found."""
    return SpooledHit(
        sent=sent,
        name=name,
        found_ms=now_ms,
        collection=hit.collection,
        countries=tuple(dict.fromkeys(source.country for source in hit.sources)),
        weak=hit.weak,
        tag=hit.tag,
        others=hit.others,
    )


def _secrets(hit: SpooledHit) -> dict[str, bytes]:
    """What is sealed, by name: whoever reads it can tell hashes."""
    found = [hit.tag, *(part for other in hit.others for part in (other.report.to_bytes(), other.tag))]
    return {
        "report": hit.sent.to_bytes(),
        "receipt": hit.receipt,
        "found": encode_cbor({0: found}) if hit.tag else b"",
        "end": hit.end,
    }


def _found(data: bytes) -> tuple[bytes, tuple[Evaluated, ...]]:
    """The tag of the reported hash, and the others that are listed."""
    if not data:
        return b"", ()  # hits of an earlier version have none
    parts = decode_cbor(data, max_bytes=_MAX_FOUND)[0]
    tag, *others = parts if isinstance(parts, Sequence) else ()
    pairs = zip(others[::2], others[1::2], strict=True)
    return _octets(tag), tuple(
        Evaluated(SentReport.from_bytes(_octets(sent)), _octets(one)) for sent, one in pairs
    )


def _octets(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError
    return value


def _age(hit: SpooledHit) -> tuple[int, str]:
    return hit.found_ms, hit.id


def _mark(key: bytes, hit: SpooledHit) -> str:
    """What makes two hits one, the hash and the name of the file, for whoever has the key of the spool."""
    digest = hit.sent.report.digest
    text = json.dumps([int(digest.algorithm), b64(digest.value), hit.name])
    return hmac(key, text.encode(), sha256).hex()


def _fields(hit: SpooledHit) -> dict[str, Any]:
    before = [[done.action, done.done_ms] for done in hit.before]
    return {"v": _FORMAT, **to_fields(hit, *_APART, before=before)}


def _hit(fields: dict[str, Any], opened: Mapping[str, bytes]) -> SpooledHit:
    tag, others = _found(opened["found"])
    return from_fields(
        SpooledHit,
        {"tried": bool(opened["receipt"]), **fields},  # hits of an earlier version do not say it
        *_NEWER,
        sent=SentReport.from_bytes(opened["report"]),
        receipt=opened["receipt"],
        tag=tag,
        others=others,
        end=opened["end"],
        before=tuple(Done(Action(action), int(done_ms)) for action, done_ms in fields.get("before", ())),
    )
