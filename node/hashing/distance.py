"""How far apart two PDQ values may be to count as near: apart from what compares them, which takes long to load."""

from typing import Final

RECOMMENDED: Final = 31
"""Bits of 256 that differ, at most: what PDQ's authors recommend."""
