"""The catalogue: SQLModel tables in SQLite or PostgreSQL, and the only code that knows it."""
