"""Successors of the keys in a node document: made and listed ahead of their time, whenever the document is signed.

A document is signed by its holders, seldom; online keys follow each other month by month. So each signing lists the
keys that will be needed until the document ends, and no rotation needs the holders. Keys that the document names no
other way than by a pin, an epoch or the root are not made here.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from keys.key import (
    AuthPublicKey,
    LogPublicKey,
    PublicKey,
    StatementPublicKey,
    TokenPublicKey,
    WitnessPublicKey,
)
from keys.roles import Role
from keys.trust.lifecycle import Lineage, overlap
from keys.trust.listed_keys import listed_keys
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import DatedKey, LogStatus
from keys.trust.tuf.root import RootContent
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window

MakeKey = Callable[[Lineage], PublicKey]
"""Makes the next private key of a lineage, and gives its public half."""

SUCCEEDED: Final = (Role.AUTH, Role.TOKEN, Role.STATEMENT, Role.WITNESS, Role.LOG)
"""Roles whose keys stand in the document with their windows."""
_FORGOTTEN: Final = timedelta(days=30)
"""After so long nothing that was signed with an auth or token key counts anywhere."""


def with_successors(
    document: NodeDocument, root: RootContent, make: MakeKey, *, ended: frozenset[str] = frozenset()
) -> NodeDocument:
    """The document with a key of every lineage until its last day; `ended` kids sign no more, whatever their window."""
    document = _without_forgotten(document)
    for lineage in lineages(document):
        ends = [
            key.valid.end
            for key in listed_keys(document, root)
            if key.lineage == lineage and key.valid is not None and key.kid not in ended
        ]
        for valid in _windows(lineage.role, max(ends, default=document.valid.start), document.valid):
            document = with_key(document, lineage, make(lineage), valid)
    return document


def with_key(document: NodeDocument, lineage: Lineage, key: PublicKey, valid: Window) -> NodeDocument:
    """The document with one more key of a lineage that it names."""
    match key:
        case AuthPublicKey():
            return replace(document, auth_keys=(*document.auth_keys, DatedKey(key.kid, key, valid)))
        case TokenPublicKey():
            return replace(document, token_keys=(*document.token_keys, DatedKey(key.kid, key, valid)))
        case StatementPublicKey():
            listed = (*document.statement_keys, DatedKey(key.kid, key, valid))
            return replace(document, statement_keys=listed)
        case WitnessPublicKey():
            assert document.witness is not None, "a lineage of the document"
            vkey = DatedVkey.of(key, name=lineage.of, valid=valid)
            return replace(document, witness=replace(document.witness, vkeys=(*document.witness.vkeys, vkey)))
        case LogPublicKey():
            vkey = DatedVkey.of(key, name=lineage.of, valid=valid)
            logs = (
                replace(log, vkeys=(*log.vkeys, vkey)) if log.origin == lineage.of else log
                for log in document.logs
            )
            return replace(document, logs=tuple(logs))
        case _:
            raise AssertionError(f"{key.role} keys are not listed with a window")


def ending_by(document: NodeDocument, lineage: Lineage, end: datetime) -> NodeDocument:
    """The document with no key of the lineage that began before `end` lasting longer than that."""

    def cut(valid: Window) -> Window:
        return Window(valid.start, min(valid.end, end)) if valid.start < end else valid

    def vkeys(listed: tuple[DatedVkey, ...]) -> tuple[DatedVkey, ...]:
        return tuple(replace(vkey, valid=cut(vkey.valid)) for vkey in listed)

    match lineage.role:
        case Role.AUTH:
            keys = tuple(replace(each, valid=cut(each.valid)) for each in document.auth_keys)
            return replace(document, auth_keys=keys)
        case Role.TOKEN:
            tokens = tuple(replace(each, valid=cut(each.valid)) for each in document.token_keys)
            return replace(document, token_keys=tokens)
        case Role.STATEMENT:
            statements = tuple(replace(each, valid=cut(each.valid)) for each in document.statement_keys)
            return replace(document, statement_keys=statements)
        case Role.WITNESS:
            assert document.witness is not None, "a lineage of the document"
            witness = replace(document.witness, vkeys=vkeys(document.witness.vkeys))
            return replace(document, witness=witness)
        case Role.LOG:
            logs = (
                replace(log, vkeys=vkeys(log.vkeys)) if log.origin == lineage.of else log
                for log in document.logs
            )
            return replace(document, logs=tuple(logs))
        case _:
            raise AssertionError(f"{lineage.role} keys are not listed with a window")


def lineages(document: NodeDocument) -> Iterator[Lineage]:
    """Where a key must sign as long as the document counts."""
    yield from (Lineage(Role.AUTH), Lineage(Role.TOKEN), Lineage(Role.STATEMENT))
    if document.witness is not None:
        yield Lineage(Role.WITNESS, document.witness.name)
    for log in document.logs:
        if log.status is LogStatus.ACTIVE:
            yield Lineage(Role.LOG, log.origin)


def _windows(role: Role, end: datetime, document: Window) -> Iterator[Window]:
    """Windows after `end` until the document ends, each overlapping the one before; none in the past."""
    life = timedelta(days=role.info.days)
    while end < document.end:
        start = max(end - overlap(life), document.start)
        end = start + life
        yield Window(start, end)


def _without_forgotten(document: NodeDocument) -> NodeDocument:
    oldest = document.valid.start - _FORGOTTEN
    return replace(
        document,
        auth_keys=tuple(each for each in document.auth_keys if each.valid.end > oldest),
        token_keys=tuple(each for each in document.token_keys if each.valid.end > oldest),
    )
