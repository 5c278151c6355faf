"""Schema changes, run by `node.store.migrate`."""
