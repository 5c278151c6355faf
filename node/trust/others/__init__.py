"""Trust files of other nodes: followed, kept, and what they took back."""
