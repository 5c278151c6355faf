"""Fingerprint words as somebody types them who was read them: the right words or wrong ones, but eight words."""

from node.errors import UsageError


def typed_words(text: str) -> bytes:
    """The 16 bytes that eight words stand for; raises `UsageError` where they are none. Comparing is the caller's."""
    from keys.errors import MalformedTrustError
    from keys.trust.fingerprint import from_words

    try:
        return from_words(text)
    except MalformedTrustError as exc:
        raise UsageError(
            f"mistyped words: {exc}",
            hint="eight words of five letters, as sigfed member ls shows them on a node that counts that one",
        ) from exc
