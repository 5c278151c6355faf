"""What can go wrong with keys, signatures and trust documents.

Error texts carry facts an operator needs (a role, a count, a date) and never key bytes, passphrases or the
input that could not be parsed.
"""

from keys.message import Message


class SigfedError(Exception):
    """Any failure that somebody foresaw, with the values of its `Message`; `hint` says what the operator can do."""

    hint: str = ""

    def __init__(self, message: str = "", /, *values: object) -> None:
        super().__init__(Message(message, *values))

    @property
    def message(self) -> Message:
        """What went wrong, with the values that it is told with."""
        said: Message = self.args[0]
        return said


class KeysError(SigfedError):
    """Any failure of this package that is not the caller's programming mistake."""


class MalformedKeyError(KeysError):
    """Bytes or text that are not an admissible key of the purpose asked for."""


class BadSignatureError(KeysError):
    """A signature that does not verify under the key it names."""


class ThresholdError(KeysError):
    """Too few of a role's keys signed."""

    def __init__(self, role: str, *, signed: int, threshold: int) -> None:
        super().__init__(
            "{role}: {signed} of the required {threshold} signatures are valid", role, signed, threshold
        )
        self.role = role
        self.signed = signed
        self.threshold = threshold


class MalformedKeyFileError(KeysError):
    """A private-key file that is damaged or of an unknown form."""


class WrongPassphraseError(KeysError):
    """The passphrase does not open the key file, or a field of the file was altered."""


class MalformedTrustError(KeysError):
    """A root, node document or members register that cannot be read."""


class WrongRootError(KeysError):
    """A root file that is not the one whose fingerprint was pinned."""


class NotCurrentError(KeysError):
    """A key or document used outside its validity window."""


class RolledBackError(KeysError):
    """Signed trust files that are older than those held: somebody replays them."""


class ForkedTrustError(KeysError):
    """Two different trust files, both signed, under one number: the files convict whoever signs for the node."""

    def __init__(self, node: str, what: str, *, held: bytes, shown: bytes) -> None:
        super().__init__("{node} signed two different {what} files under one number", node, what)
        self.node = node
        self.what = what
        """`node`, `members` or `targets`: which of its files."""
        self.held = held
        self.shown = shown
