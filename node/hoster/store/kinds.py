"""What a partner's client keeps: kinds of rows, the names of those that there is one of, the files of a release."""

from enum import StrEnum


class Kind(StrEnum):
    """What a row is."""

    FACT = "fact"
    """Something that there is one of, by its `FactName`."""
    HIT = "hit"
    UNCONFIRMED = "unconfirmed"
    """A file that waits for its verdict."""
    PROPOSAL = "proposal"
    CONSOLE_TOKEN = "console-token"  # noqa: S105 - the word, not one of them


class FactName(StrEnum):
    """The name of a fact."""

    STATE = "state"
    """The enrolment, and how far the release log is followed."""
    SELF_TEST = "self-test"
    LAST_UPDATE = "last-update"
    AGREED = "agreed"
    """Which reporters a person agreed to."""
    SCANS = "scans"
    """Those that were finished."""
    LAST_END = "last-end"
    """The last report of which the node told that it ended."""
    TO_SCRUB = "to-scrub"
    """Rows were removed since the file was written anew; other bytes each time."""


class ReleaseFile(StrEnum):
    """The name of a file of a release, in the folder of its version."""

    MANIFEST = "manifest.cbor"
    FILTER = "filter.cbor"
    SCREEN = "screen.u64"
    ANSWERS = "answers.u64"
    LABELS = "labels.bin"
    GONE = "gone.u64"
    """Places of the answers that a head without witnesses took away, 8 bytes each; before them, how many."""
