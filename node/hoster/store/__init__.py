"""What a partner's client keeps, in one SQLite file: `database`, and `migrate` for what were files of their own."""
