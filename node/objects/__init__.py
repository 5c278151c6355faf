"""Object stores: a folder on disk."""
