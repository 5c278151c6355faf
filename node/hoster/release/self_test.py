"""The self-test of a release before it comes in force: the published test file is a hit, another one is not.

It catches a node that built its answers with another key than it evaluates with, and a client that would say "no hit"
to everything. What the two test files evaluate to is the same in every release of an epoch, and was proven to come from
the epoch's key: so it is asked for once, kept here, and each later release is tested without an evaluation.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from pathlib import Path

from node.errors import NodeError, VerificationError
from node.files import decode_state
from node.hoster.store.database import PartnerStore
from node.hoster.store.kinds import FactName, Kind
from protocol.encoding import b64, unb64
from protocol.errors import ProtocolError
from protocol.subset.canary import CANARIES
from protocol.subset.files import Held
from protocol.subset.lookup import Lookup, check_canaries
from protocol.subset.manifest import Manifest

Ask = Callable[[], Awaitable[Sequence[bytes]]]
"""Has the node evaluate the published test files and checks a whole look-up; gives the outputs, none if not asked."""


class SelfTest(StrEnum):
    """How a release was tested."""

    NOT = ""
    HERE = "here"
    """With what the test files evaluated to earlier in its epoch."""
    ASKED = "asked"
    """By a whole look-up, over the network."""


async def self_test(folder: Path, new: Held, ask: Ask) -> SelfTest:
    """Test a release; what is kept for that lies in `folder`.

    Raises:
        VerificationError: the test file is no hit, or another one is.
        OverQuotaError: the node has to be asked, and the evaluations are used up.
    """
    manifest = new.release.manifest
    kept = _kept(folder, manifest)
    if kept:
        _check(new, kept)
        return SelfTest.HERE
    outputs = await ask()
    if not outputs:
        return SelfTest.NOT
    fields = {**_key(manifest), "outputs": [b64(output) for output in outputs]}
    with PartnerStore(folder).writing() as rows:
        rows.put(Kind.FACT, FactName.SELF_TEST, json.dumps(fields).encode())
    return SelfTest.ASKED


def tested_here(folder: Path, held: Held) -> bool:
    """Test a release now with what is kept, asking nobody; False: nothing is kept for it.

    Raises:
        VerificationError: the test file is no hit, or another one is.
    """
    kept = _kept(folder, held.release.manifest)
    if kept:
        _check(held, kept)
    return bool(kept)


def _check(new: Held, outputs: Sequence[bytes]) -> None:
    try:
        check_canaries(Lookup(new.release), outputs)
    except ProtocolError as exc:
        raise VerificationError(
            "release {version}: {reason}",
            new.version,
            exc,
            hint="the release held before stays in force; tell the agency",
        ) from exc


def _kept(folder: Path, manifest: Manifest) -> list[bytes]:
    """What the test files evaluate to under the key of a release; empty when that has to be asked for."""
    try:
        with PartnerStore(folder).reading() as rows:
            fields = decode_state(rows.body(Kind.FACT, FactName.SELF_TEST) or b"")
        if {name: fields[name] for name in ("subset", "epoch", "pk")} != _key(manifest):
            return []
        outputs = [unb64(text) for text in fields["outputs"]]
    except (NodeError, ValueError, KeyError, TypeError, ProtocolError):
        return []  # it costs one batch to have it again
    return outputs if len(outputs) == len(CANARIES) else []


def _key(manifest: Manifest) -> dict[str, object]:
    return {"subset": b64(manifest.subset_id), "epoch": manifest.epoch, "pk": b64(manifest.pk)}
