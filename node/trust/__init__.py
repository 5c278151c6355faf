"""Keys and trust files: the node's own, revised and rotated, and those of others, followed."""
