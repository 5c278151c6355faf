"""What makes a node's keys trusted: its root, pinned by fingerprint, and the documents that root signs."""
