"""What a peer may read, carried on a medium in place of a connection."""
