"""The lives of keys: rotated, revoked, replaced by a next root, signed for by their holders."""
