"""A signature from outside counts only if the public half says so.

An agent, a token or another process may hold another key than it did yesterday, sign something else, or compute wrongly
when its hardware fails; each would put a signature into the world that nobody can verify, or one that betrays the key.
So every signature from outside is verified here before it leaves.
"""

from collections.abc import Callable

from keys.errors import BadSignatureError
from keys.key import PublicKey
from node.errors import SignerRefusedError


class VerifiedSigner:
    """`keys.signer.Signer` whose signatures `sign` makes; `place` says in errors where the key is."""

    def __init__(self, public: PublicKey, sign: Callable[[bytes], bytes], *, place: str) -> None:
        self._public = public
        self._sign = sign
        self._place = place

    @property
    def public(self) -> PublicKey:
        """The public half of the key that signs."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """The signature, verified.

        Raises:
            SignerDownError: what holds the key cannot be reached.
            SignerRefusedError: it gave something else than a signature by this key.
        """
        signature = self._sign(message)
        try:
            self._public.verify(message, signature)
        except BadSignatureError:
            raise SignerRefusedError(
                "{place} did not sign with {role} key {kid}",
                self._place,
                self._public.role,
                self._public.kid,
                hint="find out what was changed there before anything is signed with it again",
            ) from None
        return signature
