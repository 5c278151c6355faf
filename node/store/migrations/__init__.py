"""Schema changes, run by `node.store.migrating`."""
