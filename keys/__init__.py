"""Who signs, with what, and when that counts: typed keys, key files and trust documents, as pure functions."""
