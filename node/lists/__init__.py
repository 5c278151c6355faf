"""The own lists, from a row of an import to a signed head, and back off."""
