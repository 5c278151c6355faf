"""One schema change a file, in order."""
