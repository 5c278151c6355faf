"""Of a release that too few witnesses stand behind: what it takes away, at once, and nothing else.

A withdrawal must not wait for other agencies' machines, and a log's key alone must not list anything. So the answers
that such a release no longer has are taken from the release in force, which witnesses stand behind; what it adds, its
screen, its labels and its later end wait. In all no more goes than a cap. Spec: docs/spec/subset.md, "Witnesses".
"""

from dataclasses import dataclass

from node.clock import moment_of
from node.errors import VerificationError
from node.hoster.folder import Enrolment
from node.hoster.release.parts import fetch_part
from node.hoster.store.release import NewRelease
from node.hoster.trust.witness_policy import Backing
from protocol.api import SubsetApi
from protocol.messages import ReleasePart
from protocol.subset.deltas.removals import answers_gone, joined, removal_cap
from protocol.subset.deltas.values import align
from protocol.subset.files import Held
from protocol.subset.manifest import Manifest
from protocol.subset.rice import U64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taken:
    """What is gone of the release in force."""

    gone: U64Array
    """Places of all answers that are gone, with those that went before."""
    waits: bool
    """Whether the release says more than that: it waits for witnesses."""


async def take_away(
    api: SubsetApi,
    subset: str,
    version: int,
    manifest: Manifest,
    *,
    held: Held,
    files: NewRelease,
    before: U64Array,
) -> Taken:
    """What the release `version` of `manifest` takes from `held`, of which the answers at `before` are gone already.

    Its answers are written into `files`.

    Raises:
        ProtocolError: its answers are not those of its manifest.
        VerificationError: more would be gone than may go without witnesses; nothing of it is.
    """
    mine = held.release.manifest
    if (mine.epoch, mine.answers_width) != (manifest.epoch, manifest.answers_width):
        return Taken(gone=before, waits=True)
    data = await fetch_part(api, subset, version, ReleasePart.ANSWERS, manifest=manifest, held=held)
    files.write(ReleasePart.ANSWERS, data)
    answers = files.answers()
    gone = joined(before, answers_gone(held.release, manifest, answers))
    cap = removal_cap(len(held.release.answers))
    if len(gone) > cap:
        raise VerificationError(
            "{subset}: release {version} takes away more than may go without witnesses: {count} of at"
            " most {cap}",
            subset,
            version,
            len(gone),
            cap,
            hint="nothing of it was applied; telephone the agency and ask whether it withdrew so many",
        )
    same = len(gone) + len(answers) == len(held.release.answers)
    return Taken(gone=gone, waits=not same or bool(len(align(held.release.answers, answers).inserted)))


def waiting(
    enrolment: Enrolment, version: int, held: Held | None, backing: Backing, *, damaged: int = 0
) -> VerificationError:
    """Too few stand behind the newest release: what that means and when it begins to matter.

    `damaged` is the release whose files should have been replaced; 0: none.
    """
    if backing.late:
        text = f"the cosignatures of release {version} are too old to say that it is the newest"
    else:
        text = f"release {version} waits for {backing.missing} more of the members that cosign it"
    return VerificationError("{subset}: {text}", enrolment.subset, text, hint=_hint(enrolment, held, damaged))


def _hint(enrolment: Enrolment, held: Held | None, damaged: int) -> str:
    if damaged:
        return (
            f"only a release that enough of them stand behind can replace the files of release {damaged}: run sigfed"
            " update --whole again, or restore the files from a backup"
        )
    if held is None:
        return (
            "you are enrolled, the invitation has done its work: run sigfed update later, when the other members'"
            " nodes answer; until then there is no list here. Tell the agency if it lasts"
        )
    end = moment_of(held.release.manifest.not_after_ms)
    return (
        f"release {held.version}, without what was withdrawn since, stays in force until {end:%Y-%m-%d} and"
        f" {enrolment.grace_days} days more; after that nothing is looked up (exit code 13). Run sigfed update again;"
        " tell the agency if it lasts for a day"
    )
