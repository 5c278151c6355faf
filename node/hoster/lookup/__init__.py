"""Looking up: what a release says of a file, and what the node is asked about it, under cover."""
