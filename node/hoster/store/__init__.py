"""What a partner's client keeps: rows of one SQLite file, `migrate` for what were files of their own, and releases."""
