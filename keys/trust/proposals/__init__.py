"""Proposals: what holders are asked to sign, in words, and signed."""
