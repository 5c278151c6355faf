"""The lives of keys: rotated, revoked, replaced by a next root, signed for; and the store opened for who acts."""
