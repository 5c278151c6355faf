"""Transparency logs: RFC 6962 trees in the C2SP formats (tiles, notes, checkpoints, cosignatures, proofs)."""
