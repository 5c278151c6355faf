"""Private keys on disk and signers that do I/O; what a key may sign is decided in `keys`."""
